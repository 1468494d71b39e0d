/**
 * `offhook phone` and `offhook/client` as programs use them, in the built product: the examples of the READMEs as they are written there, a
 * microphone with its noise taken out, commands that come early, a server that cannot be trusted.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { makeCertificate } from '../support/certificate';
import { Child } from '../support/child';
import { OurPhone } from '../support/our-phone';
import { need, unless } from '../support/peers';
import { builtCommand, offhook, passwordOf, Server, WITHOUT_SETTINGS } from '../support/server';
import { Stage, staged } from '../support/stage';
import { cutOut, judge, writeTone } from '../support/tone';
import { eventually } from '../support/wait';
import { readWav, type Recording } from '../support/wav';

const ROOT = join(__dirname, '../..');
/** The folder of the package under test: where its package.json is. */
const PACKAGE = join(dirname(builtCommand()), '../../..');

let suite: Stage;
let server: Server;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

/** A folder of somebody who has installed the package. */
function workshop(stage: Stage): string {
  const folder = stage.path('workshop');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(PACKAGE, join(folder, 'node_modules', 'offhook'));
  return folder;
}

/** Runs a program of somebody's, its server's address put in the place of the example's. */
function program(stage: Stage, folder: string, name: string, text: string, args: string[] = [passwordOf('1001')]): Child {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text.replaceAll('127.0.0.1', server.address));
  return owned(stage, new Child(name, process.execPath, [file, ...args], { cwd: folder, env: WITHOUT_SETTINGS }));
}

function owned(stage: Stage, child: Child): Child {
  stage.own({ close: () => child.stop('SIGTERM', 5000), report: () => child.tail(20) });
  return child;
}

/** The examples in a document that use the library, by the name in their first line. */
function examples(document: string): Map<string, string> {
  const blocks = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
  return new Map(blocks.filter((text) => text.includes("'offhook/client'")).map((text) => [/^\/\/ (\w+)\.mjs/.exec(text)?.[1] ?? document, text]));
}

const caller = async (stage: Stage, tone: number, more: Partial<Parameters<typeof OurPhone.start>[1]> = {}): Promise<OurPhone> => {
  const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1002'), tone, ...more });
  await phone.registered();
  return phone;
};

