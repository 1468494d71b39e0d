/**
 * The composition root: settings → store → operator's socket → media → engine → application → API, and the way back down.
 *
 * Nothing is half-started: what fails closes what was opened before it, and is told in one sentence with exit code 2.
 */
import { statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { createMediaPlane, MediaError, type MediaPlane } from '../media/plane';
import { Reach } from '../media/reach';
import { openOperatorSocket, type OperatorSocket } from './api/operator-socket';
import { openHttp } from './api/tcp';
import { operator } from './api/access';
import { bearer } from './api/bearer';
import { EventSockets } from './api/event-sockets';
import type { HttpListener } from './api/listener';
import { apiOnDemand } from './api/on-demand';
import { callsView, engineView, healthView, settingsView } from './api-views';
import { FailureLimiter } from './app/failure-limiter';
import { sourceKey } from './app/flow';
import type { AppProgram } from './app-program/app-program';
import { PhoneSystem } from './app/phone-system';
import { poster } from './app/webhooks/post';
import { Webhooks } from './app/webhooks/webhooks';
import { SrfConnectError, type EngineAddress } from './app/srf';
import { systemClock, systemRandom } from './clock';
import { formatHostPort, settingsInForce, type Config } from './config';
import { Ending } from './ending';
import { engineOptions, isAlone } from './engine-options';
import { EngineStartError, startEmbeddedEngine, type EmbeddedEngine, type LogLevel, type LogSink } from './engine';
import { detachEnvironment } from './environment';
import { OffhookError } from './errors';
import { cachedInterfaces, ipOrNull } from './interfaces';
import type { Logger } from './log';
import { LoopDelay } from './loop-delay';
import { metricsView } from './metrics-view';
import { Owned } from './ownership';
import { conferencesView, contactsView, controlView, queuesView, recordingsView, recordsView, voicemailView } from './resource-views';
import { firstScreen, parseHostports, type SipAddress } from './ready';
import { removeFiles } from './settings/leftovers';
import { checkRealm, seedFirstExtensions } from './store/seed';
import { openStore, type Store, type Token } from './store/store';

const toStdout = (text: string): void => void process.stdout.write(text);

/** Serves until SIGTERM or SIGINT and resolves with the exit code. Errors: `OffhookError` when it could not start. */
export async function serve(config: Config, log: Logger, write = toStdout): Promise<number> {
  detachEnvironment();
  const owned = new Owned((name, err) => log.warn({ err }, `${name} did not close cleanly`));
  const ending = new Ending(process, () => process.exit(1));
  try {
    await start(config, log, owned, ending, write);
    const { code, why } = await ending.wait();
    log[code === 0 ? 'info' : 'error']({ why }, 'stopping');
    return code;
  } finally {
    await owned.close();
    ending.detach();
  }
}

async function start(config: Config, log: Logger, owned: Owned, ending: Ending, write: (text: string) => void): Promise<void> {
  const store = owned.own('store', await openStore({ dataDir: config.data }), (s) => s.close());
  const socket = await openOperatorSocket(config.data, { log });
  if (socket) owned.own('the operator’s socket', socket, (s) => s.close());
  // open while calls are given their time to end: whoever asks whether to send more is told not to
  const http = config.http.address ? owned.own('HTTP', await openHttp(config.http.address, config.http.maxConnections), (h) => h.close()) : undefined;
  await checkRealm(store, config);
  const program = await openProgram(config, log, owned);
  const plane = owned.own('media', await openPlane(config), (p) => p.close());
  const engine = await openEngine(config, log, owned, ending);

  const interfaces = cachedInterfaces(networkInterfaces, systemClock);
  const reach = new Reach({ external: config.media.external ?? ipOrNull(config.sip.external), localNets: config.sip.localNets }, interfaces);
  const loop = owned.own('the look at the event loop', new LoopDelay(systemClock), (l) => l.close());
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(config.data);
    return bavail * bsize;
  };
  const phones = new PhoneSystem({ config, store, plane, reach, clock: systemClock, random: systemRandom, log, lateness: () => loop.lateness(), freeBytes, program });
  // closed after the application: the ends of calls are told
  const webhooks = owned.own(
    'webhooks',
    new Webhooks({ book: phones.settings, events: phones.events, rows: store.deliveries, poster: poster(), clock: systemClock, random: systemRandom, log: log.child({ part: 'webhooks' }) }),
    (w) => w.close(),
  );
  owned.own('application', phones, (p) => p.close());
  const announced = await phones.start(engine.address).catch((err: unknown) => {
    if (err instanceof MediaError && err.code === 'setting') throw new OffhookError('start.bad-setting', { setting: 'partyline.port', reason: `${err.message}.` }, { cause: err });
    throw engineUnreachable(engine.address, err);
  });
  await webhooks.start();
  // last, since a password is shown once: what fails before leaves them for the next start
  const fresh = await seedFirstExtensions(store, config);
  const sip = engine.listening ?? parseHostports(announced);
  const { backend } = await plane.load();
  serveApi({ config, store, plane, phones, webhooks, loop, embedded: engine.embedded, socket, http, program }, owned, log);
  write(
    firstScreen({
      fresh,
      sip,
      interfaces: interfaces(),
      engine: config.drachtio ? 'drachtio-server' : 'embedded',
      media: { ports: `${config.media.portMin}-${config.media.portMax}`, backend },
      partyline: phones.conferences.simple,
      http: http && config.http.address ? { ...config.http.address, port: http.port } : undefined,
      data: config.data,
      app: program && { file: program.file, ...program.settings },
    }),
  );
}

