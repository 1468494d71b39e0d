/** The parts that features are about and that live as long as the system: queues, conferences, mail of voicemail. */
import { join } from 'node:path';
import type { MediaPlane } from '../../media/plane';
import { sayNumber } from '../../media/speech';
import type { Clock, Random } from '../clock';
import type { Config } from '../config';
import type { Logger } from '../log';
import { createMailer } from '../mail';
import type { SettingsCache } from '../settings/cache';
import type { Store } from '../store/store';
import type { Engaged } from './engaged';
import { Conferences, nameFiles, Queues, type QueueDeps } from './features';
import { mediaSettings, musicFiles } from './hold-music';
import type { Locations } from './locations';
import type { Mailboxes } from './mailboxes';
import { promptOf, sayNumberOf, zoneOf } from './speech-settings';
import { VoicemailMail } from './voicemail-mail';

export interface PartDeps {
  config: Config;
  store: Store;
  plane: MediaPlane;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Music that is not there is silence, and a line in the log. */
export async function musicOf(path: string | null, log: Logger): Promise<readonly string[]> {
  if (path === null) return [];
  return musicFiles(path).catch((err: unknown) => {
    log.warn({ path, error: String(err) }, 'there is no music');
    return [];
  });
}

/** What is kept of the agents of queues: items that nobody sets. */
const AGENT = 'agent';

type AgentRecord = Awaited<ReturnType<QueueDeps['agents']['load']>>[number];

export function openQueues({ config, store: { items }, clock, random, log }: PartDeps, parts: { settings: SettingsCache; engaged: Engaged; locations: Locations }): Queues {
  const { settings, engaged, locations } = parts;
  const { holdMusic } = mediaSettings(config.media);
  const queues = new Queues({
    book: settings,
    agents: {
      load: async () => (await items.list(AGENT)).map(({ value }) => value as AgentRecord),
      save: (value) => items.put({ kind: AGENT, key: value.number, value, updatedAt: clock.wall().getTime() }, false),
      remove: async (number) => void (await items.remove(AGENT, number)),
    },
    isBusy: (number) => engaged.count(number) > 0,
    talkedUntil: (number) => engaged.talkedUntil(number),
    hasPhone: (number) => locations.lookup(number).length > 0,
    sound: (setting) => musicOf(setting === 'default' ? holdMusic : setting, log),
    sayNumber, clock, random,
    log: log.child({ part: 'queues' }),
  });
  engaged.onOver(() => queues.look());
  return queues;
}

export function openConferences({ config, store, plane, clock, random, log }: PartDeps): Conferences {
  const { holdMusic } = mediaSettings(config.media);
  return new Conferences({
    rooms: store.rooms,
    plane, clock, sayNumber,
    sayDigits: sayNumberOf,
    log: log.child({ part: 'conferences' }),
    prompt: promptOf,
    music: async () => (holdMusic === null ? [] : musicFiles(holdMusic)),
    names: nameFiles(join(config.data, 'conference-names'), random),
    simple: config.partyline.port === 0 ? undefined : config.partyline,
  });
}

/** Undefined: no mail server is set. */
export function openMail({ config, store, clock, log }: PartDeps, boxes: Mailboxes): VoicemailMail | undefined {
  const { host, from, ...smtp } = config.smtp;
  if (host === null || from === null) return undefined;
  const mailer = createMailer({ ...smtp, host, from });
  return new VoicemailMail({ mailer, store: store.voicemail, boxes, clock, log: log.child({ part: 'mail' }), timeZone: zoneOf(config.speech) });
}
