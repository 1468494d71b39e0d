/** The engine in its worker thread: it starts, serves, says why it cannot, and its end is noticed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedEngine, type EmbeddedEngine, type EngineOptions } from '../../../signaling/engine';
import { SipPeer } from '../../support/sip-peer';
import { secret, startApp, type ServerUnderTest, type TestResponse } from './harness';

const workerFile = join(__dirname, '../../support/engine-worker.cjs');
const options = (port = 0, controlPort = 0): EngineOptions => ({
  listen: [
    { protocol: 'udp', address: '127.0.0.1', port },
    { protocol: 'tcp', address: '127.0.0.1', port },
  ],
  control: { port: controlPort, secret },
});

const engines: EmbeddedEngine[] = [];

async function start(given = options()): Promise<EmbeddedEngine> {
  const engine = await startEmbeddedEngine(given, { workerFile });
  engines.push(engine);
  return engine;
}

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

function asServer(engine: EmbeddedEngine): ServerUnderTest {
  const udp = { host: '127.0.0.1', port: engine.listening[0]!.port };
  return { name: 'embedded', control: { ...engine.control, secret }, udp, tcp: udp, can: { shrinkTimers: false, strict: true }, stats: () => undefined as never, close: () => engine.close() };
}

test('serves an application in this thread, which misses no response however busy it is', async () => {
  const engine = await start();
  const app = await startApp(asServer(engine), (srf) => srf.options((_req, res) => res.send(200)));
  const peer = await SipPeer.udp({ host: '127.0.0.1', port: engine.listening[0]!.port });
  peer.send(peer.request('OPTIONS', 'sip:example.com'));
  await peer.getResponse(200);

  let busy = true;
  const spin = (): void => {
    const until = performance.now() + 4;
    while (performance.now() < until);
    if (busy) setTimeout(spin, 4);
  };
  spin();
  let told = 0;
  for (let i = 0; i < 40; i++) {
    const answered = peer.getRequest('OPTIONS').then((heard) => peer.reply(heard, 200));
    const request = await app.srf.request(peer.uri, { method: 'OPTIONS' });
    const response = new Promise<TestResponse | undefined>((resolve) => {
      request.on('response', resolve);
      setTimeout(() => resolve(undefined), 1000);
    });
    await answered;
    if (await response) told++;
  }
  busy = false;
  expect(told).toBe(40);
  const stats = await engine.stats();
  expect(stats).toMatchObject({ dialogs: 0, controlConnections: 1, core: { counters: { sent: 40, delivered: 1 } } });
  app.close();
  await peer.close();
});

test('says which setting keeps it from starting, and leaves nothing open', async () => {
  const first = await start();
  const taken = first.listening[0]!.port;
  await expect(startEmbeddedEngine(options(taken), { workerFile })).rejects.toMatchObject({ name: 'EngineStartError', setting: 'sip.listen', code: 'EADDRINUSE', message: expect.stringContaining(String(taken)) as string });
  await expect(startEmbeddedEngine(options(0, first.control.port), { workerFile })).rejects.toMatchObject({ name: 'EngineStartError', setting: 'engine.control', code: 'EADDRINUSE' });
  await expect(startEmbeddedEngine({ ...options(), control: { port: 0, secret: '' } }, { workerFile })).rejects.toMatchObject({ setting: 'engine.control' });
});

test('is closed once, and says so', async () => {
  const engine = await start();
  const ends: Array<Error | undefined> = [];
  engine.onExit((error) => ends.push(error));
  await Promise.all([engine.close(), engine.close()]);
  engine.onExit((error) => ends.push(error));
  expect(ends).toEqual([undefined, undefined]);
  await expect(engine.stats()).rejects.toThrow('ended');
});

test('a thread that dies is noticed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-worker-'));
  const file = join(folder, 'dying.cjs');
  writeFileSync(file, `require('node:worker_threads').parentPort.postMessage({ kind: 'ready', ready: { control: { host: '', port: 1 }, listening: [] } }); setTimeout(() => { throw new Error('out of luck'); }, 20);`);
  const engine = await startEmbeddedEngine(options(), { workerFile: file });
  const error = await new Promise<Error | undefined>((resolve) => engine.onExit(resolve));
  expect(error?.message).toBe('out of luck');
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});