interface Serving {
  plane: MediaPlane;
  config: Config;
  store: Store;
  phones: PhoneSystem;
  webhooks: Webhooks;
  loop: LoopDelay;
  embedded: EmbeddedEngine | undefined;
  socket: OperatorSocket | undefined;
  http: HttpListener | undefined;
  program: AppProgram | undefined;
}

function serveApi({ config, store, plane, phones, webhooks, loop, embedded, socket, http, program }: Serving, owned: Owned, log: Logger): void {
  if (!socket && !http) return;
  const state = owned.own('readiness', { stopping: false }, (s) => void (s.stopping = true));
  const calls = () => phones.calls;
  const sockets = new EventSockets({ events: phones.events, clock: systemClock, log: log.child({ part: 'api' }) });
  const engine = embedded && engineView({ engine: embedded, loop, memory: process.memoryUsage, uptime: process.uptime });
  const recordings = recordingsView(store.recordings, config.data);
  const views = {
    engine,
    recordings,
    records: recordsView(store.records, phones.history),
    control: controlView(() => calls().control, recordings),
    contacts: contactsView(phones.locations, systemClock),
    conferences: conferencesView(() => phones.conferences),
    trunks: { list: () => phones.trunks.list() },
    alarms: phones.alarms,
    webhooks,
    queues: queuesView(phones.queues, phones.directory),
    messages: store.texts,
    voicemail: voicemailView(store, phones.mailboxes),
    tokens: { list: () => store.tokens.list(), add: (token: Token) => store.tokens.add(token), remove: (name: string) => store.tokens.remove(name), now: () => systemClock.wall().getTime() },
    config: { inForce: () => settingsInForce(config) },
    calls: callsView(calls),
    metrics: metricsView({ calls, locations: phones.locations, trunks: phones.trunks, alarms: phones.alarms, webhooks, listeners: () => sockets.connected, queues: phones.queues, history: phones.history, plane, loop, engine, program, process, startedAt: Date.now() - process.uptime() * 1000 }),
    health: healthView({ store, connected: () => phones.connected, stopping: () => state.stopping }),
    settings: () => settingsView(store, { clock: systemClock, random: systemRandom, realm: config.sip.realm, written: () => phones.changed(), removed: removeFiles(config.data) }),
  };
  const listenerFor = apiOnDemand({ views, log: log.child({ part: 'api' }) });
  const { maxFailures: max, failureSeconds, maxSources } = config.auth;
  const withToken = bearer({ tokens: store.tokens, failures: new FailureLimiter({ max, windowMs: failureSeconds * 1000, maxSources }, systemClock), sourceOf: sourceKey });
  http?.serve(listenerFor(withToken));
  http?.upgrades(sockets.upgrade(withToken));
  socket?.upgrades(sockets.upgrade(() => operator));
  if (config.http.address && !isLoopback(config.http.address.host)) log.warn('http.address is reached by other machines, and what passes is not encrypted: tokens can be read on the way');
  socket?.serve(listenerFor(() => operator));
  // first on the way down: nobody is to be told of what is being taken apart
  if (socket) owned.own('the operator’s socket', socket, (s) => s.close());
  // a listener waits for its connections, and theirs stay open
  owned.own('listeners to events', sockets, (s) => s.close());
}