describe('programs and scripts', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1002'] });
  }, 30_000);
  afterAll(() => suite.close());

  test('each example of the documents is run by a test here', () => {
    expect([...examples('README.md').keys(), ...examples('client/README.md').keys()]).toEqual(['README.md', 'echo', 'listen']);
  });

  test('README: answers a call and plays a file, in under ten lines', ...shared(async (stage) => {
    const text = examples('README.md').get('README.md')!;
    expect(text.split('\n').filter((line) => line.trim() !== '').length).toBeLessThan(10);
    const folder = workshop(stage);
    writeTone(join(folder, 'welcome.wav'), 700, 1.5, 16_000);
    program(stage, folder, 'welcome', text);
    const phone = await caller(stage, 440);
    const ended = await reached(phone, '1001');
    expect(ended).toMatchObject({ by: 'remote', quality: { of: 'call', seconds: null } });
    expect(judge(phone.heard()).secondsOf(700)).toBeGreaterThan(1);
  }));

  test('client/README: the echo of a tone', ...shared(async (stage) => {
    const echo = program(stage, workshop(stage), 'echo', examples('client/README.md').get('echo')!);
    expect(await echo.waitExit(20_000)).toEqual({ code: 0, signal: null });
    const loud = [...echo.output.matchAll(/^hear (\d+)$/gm)].map(([, peak]) => Number(peak));
    expect(loud).toHaveLength(8);
    expect(loud.filter((peak) => peak > 9000).length).toBeGreaterThanOrEqual(4);
  }));

  test('client/README: takes calls and keeps what is said', ...shared(async (stage) => {
    const folder = workshop(stage);
    const listen = program(stage, folder, 'listen', examples('client/README.md').get('listen')!);
    const phone = await caller(stage, 440);
    await reached(phone, '1001');
    expect(judge(phone.heard()).secondsOf(1000)).toBeGreaterThan(0.3);
    await eventually('its word', () => listen.output.includes('1002 has called'));
    expect(judge(readWav(join(folder, 'call-1.wav'))).secondsOf(440)).toBeGreaterThan(0.7);
  }));

  test('README: a script that calls the echo test', ...shared(async (stage) => {
    const line = /^npx offhook phone (1001@127\.0\.0\.1 .*--json)$/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))![1]!;
    const folder = workshop(stage);
    const script = `'${process.execPath}' '${builtCommand()}' phone ${line.replace('127.0.0.1', server.address).replace('…', passwordOf('1001'))} > events.txt`;
    const child = owned(stage, new Child('script', 'sh', ['-c', script], { cwd: folder, env: { ...WITHOUT_SETTINGS, HOME: folder } }));
    expect(await child.waitExit(20_000)).toEqual({ code: 0, signal: null });
    const events = readFileSync(join(folder, 'events.txt'), 'utf8').trim().split('\n').map((text) => (JSON.parse(text) as { event: string }).event);
    expect(events).toEqual(expect.arrayContaining(['registered', 'answered', 'recorded', 'ended']));
    expect(judge(readWav(join(folder, 'echo.wav'))).secondsOf(440)).toBeGreaterThan(1);
  }));

  unless(suppressionProblem())('a microphone in a noisy room', () => {
    test('its noise is not heard while it is taken out', ...shared(async (stage) => {
      const phone = await caller(stage, 440, { answers: true, codecs: ['PCMU'] });
      const folder = workshop(stage);
      const noisy = program(stage, folder, 'noisy', NOISY);
      const heard = async (what: string): Promise<number> => {
        await eventually(what, () => noisy.output.includes(what), 15_000);
        const from = seconds(phone.heard()) + 0.7; // the way there, and what it takes to learn what is noise
        await eventually('a second of it', () => seconds(phone.heard()) > from + 1, 15_000);
        const level = rms(cutOut(phone.heard(), from, from + 1));
        noisy.write('next\n');
        return level;
      };
      const [before, without, after] = [await heard('noise 1'), await heard('none'), await heard('noise 2')];
      expect(before).toBeGreaterThan(0.01);
      expect(20 * Math.log10(before / Math.max(without, 1e-4))).toBeGreaterThan(20);
      expect(after).toBeGreaterThan(before / 2);
      expect(await noisy.waitExit(10_000)).toEqual({ code: 0, signal: null });
    }));
  });

  test('a call that is asked for before the phone is registered is made when it is', ...shared(async (stage) => {
    const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1002'), tone: 440 });
    phone.command({ do: 'dial', to: '*43' });
    await phone.inCall();
    await eventually('its echo', () => judge(phone.heard()).secondsOf(440) > 0.5, 15_000, 100);
    const { quality } = await phone.event('quality');
    expect(quality).toMatchObject({ of: 'lately', seconds: expect.any(Number) as number });
    phone.command({ do: 'quit' });
    expect(await phone.finished()).toEqual({ code: 0, signal: null });
    const order = ['registered', 'calling', 'answered'] as const;
    expect(order.map((name) => phone.all(name).length)).toEqual([1, 1, 1]);
    expect(phone.all('registered')[0]!.at <= phone.all('calling')[0]!.at).toBe(true);
  }));

  need('openssl')('a server that cannot be trusted', () => {
    test('is told once, by name, and the phone ends with exit code 1', ...shared(async (stage) => {
      const { certificate, key } = await makeCertificate(stage, { expired: true });
      const far = createTls({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) => socket.on('error', () => undefined));
      far.on('tlsClientError', () => undefined);
      await listening(stage, far);
      const phone = await OurPhone.start(stage, { server: `127.0.0.1:${(far.address() as AddressInfo).port}`, user: '1001', password: 'x', tone: 440, transport: 'tls', more: ['--ca', join(dirname(certificate), 'ca.pem')] });
      expect((await phone.finished()).code).toBe(1);
      // Nothing was tried again, for which it would have had ten seconds.
      expect(phone.all('disconnected')).toMatchObject([{ problem: expect.stringContaining('as it has expired') as string }]);
      expect(phone.report()).toMatch(/^offhook: cannot connect to .* certificate is not trusted, as it has expired: have the server’s owner renew it/m);
    }));
  });

  test('what cannot be asked for like that is an event, too, with exit code 2', ...shared(async (stage) => {
    const { code, output } = await offhook(['phone', `1001@${server.address}`, '--password', 'x', '--json', '--play', '/nowhere/x.wav'], { cwd: stage.folder });
    expect(code).toBe(2);
    const [event, sentence] = output.trim().split('\n');
    expect(JSON.parse(event!)).toMatchObject({ event: 'error', problem: 'there is no file /nowhere/x.wav to play' });
    expect(sentence).toBe('offhook: there is no file /nowhere/x.wav to play');
  }));
});

/** Calls until somebody is there, who hangs up in the end. */
async function reached(phone: OurPhone, number: string): Promise<ReturnType<OurPhone['all']>[number] & { answered: boolean }> {
  for (let tries = 0; tries < 40; tries++) {
    await phone.dial(number);
    const ended = await phone.event('ended', () => true, 30_000);
    if (ended.answered) {
      await phone.event('recorded');
      return ended;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`nobody was there at ${number}`);
}

/** Three stretches of a second and more each: noise, noise with suppression on, noise. The next one begins when something is written to it. */
const NOISY = `
import { once } from 'node:events';
import { Phone } from 'offhook/client';

const phone = await Phone.connect('1001@127.0.0.1', { password: process.argv[2], codecs: ['PCMU'] });
let state = 1;
const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
phone.hub.setDevice({
  backend: 'test', input: 'a noisy room', output: null,
  capture: (out) => { for (let i = 0; i < out.length; i++) out[i] = (chance() - 0.5) * 4000; return true; },
  play: () => undefined, stats: () => ({}), close: async () => undefined,
});
const call = await phone.dial('1002');
await call.answered;
console.log('noise 1');
await once(process.stdin, 'data');
await phone.hub.setNoiseSuppression(true);
console.log('none');
await once(process.stdin, 'data');
await phone.hub.setNoiseSuppression(false);
console.log('noise 2');
await once(process.stdin, 'data');
await phone.close();
process.exit(0);
`;

const seconds = ({ samples, rate }: Recording): number => samples.length / rate;

function rms({ samples }: Recording): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));
}

/** The package is optional. */
function suppressionProblem(): string | undefined {
  try {
    require.resolve('@jitsi/rnnoise-wasm/package.json', { paths: [PACKAGE] });
    return undefined;
  } catch {
    return '@jitsi/rnnoise-wasm is not installed';
  }
}

async function listening(stage: Stage, far: ReturnType<typeof createServer>): Promise<void> {
  await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
  stage.own({ close: () => void far.close() });
}
