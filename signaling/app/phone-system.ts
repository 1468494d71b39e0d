/** The phone system: its parts, from start to close. Who answers which request: front-door.ts. */
import type { MediaPlane } from '../../media/plane';
import type { Reach } from '../../media/reach';
import type { AppProgram } from '../app-program/app-program';
import type { Clock, Random, Timer } from '../clock';
import type { Config } from '../config';
import { every } from '../every';
import type { Logger } from '../log';
import { SettingsCache } from '../settings/cache';
import type { CallClass, Store } from '../store/store';
import { Admission } from './admission';
import { Alarms, type Alarm } from './alarms';
import { AlarmWatch } from './alarm-watch';
import { CallHistory } from './call-history';
import { CallQuality } from './call-quality';
import { Calls } from './calls';
import { Directory } from './directory';
import { EventBus } from './event-bus';
import { tellAlarm, tellEvents, tellQuality } from './event-sources';
import { Engaged } from './engaged';
import { openConferences, openMail, openQueues } from './feature-parts';
import { featureDeps, officeDeps, type FeatureWiring } from './feature-wiring';
import { type Conferences, features, type Queues } from './features';
import { openFrontDoor } from './front-door';
import { mediaSettings } from './hold-music';
import { Locations } from './locations';
import type { MessageSrf } from './message-sending';
import { Messages } from './messages';
import { Mailboxes } from './mailboxes';
import type { NoticeSrf } from './message-waiting';
import type { WatcherSrf } from './events/notifier';
import { superviseFrom } from './office';
import { RecordingArchive } from './recording-archive';
import { Registrar } from './registrar';
import { connectSrf, type EngineAddress, type SrfConnection } from './srf';
import type { PeerSrf } from './trunks/peer';
import { Trunks } from './trunks/trunks';
import { promptOf, zoneOf } from './speech-settings';
import type { VoicemailMail } from './voicemail-mail';
import { Watching } from './watching';

export interface PhoneSystemDeps {
  config: Config;
  store: Store;
  plane: MediaPlane;
  reach: Reach;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Of the user's own; undefined: there is none. */
  program?: AppProgram | undefined;
  /** How late this thread was in the last minute. */
  lateness(): { p99Ms: number };
  /** Where the data folder is. */
  freeBytes(): Promise<number>;
}

const connectTimeoutMs = 10_000;
/** How long a change by another process may go unnoticed while nothing happens. */
const LOOK_MS = 2000;

type Srf = SrfConnection['srf'];

export class PhoneSystem {
  readonly directory: Directory;
  readonly locations: Locations;
  readonly admission: Admission;
  readonly archive: RecordingArchive;
  /** What happens, for those outside. */
  readonly events: EventBus;
  readonly alarms: Alarms;
  /** Records of calls. */
  readonly history: CallHistory;
  readonly mailboxes: Mailboxes;
  readonly conferences: Conferences;
  readonly queues: Queues;
  readonly trunks: Trunks;
  /** Who is in a call. */
  private readonly engaged = new Engaged();
  /** Groups, queues, menus, trunks… */
  readonly settings: SettingsCache;
  /** Undefined: no mail server is set. */
  readonly mail: VoicemailMail | undefined;
  private readonly registrar: Registrar;
  private connection: SrfConnection | undefined;
  /** Whether the engine can be reached. */
  private reachable = false;
  private active: Calls | undefined;
  private looking: Timer | undefined;
  private watching: Watching | undefined;
  private messages: Messages | undefined;
  private quality: CallQuality | undefined;
  private readonly alarmWatch: AlarmWatch;

  constructor(private readonly deps: PhoneSystemDeps) {
    const { config, store, plane, clock, random, log } = deps;
    this.archive = new RecordingArchive({
      folder: config.data, settings: config.recording, timeZone: zoneOf(config.speech), store, clock, log: log.child({ part: 'recordings' }), hasOpus: () => plane.codecs.includes('opus'),
    });
    this.events = new EventBus({ clock, log });
    this.alarms = new Alarms({ clock, tell: (what, alarm) => this.tellAlarm(what, alarm) });
    this.history = new CallHistory({ rows: store.records, settings: config.records, clock, log: log.child({ part: 'records' }) });
    this.directory = new Directory(store, { clock, log: log.child({ part: 'directory' }) });
    this.locations = new Locations(store, { maxExpires: config.registrar.maxExpires }, { clock, log: log.child({ part: 'locations' }) });
    this.settings = new SettingsCache(store.items, log.child({ part: 'settings' }));
    this.admission = new Admission(
      { realm: config.sip.realm, ...config.auth },
      { isTenant: (domain) => this.settings.get('tenant', domain)?.enabled === true, directory: this.directory, clock, random, log: log.child({ part: 'admission' }) },
    );
    this.mailboxes = new Mailboxes({ store, data: config.data, settings: config.voicemail, clock, random, log: log.child({ part: 'voicemail' }), mail: config.smtp.host !== null });
    this.mail = openMail(deps, this.mailboxes);
    this.conferences = openConferences(deps);
    this.queues = openQueues(deps, { settings: this.settings, engaged: this.engaged, locations: this.locations });
    this.trunks = new Trunks({
      book: this.settings, store, timeZone: zoneOf(config.speech), clock, random,
      settings: { ...config.outside, permissions: config.outside.permissions as readonly CallClass[] },
      directory: this.directory,
      owns: (id) => (['group', 'queue', 'menu', 'paging'] as const).some((kind) => this.settings.get(kind, id) !== undefined),
      log: log.child({ part: 'trunks' }),
    });
    this.alarmWatch = new AlarmWatch({
      alarms: this.alarms,
      connected: () => this.reachable,
      trunks: () => this.trunks.list(),
      records: () => ({ failing: this.history.failing, ...this.history.stats() }),
      load: () => plane.load(),
      lateness: deps.lateness,
      freeBytes: deps.freeBytes,
      clock,
      log: log.child({ part: 'alarms' }),
    });
    this.registrar = new Registrar(config.registrar, { locations: this.locations, clock, log: log.child({ part: 'registrar' }) });
  }