const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);

/** Before anything that calls need: a program with a mistake in it keeps the server from starting. */
async function openProgram({ app }: Config, log: Logger, owned: Owned): Promise<AppProgram | undefined> {
  if (app.file === null) return undefined;
  // it brings what checks what programs ask for, which nobody else needs
  const { ProgramError, startAppProgram } = require('./app-program/threads') as typeof import('./app-program/threads');
  try {
    const program = owned.own('the program', await startAppProgram(app.file, app, { clock: systemClock, log: log.child({ part: 'program' }) }), (p) => p.close());
    owned.own('the signal to read the program again', onHangup(() => program.reload()), (stop) => stop());
    return program;
  } catch (err) {
    if (err instanceof ProgramError) throw new OffhookError('start.bad-setting', { setting: 'app.file', reason: err.message }, { cause: err });
    throw err;
  }
}

async function openPlane(config: Config): Promise<MediaPlane> {
  const { portMin, portMax, workers, bind4, bind6, drainSeconds, silenceSeconds, backend } = config.media;
  try {
    return await createMediaPlane({ portMin, portMax, workers, bind4, bind6, drainMs: drainSeconds * 1000, silenceMs: silenceSeconds * 1000, backend, toneCountry: config.speech.tones });
  } catch (err) {
    if (err instanceof MediaError) throw new OffhookError('start.bad-setting', { setting: 'media', reason: err.message }, { cause: err });
    throw err;
  }
}

/** `listening` is known for our own engine only: a drachtio-server announces its addresses when the application connects. */
async function openEngine(config: Config, log: Logger, owned: Owned, ending: Ending): Promise<{ address: EngineAddress; listening?: SipAddress[]; embedded?: EmbeddedEngine }> {
  if (config.drachtio) return { address: config.drachtio };
  const secret = config.engine.secret ?? systemRandom(24).toString('base64url');
  try {
    const options = engineOptions(config, secret);
    const engine = await startEmbeddedEngine(options, { log: engineLog(log), logLevel: engineLevel(config), appsInThisThread: isAlone(config) });
    owned.own('engine', engine, (e) => e.close());
    if (options.tls || options.control.tls) {
      // the engine says itself what came of it
      const reload = () => engine.reloadCertificates().catch((err: unknown) => log.warn({ err }, 'the certificates could not be read again'));
      owned.own('the signal to read certificates again', onHangup(reload), (stop) => stop());
    }
    engine.onExit((err) => {
      if (err) ending.fail(`the SIP engine ended: ${err.message}`);
    });
    return { address: { ...engine.control, secret }, listening: engine.listening, embedded: engine };
  } catch (err) {
    if (err instanceof EngineStartError) throw new OffhookError('start.bad-setting', { setting: err.setting, reason: err.message }, { cause: err });
    throw err;
  }
}

/** SIGHUP, as services know it. In a terminal it means that the terminal is closed, and ends the process as always. */
function onHangup(work: () => Promise<unknown>): () => void {
  if (process.stdin.isTTY) return () => undefined;
  const reload = (): void => void work();
  process.on('SIGHUP', reload);
  return () => void process.off('SIGHUP', reload);
}

function engineUnreachable(address: EngineAddress, err: unknown): unknown {
  if (!(err instanceof SrfConnectError)) return err;
  const where = formatHostPort(address);
  const [setting, reason] =
    err.failure.kind === 'refused'
      ? ['drachtio.secret', `the drachtio-server at ${where} does not accept it.`]
      : ['drachtio.address', `no drachtio-server can be reached at ${where} (${err.failure.detail}).`];
  return new OffhookError('start.bad-setting', { setting, reason }, { cause: err });
}

function engineLog(log: Logger): LogSink {
  const part = log.child({ part: 'engine' });
  return (level, message, fields) => part[level](fields, message);
}

/** Lines nobody will read are not sent across threads. */
function engineLevel({ log: { level } }: Config): LogLevel {
  if (level === 'trace') return 'debug';
  if (level === 'fatal' || level === 'silent') return 'error';
  return level;
}
