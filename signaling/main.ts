/**
 * The composition root: settings → store → operator's socket → media → engine → application → API, and the way back down.
 *
 * Nothing is half-started: what fails closes what was opened before it, and is told in one sentence with exit code 2.
 */
import { networkInterfaces } from 'node:os';
import { createMediaPlane, MediaError, type MediaPlane } from '../media/plane';
import { Reach } from '../media/reach';
import { openOperatorSocket } from './api/operator-socket';
import { operator } from './api/access';
import type { Handle } from './api/app';
import type { Views } from './api/routes';
import { callsView, engineView } from './api-views';
import { PhoneSystem } from './app/phone-system';
import { SrfConnectError, type EngineAddress } from './app/srf';
import { systemClock, systemRandom } from './clock';
import { formatHostPort, type Config } from './config';
import { Ending } from './ending';
import { engineOptions } from './engine-options';
import { EngineStartError, startEmbeddedEngine, type EmbeddedEngine, type LogLevel, type LogSink } from './engine';
import { detachEnvironment } from './environment';
import { OffhookError } from './errors';
import { cachedInterfaces, ipOrNull } from './interfaces';
import type { Logger } from './log';
import { LoopDelay } from './loop-delay';
import { Owned } from './ownership';
import { firstScreen, parseHostports, type SipAddress } from './ready';
import { checkRealm, seedFirstExtensions } from './store/seed';
import { openStore } from './store/store';

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
  await checkRealm(store, config);
  const plane = owned.own('media', await openPlane(config), (p) => p.close());
  const engine = await openEngine(config, log, owned, ending);

  const interfaces = cachedInterfaces(networkInterfaces, systemClock);
  const reach = new Reach({ external: config.media.external ?? ipOrNull(config.sip.external), localNets: config.sip.localNets }, interfaces);
  const phones = new PhoneSystem({ config, store, plane, reach, clock: systemClock, random: systemRandom, log });
  owned.own('application', phones, (p) => p.close());
  const announced = await phones.start(engine.address).catch((err: unknown) => {
    if (err instanceof MediaError && err.code === 'setting') throw new OffhookError('start.bad-setting', { setting: 'partyline.port', reason: `${err.message}.` }, { cause: err });
    throw engineUnreachable(engine.address, err);
  });
  // last, since a password is shown once: what fails before leaves them for the next start
  const fresh = await seedFirstExtensions(store, config);
  const sip = engine.listening ?? parseHostports(announced);
  const { backend } = await plane.load();
  if (socket) {
    const loop = owned.own('the look at the event loop', new LoopDelay(systemClock), (l) => l.close());
    const view = engine.embedded && engineView({ engine: engine.embedded, loop, memory: process.memoryUsage, uptime: process.uptime });
    socket.serve(apiOnDemand({ engine: view, calls: callsView(() => phones.calls) }, log));
    // first on the way down: nobody is to be told of what is being taken apart
    owned.own('the operator’s socket', socket, (s) => s.close());
  }
  write(
    firstScreen({
      fresh,
      sip,
      interfaces: interfaces(),
      engine: config.drachtio ? 'drachtio-server' : 'embedded',
      media: { ports: `${config.media.portMin}-${config.media.portMax}`, backend },
      partyline: phones.conferences.simple,
      data: config.data,
    }),
  );
}

/** The API is loaded when it is asked for the first time: most servers never are, and it has its price in memory and at the start. */
function apiOnDemand(views: Views, log: Logger): Handle {
  let made: Promise<Handle> | undefined;
  const make = async (): Promise<Handle> => (require('./api/app') as typeof import('./api/app')).createHandle({ views, askerOf: () => operator, log: log.child({ part: 'api' }) });
  return (request, response) => {
    made ??= make();
    made.then(
      (handle) => handle(request, response),
      (err: unknown) => {
        log.error({ err }, 'the API could not be loaded');
        response.writeHead(500).end();
      },
    );
  };
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
    const engine = await startEmbeddedEngine(engineOptions(config, secret), {
      log: engineLog(log),
      logLevel: engineLevel(config),
      // a secret of the operator's own is there to be given to other programs, and request handlers name some
      appsInThisThread: config.engine.secret === null && config.engine.handlers.length === 0,
    });
    owned.own('engine', engine, (e) => e.close());
    if (config.sip.tlsCertificates.length > 0 || config.engine.tlsPort !== null) owned.own('the signal to read certificates again', reloadOnHangup(engine, log), (stop) => stop());
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
function reloadOnHangup(engine: EmbeddedEngine, log: Logger): () => void {
  if (process.stdin.isTTY) return () => undefined;
  // The engine says itself what came of it.
  const reload = (): void => void engine.reloadCertificates().catch((err: unknown) => log.warn({ err }, 'the certificates could not be read again'));
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
