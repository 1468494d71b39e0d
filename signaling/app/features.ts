/** Which features there are: the one place that knows them all, and hands each what it needs. */
import type { Clock } from '../clock';
import type { Feature } from './feature';
import { appProgram, type AppProgramDeps } from './features/app-program';
import { announcements } from './features/announcements';
import { callWaiting, type CallWaitingDeps } from './features/call-waiting';
import { conference, Conferences, nameFiles } from './features/conference';
import { echo } from './features/echo';
import { forwarding, type ForwardingDeps } from './features/forwarding';
import { group, type GroupMusicDeps } from './features/group';
import { openingHours, type HoursDeps } from './features/hours';
import { intercom, type IntercomDeps } from './features/intercom';
import { menu, type MenuDeps } from './features/menu';
import { paging, type PagingDeps } from './features/paging';
import { supervisor, type SupervisorDeps } from './features/supervisor';
import { queue, Queues, type QueueDeps } from './features/queue';
import { park, type ParkDeps } from './features/park';
import { pickup, type PickupDeps } from './features/pickup';
import { time } from './features/time';
import { voicemail, type VoicemailDeps } from './features/voicemail';

export { Conferences, nameFiles, Queues };
export type { QueueDeps };

export interface FeatureSettings {
  /** Whether it is said why a call is refused. */
  announcements: 'off' | 'on';
}

export interface FeatureDeps {
  clock: Clock;
  settings: FeatureSettings;
  speech: FeatureSpeech;
  /** Undefined: there is no program of one's own. */
  program?: AppProgramDeps | undefined;
  /** Undefined: there are no rooms, and no party line. */
  conferences?: Conferences | undefined;
  /** Undefined: extensions cannot set where their calls go. */
  forwarding?: Omit<ForwardingDeps, 'sayDigits'> | undefined;
  /** Undefined: extensions cannot set it from the phone. */
  callWaiting?: CallWaitingDeps | undefined;
  /** Undefined: no group has music. */
  groupMusic?: GroupMusicDeps | undefined;
  /** Undefined: there are no queues. */
  queues?: Queues | undefined;
  /** Undefined: nothing is parked. */
  park?: Omit<ParkDeps, 'sayDigits'> | undefined;
  /** Undefined: nobody takes calls that ring elsewhere. */
  pickup?: PickupDeps | undefined;
  /** Undefined: there are no opening hours, menus, intercom, paging and supervisors. */
  office?: { hours: HoursDeps; menu: MenuDeps; intercom: IntercomDeps; paging: PagingDeps; supervisor: SupervisorDeps } | undefined;
  /** Undefined: there are no mailboxes. */
  voicemail?: VoicemailDeps | undefined;
}

/** Prompts, by their keys, that say something which is known only when it is said. */
export interface FeatureSpeech {
  /** The time of day where the system is at home. */
  sayTime: (when: Date) => readonly string[];
  sayNumber: (n: number) => readonly string[];
  sayDigits: (number: string) => readonly string[];
}

/** In the order in which they are offered calls that nobody answered. */
export function features({ clock, settings, speech, program, conferences, forwarding: diversions, callWaiting: waiting, groupMusic, queues, park: parking, pickup: picking, office, voicemail: mailboxes }: FeatureDeps): readonly Feature[] {
  return [
    ...(program ? [appProgram(program)] : []),
    echo(),
    time({ clock, ...speech }),
    ...(conferences ? [conference(conferences)] : []),
    ...(diversions ? [forwarding({ ...diversions, ...speech })] : []),
    ...(waiting ? [callWaiting(waiting)] : []),
    ...(queues ? [queue(queues)] : []),
    ...(groupMusic ? [group(groupMusic)] : []),
    ...(parking ? [park({ ...parking, ...speech })] : []),
    ...(picking ? [pickup(picking)] : []),
    ...(office ? [openingHours(office.hours), menu(office.menu), intercom(office.intercom), paging(office.paging), supervisor(office.supervisor)] : []),
    ...(mailboxes ? [voicemail(mailboxes)] : []),
    // the last resort: after whatever would take the call in earnest
    ...(settings.announcements === 'on' ? [announcements(speech)] : []),
  ];
}
