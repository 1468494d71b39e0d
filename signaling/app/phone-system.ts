/**
 * The phone system: which part of the application answers which request.
 *
 *   REGISTER → admission → registrar → locations
 *   INVITE   → from a trunk, or admission → calls ( dial plan → ringing → bridge, or a feature; over locations and the media plane )
 *   SUBSCRIBE → admission → notifier ( event packages: over calls, mailboxes, locations )
 *   PUBLISH  → admission → publications ( what presence is made of )
 *   MESSAGE  → admission → messages ( to the phones of whom it is for, or kept until one comes )
 *   OPTIONS  → answered at once          everything else → 405
 */
import { join } from 'node:path';
import type { MediaPlane } from '../../media/plane';
import { isPrompt, promptFile, sayDate, sayDigits, sayNumber, sayTime } from '../../media/speech';
import type { Reach } from '../../media/reach';
import type { Clock, Random, Timer } from '../clock';
import type { Config } from '../config';
import type { Logger } from '../log';
import { createMailer } from '../mail';
import { SettingsCache } from '../settings/cache';
import type { CallClass, Store } from '../store/store';
import { shown } from '../tenants';
import { Admission } from './admission';
import { CallHistory } from './call-history';
import { Calls } from './calls';
import { Directory } from './directory';
import { EventBus } from './event-bus';
import { tellEvents } from './event-sources';
import { Engaged } from './engaged';
import { Conferences, features, nameFiles, Queues, type QueueDeps, type FeatureDeps, type FeatureSpeech } from './features';
import { mediaSettings, musicFiles } from './hold-music';
import { Locations } from './locations';
import type { MessageSrf } from './message-sending';
import { Messages } from './messages';
import type { SipRequest } from './dialogs';
import { MailboxCounts } from './mailbox-counts';
import { Mailboxes } from './mailboxes';
import { MessageWaiting, type NoticeSrf } from './message-waiting';
import { Notifier, type WatcherSrf } from './events/notifier';
import { DIALOG, dialogInfo } from './events/packages/dialog-info';
import { MESSAGE_SUMMARY, messageSummary } from './events/packages/message-summary';
import { PRESENCE, presence } from './events/packages/presence';
import { Publications, type PublishRequest } from './events/packages/presence/publications';
import { Lamps } from './lamps';
import { defaultAbilities, stateless } from './options';
import { office, superviseFrom, type OfficeDeps } from './office';
import { RecordingArchive } from './recording-archive';
import { Registrar } from './registrar';
import { connectSrf, type EngineAddress, type SrfConnection } from './srf';
import type { PeerSrf } from './trunks/peer';
import { Trunks } from './trunks/trunks';
import { VoicemailMail } from './voicemail-mail';

export interface PhoneSystemDeps {
  config: Config;
  store: Store;
  plane: MediaPlane;
  reach: Reach;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** Requests outside dialogs that nobody answers yet; the engine would say 503, which sounds like a passing fault. */
const unsupportedMethods = ['notify', 'info', 'update', 'prack'] as const;
const connectTimeoutMs = 10_000;
/** How long a change by another process may go unnoticed while nothing happens. */
const LOOK_MS = 2000;

type Srf = SrfConnection['srf'];
type Req = Parameters<Parameters<Srf['invite']>[0]>[0];
type Res = Parameters<Parameters<Srf['invite']>[0]>[1];

export class PhoneSystem {
  readonly directory: Directory;
  readonly locations: Locations;
  readonly admission: Admission;
  readonly archive: RecordingArchive;
  /** What happens, for those outside. */
  readonly events: EventBus;
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
  private notifier: Notifier | undefined;
  private waiting: MessageWaiting | undefined;
  private publications: Publications | undefined;
  private messages: Messages | undefined;

