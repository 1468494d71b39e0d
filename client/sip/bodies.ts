/** What NOTIFY brings: message-summary (RFC 3842), PIDF (RFC 3863 with RPID, RFC 4480), dialog-info (RFC 4235). Never throws: what cannot be read is undefined. */

export interface MessageSummary {
  waiting: boolean;
  newMessages: number;
  oldMessages: number;
  urgentNew: number;
  account: string | null;
}

/** 'Messages-Waiting: yes', 'Voice-Message: 2/8 (0/2)'. Without 'Messages-Waiting' it is none. */
export function messageSummary(body: string): MessageSummary | undefined {
  const line = (name: string): string | undefined => new RegExp(`^${name}[ \\t]*:[ \\t]*([^\\r\\n]*)`, 'im').exec(body)?.[1]?.trim();
  const waiting = line('messages-waiting')?.toLowerCase();
  if (waiting !== 'yes' && waiting !== 'no') return undefined;
  const counts = /^(\d{1,9})\s*\/\s*(\d{1,9})(?:\s*\(\s*(\d{1,9})\s*\/\s*\d{1,9}\s*\))?/.exec(line('voice-message') ?? '');
  const account = line('message-account');
  return { waiting: waiting === 'yes', newMessages: Number(counts?.[1] ?? 0), oldMessages: Number(counts?.[2] ?? 0), urgentNew: Number(counts?.[3] ?? 0), account: account || null };
}

export type PresenceState = 'open' | 'closed' | 'busy' | 'ringing' | 'unknown';

export interface Presence {
  state: PresenceState;
  note: string;
}

/** By the content type of the NOTIFY. `who`: user part of whom we watch, for documents that tell of several. */
export function presence(contentType: string, body: string): Presence | undefined {
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  // Comments and CDATA would only hide or fake elements; there are none in what servers send.
  const xml = body.slice(0, 65_536).replace(/<!--[\s\S]*?-->/g, '');
  if (type === 'application/pidf+xml') return pidf(xml);
  if (type === 'application/dialog-info+xml') return dialogInfo(xml);
  return undefined;
}

/** The contents of every element of that local name, whatever its namespace prefix. */
const contents = (xml: string, name: string): string[] => [...xml.matchAll(new RegExp(`<(?:[\\w.-]+:)?${name}(?=[\\s>])[^>]*>([\\s\\S]*?)</(?:[\\w.-]+:)?${name}\\s*>`, 'gi'))].map((match) => match[1]!);
const has = (xml: string, name: string): boolean => new RegExp(`<(?:[\\w.-]+:)?${name}\\s*/?>`, 'i').test(xml);

function pidf(xml: string): Presence | undefined {
  const basics = contents(xml, 'basic').map((text) => text.trim().toLowerCase());
  if (basics.length === 0) return /<(?:[\w.-]+:)?presence[\s>]/i.test(xml) ? { state: 'unknown', note: '' } : undefined;
  const activities = contents(xml, 'activities').join('');
  const note = plain(contents(xml, 'note')[0] ?? '');
  const open = basics.includes('open');
  const busy = has(activities, 'on-the-phone') || has(activities, 'busy') || has(activities, 'meeting') || (open && /^(?:on the phone|busy|in a call|talking)/i.test(note));
  return { state: busy ? 'busy' : open ? 'open' : basics.includes('closed') ? 'closed' : 'unknown', note };
}

function dialogInfo(xml: string): Presence | undefined {
  if (!/<(?:[\w.-]+:)?dialog-info[\s>]/i.test(xml)) return undefined;
  const dialogs = [...xml.matchAll(/<(?:[\w.-]+:)?dialog(?=[\s>])[^>]*>([\s\S]*?)<\/(?:[\w.-]+:)?dialog\s*>/gi)].map((match) => contents(match[1]!, 'state')[0]?.trim().toLowerCase());
  const state = dialogs.includes('confirmed') ? 'busy' : dialogs.some((one) => one === 'early') ? 'ringing' : dialogs.some((one) => one === 'trying' || one === 'proceeding') ? 'busy' : 'open';
  return { state, note: '' };
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Text without markup and without what would move the cursor. */
function plain(text: string): string {
  const bare = text.replace(/<[^>]*>/g, '').replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name]!);
  return bare.replace(/\p{Cc}/gu, ' ').trim().slice(0, 200);
}
