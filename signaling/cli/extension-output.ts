/** Extensions as they are shown; the digests of passwords never are. */
import { noDiversion, type Contact, type Diversion, type Extension } from '../store/store';
import { columns } from './columns';

/** `contacts`: those of this and other extensions; expired ones are left out. */
export function extensionJson(extension: Extension, contacts: readonly Contact[] = [], now = 0): Record<string, unknown> {
  const { number, name, media, srtp, recording, diversion = noDiversion, createdAt } = extension;
  return {
    number,
    name,
    media,
    srtp,
    recording,
    diversion,
    createdAt: new Date(createdAt).toISOString(),
    contacts: live(extension, contacts, now).map(({ uri, source, userAgent, expiresAt }) => ({
      uri,
      source,
      userAgent,
      expiresAt: new Date(expiresAt).toISOString(),
    })),
  };
}

export function extensionTable(extensions: readonly Extension[], contacts: readonly Contact[], now: number): string {
  if (extensions.length === 0) return 'There are no extensions. Add one: offhook extension add NUMBER\n';
  const rows = extensions.map((one) => [one.number, one.name ?? '', one.media, one.srtp, one.recording, phones(live(one, contacts, now).length)]);
  return columns([['NUMBER', 'NAME', 'MEDIA', 'SRTP', 'RECORDED', 'REGISTERED'], ...rows]);
}

export interface MailboxFacts {
  voicemail: boolean;
  email: string | null;
  pin: boolean;
  messages: { new: number; saved: number };
}

export function extensionDetails(extension: Extension, contacts: readonly Contact[], now: number, mailbox: MailboxFacts): string {
  const registered = live(extension, contacts, now);
  const facts = [
    ['number', extension.number],
    ['name', extension.name ?? '-'],
    ['media', extension.media],
    ['srtp', extension.srtp],
    ['recorded', extension.recording],
    ...diversionFacts(extension.diversion),
    ['voicemail', `${mailbox.voicemail ? 'on' : 'off'}, ${mailbox.messages.new} new and ${mailbox.messages.saved} saved, ${mailbox.pin ? 'with a PIN' : 'no PIN'}`],
    ['e-mail', mailbox.email ?? '-'],
    ['added', new Date(extension.createdAt).toISOString()],
    ['registered', phones(registered.length)],
  ];
  const where = registered.map((one) => {
    const seconds = Math.ceil((one.expiresAt - now) / 1000);
    return `  ${one.uri} from ${one.source}, ${one.userAgent ?? 'unknown phone'}, for ${seconds} s more\n`;
  });
  return columns(facts) + where.join('');
}

function diversionFacts({ always, busy, noAnswer, offline, ringSeconds, doNotDisturb }: Diversion = noDiversion): string[][] {
  const ways = Object.entries({ always, 'when busy': busy, 'when nobody answers': noAnswer, 'when offline': offline }).flatMap(([when, to]) => (to === null ? [] : [`${when} to ${to}`]));
  return [
    ['forwarded', ways.join(', ') || '-'],
    ...(ringSeconds === null ? [] : [['rings for', `${ringSeconds} s`]]),
    ...(doNotDisturb ? [['do not disturb', 'on']] : []),
  ];
}

function live(extension: Extension, contacts: readonly Contact[], now: number): Contact[] {
  return contacts.filter((contact) => contact.extension === extension.number && contact.expiresAt > now);
}

function phones(count: number): string {
  return count === 0 ? 'no' : count === 1 ? '1 phone' : `${count} phones`;
}