  constructor(private readonly deps: PhoneSystemDeps) {
    const { config, store, plane, clock, random, log } = deps;
    this.archive = new RecordingArchive({
      folder: config.data, settings: config.recording, timeZone: zoneOf(config.speech), store, clock, log: log.child({ part: 'recordings' }), hasOpus: () => plane.codecs.includes('opus'),
    });
    this.events = new EventBus({ clock, log });
    this.history = new CallHistory({ rows: store.records, settings: config.records, clock, log: log.child({ part: 'records' }) });
    this.directory = new Directory(store, { clock, log: log.child({ part: 'directory' }) });
    this.locations = new Locations(store, { maxExpires: config.registrar.maxExpires }, { clock, log: log.child({ part: 'locations' }) });
    this.settings = new SettingsCache(store.items, log.child({ part: 'settings' }));
    this.admission = new Admission(
      { realm: config.sip.realm, ...config.auth },
      { isTenant: (domain) => this.settings.get('tenant', domain)?.enabled === true, directory: this.directory, clock, random, log: log.child({ part: 'admission' }) },
    );
    this.mailboxes = new Mailboxes({ store, data: config.data, settings: config.voicemail, clock, random, log: log.child({ part: 'voicemail' }), mail: config.smtp.host !== null });
    this.mail = this.openMail();
    this.conferences = this.openConferences();
    this.queues = this.openQueues();
    this.trunks = new Trunks({
      book: this.settings, store, timeZone: zoneOf(config.speech), clock, random,
      settings: { ...config.outside, permissions: config.outside.permissions as readonly CallClass[] },
      directory: this.directory,
      owns: (id) => (['group', 'queue', 'menu', 'paging'] as const).some((kind) => this.settings.get(kind, id) !== undefined),
      log: log.child({ part: 'trunks' }),
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
        this.notifier?.lost();
      },
      onBack: () => {
        this.reachable = true;
        log.info('the SIP engine is back');
      },
    });
    this.reachable = true;
    await this.messages?.start();
    this.trunks.connected(this.connection.srf as unknown as PeerSrf);
    this.lookForChanges();
    return this.connection.hostports;
  }

  /** Trunks have to do something about a change also when nobody calls, whose call would look for one. */
  private lookForChanges(): void {
    this.looking = this.deps.clock.after(LOOK_MS, () => void this.directory.refresh().finally(() => this.looking && this.lookForChanges()));
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
    if (calls && calls.active() > 0) this.deps.log.info({ calls: calls.active(), seconds: this.deps.config.call.drainSeconds }, 'waiting for calls to end');
    await calls?.drain(this.deps.config.call.drainSeconds * 1000);
    this.looking?.cancel();
    this.looking = undefined;
    await this.trunks.close();
    await this.conferences.close();
    this.waiting?.close();
    this.publications?.close();
    this.messages?.close();
    await this.notifier?.close();
    // phones that wait for the answer to their REGISTER
    await this.locations.flush();
    this.connection?.disconnect();
    await this.mail?.close();
    this.archive.close();
    await this.history.close();
    await this.locations.close();
  }

  /** See `superviseFrom`. */
  supervise(request: Parameters<typeof superviseFrom>[1]): ReturnType<typeof superviseFrom> {
    return superviseFrom(this.office(), request);
  }

  private office(): OfficeDeps {
    const { store, clock, config, log } = this.deps;
    return {
      settings: this.settings,
      directory: this.directory,
      locations: this.locations,
      store, clock,
      changed: () => this.changed(),
      calls: () => this.calls,
      data: config.data,
      prompt: promptOf,
      sayDigits: sayNumberOf,
      log: log.child({ part: 'menus' }),
    };
  }

  private forwarding(): FeatureDeps['forwarding'] {
    const { store } = this.deps;
    return {
      set: async (number, diversion) => {
        await store.extensions.update(number, { diversion });
        this.directory.invalidate();
        this.notifier?.changed(PRESENCE, number);
      },
      leadsSomewhere: (number, extension) => this.calls.leadsSomewhere(number, extension),
    };
  }

  private callWaiting(): FeatureDeps['callWaiting'] {
    const { store } = this.deps;
    return {
      set: async (number, on) => {
        await store.transaction(async ({ extensions }) => extensions.update(number, { settings: { ...(await extensions.get(number))?.settings, callWaiting: on } }));
        this.directory.invalidate();
      },
    };
  }

  private groupMusic(): FeatureDeps['groupMusic'] {
    const { holdMusic } = mediaSettings(this.deps.config.media);
    return {
      find: (number) => {
        const group = this.settings.get('group', number);
        return group && group.music !== null ? { music: group.music, otherwise: group.otherwise } : undefined;
      },
      music: (setting) => this.musicOf(setting === 'default' ? holdMusic : setting),
    };
  }

