/** What each feature needs of the rest, taken from the parts of the system. Features know none of them (signaling/app/features). */
import { sayDate } from '../../media/speech';
import type { AppProgram } from '../app-program/app-program';
import type { Calls } from './calls';
import type { Directory } from './directory';
import type { Conferences, FeatureDeps, Queues } from './features';
import { musicOf, type PartDeps } from './feature-parts';
import { mediaSettings, musicFiles } from './hold-music';
import type { Locations } from './locations';
import type { Mailboxes } from './mailboxes';
import type { Messages } from './messages';
import { office, type OfficeDeps } from './office';
import type { SettingsCache } from '../settings/cache';
import { ownProgram } from './own-program';
import { promptOf, sayNumberOf, speechOf, zoneOf } from './speech-settings';

export interface FeatureWiring extends PartDeps {
  settings: SettingsCache;
  directory: Directory;
  locations: Locations;
  mailboxes: Mailboxes;
  conferences: Conferences;
  queues: Queues;
  /** Asked when a call is made, not before: features are a part of calls. */
  calls: () => Calls;
  /** The store was written to. */
  changed: () => Promise<void>;
  /** Of the user's own. */
  program?: AppProgram | undefined;
}

export function featureDeps(wiring: FeatureWiring, messages: Messages, diversionChanged: (number: string) => void): FeatureDeps {
  const { clock, config, conferences, queues } = wiring;
  const speech = speechOf(config.speech);
  return {
    clock, conferences, queues, speech,
    settings: config.call,
    program: ownProgram(wiring.program, { ...officeDeps(wiring), sayNumber: speech.sayNumber }),
    forwarding: forwarding(wiring, diversionChanged),
    callWaiting: callWaiting(wiring),
    groupMusic: groupMusic(wiring),
    park: parking(wiring, messages),
    pickup: { at: (picker, number) => wiring.calls().pickups.at(picker, number), inGroups: (picker) => wiring.calls().pickups.inGroups(picker) },
    office: office(officeDeps(wiring)),
    voicemail: voicemail(wiring),
  };
}

export function officeDeps({ settings, directory, locations, store, clock, changed, calls, config, log }: FeatureWiring): OfficeDeps {
  return { settings, directory, locations, store, clock, changed, calls, data: config.data, prompt: promptOf, sayDigits: sayNumberOf, log: log.child({ part: 'menus' }) };
}

function forwarding({ store, directory, calls }: FeatureWiring, diversionChanged: (number: string) => void): FeatureDeps['forwarding'] {
  return {
    set: async (number, diversion) => {
      await store.extensions.update(number, { diversion });
      directory.invalidate();
      diversionChanged(number);
    },
    leadsSomewhere: (number, extension) => calls().leadsSomewhere(number, extension),
  };
}

function callWaiting({ store, directory }: FeatureWiring): FeatureDeps['callWaiting'] {
  return {
    set: async (number, on) => {
      await store.transaction(async ({ extensions }) => extensions.update(number, { settings: { ...(await extensions.get(number))?.settings, callWaiting: on } }));
      directory.invalidate();
    },
  };
}

function groupMusic({ config, settings, log }: FeatureWiring): FeatureDeps['groupMusic'] {
  const { holdMusic } = mediaSettings(config.media);
  return {
    find: (number) => {
      const group = settings.get('group', number);
      return group && group.music !== null ? { music: group.music, otherwise: group.otherwise } : undefined;
    },
    music: (setting) => musicOf(setting === 'default' ? holdMusic : setting, log),
  };
}

function parking({ config }: FeatureWiring, messages: Messages): FeatureDeps['park'] {
  const { holdMusic } = mediaSettings(config.media);
  return {
    seconds: config.call.parkSeconds,
    music: async () => (holdMusic === null ? [] : musicFiles(holdMusic)),
    tell: (extension, from, text) => void messages.tell(extension, from, text),
  };
}

function voicemail({ config, mailboxes, clock, log }: FeatureWiring): FeatureDeps['voicemail'] {
  const zone = zoneOf(config.speech);
  return {
    boxes: mailboxes,
    takesCalls: config.voicemail.enabled === 'on',
    clock,
    log: log.child({ part: 'voicemail' }),
    speech: { ...speechOf(config.speech), sayDate: (when, now) => sayDate(when, zone, now) },
  };
}