  /** Calls can be made when this resolves. Errors: `SrfConnectError`, the store's; MediaError 'setting' for `partyline.port`. */
  async start(engine: EngineAddress): Promise<string[]> {
    const { log } = this.deps;
    await this.locations.start();
    await this.archive.start();
    await this.history.start();
    await this.mailboxes.recover();
    this.mail?.wake();
    await this.conferences.start();
    await this.trunks.start();
    await this.settings.start();
    await this.queues.start();
    this.directory.onChanged(() => void this.locations.dropRemovedExtensions());
    // waited for, so that a room can be dialled as soon as it was made
    this.directory.onChanged(() => this.conferences.reload());
    this.directory.onChanged(() => this.settings.reload());
    this.connection = await connectSrf(engine, {
      timeoutMs: connectTimeoutMs,
      prepare: (srf) => this.wire(srf),
      onLost: (reason) => {
        this.reachable = false;
        log.error({ reason }, 'the SIP engine is gone, and its calls with it; trying to reach it again');
        this.active?.lost();
        this.watching?.lost();
      },
      onBack: () => {
        this.reachable = true;
        log.info('the SIP engine is back');
      },
    });
    this.reachable = true;
    await this.messages?.start();
    this.trunks.connected(this.connection.srf as unknown as PeerSrf);
    // trunks have to do something about a change also when nobody calls, whose call would look for one
    this.looking = every(this.deps.clock, LOOK_MS, () => this.directory.refresh());
    this.quality?.start();
    this.alarmWatch.start();
    return this.connection.hostports;
  }

  /** Something was written to the store in this process. Resolves when everything here knows. */
  changed(): Promise<void> {
    return this.directory.changedHere();
  }

  /** False: the engine cannot be reached just now. */
  get connected(): boolean {
    return this.reachable;
  }

  get calls(): Calls {
    if (!this.active) throw new Error('the phone system was not started');
    return this.active;
  }

  /** Ends the calls that are up (waiting at most the drain time for people to hang up), then lets go of the engine. */
  async close(): Promise<void> {
    const calls = this.active;
    this.alarmWatch.close();
    this.quality?.close();
    if (calls && calls.active() > 0) this.deps.log.info({ calls: calls.active(), seconds: this.deps.config.call.drainSeconds }, 'waiting for calls to end');
    await calls?.drain(this.deps.config.call.drainSeconds * 1000);
    this.looking?.cancel();
    await this.trunks.close();
    await this.conferences.close();
    this.messages?.close();
    await this.watching?.close();
    // phones that wait for the answer to their REGISTER
    await this.locations.flush();
    this.connection?.disconnect();
    await this.mail?.close();
    this.archive.close();
    await this.history.close();
    await this.locations.close();
  }

  private tellAlarm(what: 'raised' | 'cleared', alarm: Alarm): void {
    const { name, subject, text } = alarm;
    if (what === 'raised') this.deps.log.warn({ alarm: name, subject }, text);
    else this.deps.log.info({ alarm: name, subject }, 'an alarm is over');
    tellAlarm(this.events, what, alarm);
  }

  /** See `superviseFrom`. */
  supervise(request: Parameters<typeof superviseFrom>[1]): ReturnType<typeof superviseFrom> {
    return superviseFrom(officeDeps(this.wiring()), request);
  }

  private wiring(): FeatureWiring {
    const { settings, directory, locations, mailboxes, conferences, queues } = this;
    return { ...this.deps, settings, directory, locations, mailboxes, conferences, queues, calls: () => this.calls, changed: () => this.changed() };
  }

  private wire(srf: Srf): void {
    const { config, store, plane, reach, clock, random, log } = this.deps;
    const { locations, directory, mailboxes } = this;
    const messages = new Messages({
      srf: srf as unknown as MessageSrf,
      store: store.texts,
      locations, directory, reach, clock, random,
      log: log.child({ part: 'messages' }),
      settings: config.messages,
    });
    this.messages = messages;
    const calls = new Calls({
      srf, plane, locations, directory, clock, random, reach,
      config: { call: { ...config.call, maxCallsOf: (tenant) => this.settings.get('tenant', tenant)?.maxCalls } },
      media: mediaSettings(config.media),
      log: log.child({ part: 'calls' }),
      features: features(featureDeps(this.wiring(), messages, (number) => this.watching?.presenceChanged(number))),
      prompt: promptOf,
      program: this.deps.program,
      archive: this.archive,
      history: this.history,
      groups: this.settings,
      outside: this.trunks,
      engaged: this.engaged,
    });
    this.active = calls;
    tellEvents(this.events, { calls, locations, mailboxes, queues: this.queues, messages, trunks: this.trunks });
    this.quality = new CallQuality({ sounding: () => calls.sounding(), stats: (endpoint) => plane.stats(endpoint), tell: (what, quality) => tellQuality(this.events, what, quality), clock });
    const watching = new Watching({ srf: srf as unknown as WatcherSrf & NoticeSrf, store, calls, locations, directory, mailboxes, reach, clock, random, log });
    this.watching = watching;
    openFrontDoor(srf, { admission: this.admission, registrar: this.registrar, trunks: this.trunks, calls, watching, messages, log });
  }
}