  /** Music that is not there is silence. */
  private async musicOf(path: string | null): Promise<readonly string[]> {
    if (path === null) return [];
    return musicFiles(path).catch((err: unknown) => {
      this.deps.log.warn({ path, error: String(err) }, 'there is no music');
      return [];
    });
  }

  private parking(messages: Messages): FeatureDeps['park'] {
    const { config } = this.deps;
    const { holdMusic } = mediaSettings(config.media);
    return {
      seconds: config.call.parkSeconds,
      music: async () => (holdMusic === null ? [] : musicFiles(holdMusic)),
      tell: (extension, from, text) => void messages.tell(extension, from, text),
    };
  }

  private pickup(): FeatureDeps['pickup'] {
    return { at: (picker, number) => this.calls.pickups.at(picker, number), inGroups: (picker) => this.calls.pickups.inGroups(picker) };
  }

  private voicemail(): FeatureDeps['voicemail'] {
    const { config, clock, log } = this.deps;
    const zone = zoneOf(config.speech);
    return {
      boxes: this.mailboxes,
      takesCalls: config.voicemail.enabled === 'on',
      clock,
      log: log.child({ part: 'voicemail' }),
      speech: { ...speechOf(config.speech), sayDate: (when, now) => sayDate(when, zone, now) },
    };
  }

  private openQueues(): Queues {
    const { config, store, clock, random, log } = this.deps;
    const { holdMusic } = mediaSettings(config.media);
    const { items } = store;
    const queues = new Queues({
      book: this.settings,
      agents: {
        load: async () => (await items.list(AGENT)).map(({ value }) => value as AgentRecord),
        save: (value) => items.put({ kind: AGENT, key: value.number, value, updatedAt: clock.wall().getTime() }, false),
        remove: async (number) => void (await items.remove(AGENT, number)),
      },
      isBusy: (number) => this.engaged.count(number) > 0,
      talkedUntil: (number) => this.engaged.talkedUntil(number),
      hasPhone: (number) => this.locations.lookup(number).length > 0,
      sound: (setting) => this.musicOf(setting === 'default' ? holdMusic : setting),
      sayNumber, clock, random,
      log: log.child({ part: 'queues' }),
    });
    this.engaged.onOver(() => queues.look());
    return queues;
  }

  private openConferences(): Conferences {
    const { config, store, plane, clock, random, log } = this.deps;
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

  private openMail(): VoicemailMail | undefined {
    const { config, store, clock, log } = this.deps;
    const { host, from, ...smtp } = config.smtp;
    if (host === null || from === null) return undefined;
    const mailer = createMailer({ ...smtp, host, from });
    return new VoicemailMail({ mailer, store: store.voicemail, boxes: this.mailboxes, clock, log: log.child({ part: 'mail' }), timeZone: zoneOf(config.speech) });
  }

  private wire(srf: Srf): void {
    const { config, plane, reach, clock, random, log } = this.deps;
    const { locations, directory } = this;
    const messages = new Messages({
      srf: srf as unknown as MessageSrf,
      store: this.deps.store.texts,
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
      features: features({ clock, settings: config.call, speech: speechOf(config.speech), conferences: this.conferences, forwarding: this.forwarding(), callWaiting: this.callWaiting(), groupMusic: this.groupMusic(), queues: this.queues, park: this.parking(messages), pickup: this.pickup(), office: office(this.office()), voicemail: this.voicemail() }),
      prompt: promptOf,
      archive: this.archive,
      history: this.history,
      groups: this.settings,
      outside: this.trunks,
      engaged: this.engaged,
    });
    this.active = calls;
    tellEvents(this.events, { calls, locations, mailboxes: this.mailboxes, queues: this.queues });
    const counts = new MailboxCounts(this.deps.store.voicemail);
    const countsOf = (number: string) => counts.of(number);
    const lamps = new Lamps(clock);
    calls.on('changed', ({ id, parties }) => lamps.see(id, parties));
    const publications = new Publications({ clock, random, changed: (number) => notifier.changed(PRESENCE, number) });
    this.publications = publications;
    const notifier: Notifier = new Notifier({
      srf: srf as unknown as WatcherSrf,
      packages: [
        messageSummary({ counts: countsOf, directory }),
        dialogInfo({ sources: [lamps], directory, leadsSomewhere: (number, extension) => calls.leadsSomewhere(number, extension) }),
        presence({ publications, lamps, locations, directory }),
      ],
      clock,
      log: log.child({ part: 'events' }),
    });
    this.notifier = notifier;
    lamps.onChanged((number) => {
      notifier.changed(DIALOG, number);
      notifier.changed(PRESENCE, number);
    });
    locations.onEvent(({ type, binding }) => {
      if (type !== 'refreshed') notifier.changed(PRESENCE, binding.extension);
    });
    const waiting = new MessageWaiting({
      srf: srf as unknown as NoticeSrf,
      counts: countsOf,
      isSubscribed: (number, contact) => notifier.isWatchedBy(MESSAGE_SUMMARY, number, contact),
      locations, reach, clock,
      log: log.child({ part: 'message waiting' }),
    });
    this.waiting = waiting;
    this.mailboxes.onEvent(({ mailbox }) => {
      counts.changed(mailbox);
      notifier.changed(MESSAGE_SUMMARY, mailbox);
      waiting.update(mailbox);
    });
    directory.onChanged(() => {
      counts.forget();
      notifier.recheck();
      waiting.updateAll();
    });
    const fixed = stateless({ ...defaultAbilities, events: notifier.events });
    this.registrar.says(fixed.headers);
    const on = (method: string, handle: (req: Req, res: Res) => Promise<void> | void) => {
      (srf as unknown as Record<string, (fn: (req: Req, res: Res) => void) => void>)[method]?.((req, res) => {
        // an exception must not cost more than the request that met it
        Promise.resolve()
          .then(() => handle(req, res))
          .catch((err: unknown) => {
            log.error({ err, method: req.method, callId: req.get('call-id') }, 'a request failed');
            if (!res.finalResponseSent) res.send(500, {});
          });
      });
    };

    on('register', async (req, res) => {
      const extension = await this.admission.challengeOrAccept(req, res, 'register');
      if (extension) this.registrar.register(req, res, extension);
    });
    on('invite', async (req, res) => {
      const inbound = await this.trunks.recognise(req);
      if (inbound) return calls.onInvite(req, res, inbound.caller, inbound.to ?? null);
      const extension = await this.admission.challengeOrAccept(req, res, 'other');
      if (extension) await calls.onInvite(req, res, extension);
    });
    on('subscribe', async (req, res) => {
      const extension = await this.admission.challengeOrAccept(req, res, 'other');
      if (extension) await notifier.subscribe(req, res, extension.number);
    });
    on('publish', async (req, res) => {
      const extension = await this.admission.challengeOrAccept(req, res, 'other');
      if (extension) publications.publish(req as unknown as PublishRequest, res, extension.number);
    });
    on('message', async (req, res) => {
      const extension = await this.admission.challengeOrAccept(req, res, 'other');
      if (extension) await messages.onMessage(req as unknown as SipRequest, res, extension);
    });
    on('refer', async (req, res) => {
      // what could be done for it without a call is a way to have our phones ring for others (RFC 3515 §5)
      const extension = await this.admission.challengeOrAccept(req, res, 'other');
      if (extension) res.send(403, 'Only Calls Can Be Transferred', { headers: {} });
    });
    on('options', fixed.options);
    for (const method of unsupportedMethods) on(method, fixed.unsupported);
  }
}

/** As it is dialled. */
const sayNumberOf = (id: string): readonly string[] => sayDigits(shown(id));

/** What is kept of the agents of queues: items that nobody sets. */
const AGENT = 'agent';

type AgentRecord = Awaited<ReturnType<QueueDeps['agents']['load']>>[number];

const promptOf = (key: string): string | undefined => (isPrompt(key) ? promptFile(key) : undefined);

/** `clock`: 12 or 24 hours. */
function speechOf({ timeZone, clock }: Config['speech']): FeatureSpeech {
  const zone = zoneOf({ timeZone });
  return { sayTime: (when) => sayTime(when, zone, clock === '24' ? 24 : 12), sayNumber, sayDigits: sayNumberOf };
}

/** Where the system is at home. */
function zoneOf({ timeZone }: Pick<Config['speech'], 'timeZone'>): string {
  return timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}
