/**
 * The party line with phones as anyone installs them: Linphone, baresip and a program that speaks the simple packet format meet on 8000, and
 * each hears exactly the tones of the other two.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Baresip } from '../support/baresip';
import { mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec, Phone } from '../support/phone';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { cutOut, judge, type Hearing } from '../support/tone';
import { eventually } from '../support/wait';
import { SimplePeer } from '../unit/media/support/simple-peer';

const LINPHONE_TONE = 600;
const BARESIP_TONE = 900;
const PROGRAM_TONE = 1300;

let suite: Stage;
let server: Server;
let port: number;

/** What a phone hears in the next seconds. */
const ear = (phone: Phone) => async (seconds: number): Promise<Hearing> => {
  const from = mark(phone);
  await eventually(`${phone.name} to hear for ${seconds} s`, () => mark(phone) - from >= seconds, 10_000, 50);
  return judge(cutOut(phone.heard(), from, from + seconds));
};

/** Once both are there, two seconds of them: each a fair part of what is heard, and of its own tone nothing. */
async function hearsExactly(name: string, tones: [number, number], own: number, listen: (seconds: number) => Promise<Hearing>): Promise<void> {
  await eventually(`${name} to hear ${tones.join(' and ')} Hz`, async () => {
    const heard = await listen(0.6);
    return tones.every((hz) => heard.share(hz) > 0.1) && heard.share(tones[0]) + heard.share(tones[1]) > 0.9;
  }, 25_000, 10);
  const heard = await listen(2);
  const [a, b] = [heard.share(tones[0]), heard.share(tones[1])];
  const report = `${name}: ${heard.loudSeconds.toFixed(2)} s of sound, ${tones[0]} Hz ${(a * 100).toFixed(1)} %, ${tones[1]} Hz ${(b * 100).toFixed(1)} %, itself ${(heard.share(own) * 100).toFixed(2)} %`;
  expect([report, heard.loudSeconds > 1.7, a > 0.1, b > 0.1, a + b > 0.9, heard.share(own) < 0.01]).toEqual([report, true, true, true, true, true]);
}

need('linphone', 'baresip')('the party line', () => {
  beforeAll(async () => {
    suite = new Stage();
    port = await suite.port();
    server = await Server.start(suite, { settings: { 'partyline.port': port, 'partyline.address': '127.0.0.1' } });
  }, 30_000);
  afterAll(() => suite.close());
  const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 75 });

  test.each<[string, Codec[] | undefined]>([['as they come', undefined], ['in PCMU', ['PCMU']]])('Linphone, baresip and a program (%s): each hears exactly the other two', ...shared(async (stage, _how: string, codecs: Codec[] | undefined) => {
    const common = { server: server.address, ...(codecs ? { codecs } : {}) };
    const [linphone, baresip] = await Promise.all([
      Linphone.start(stage, { ...common, ...server.account('1001'), tone: LINPHONE_TONE }),
      Baresip.start(stage, { ...common, ...server.account('1002'), tone: BARESIP_TONE }),
    ]);
    await Promise.all([linphone.registered(), baresip.registered()]);
    await Promise.all([linphone.dial('8000'), baresip.dial('8000')]);
    await Promise.all([linphone.inCall(), baresip.inCall()]);
    const program = await SimplePeer.open(PROGRAM_TONE);
    stage.own(program);
    program.speak(port);
    await Promise.all([
      hearsExactly('Linphone', [BARESIP_TONE, PROGRAM_TONE], LINPHONE_TONE, ear(linphone)),
      hearsExactly('baresip', [LINPHONE_TONE, PROGRAM_TONE], BARESIP_TONE, ear(baresip)),
      hearsExactly('the program', [LINPHONE_TONE, BARESIP_TONE], PROGRAM_TONE, (seconds) => program.hear(seconds)),
    ]);
    await Promise.all([linphone.hangUp(), baresip.hangUp()]);
    await Promise.all([linphone.ended(), baresip.ended()]);
  }));

  test('the program in the README: baresip hears its tone, and it says that it hears baresip', ...shared(async (stage) => {
    const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
    const example = /```js\n(\/\/ party\.mjs[\s\S]*?)```/.exec(readme)?.[1];
    if (example === undefined) throw new Error('README.md has no example that begins with “// party.mjs”');
    const baresip = await Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE });
    await baresip.registered();
    await baresip.dial('8000');
    await baresip.inCall();
    const child = spawn(process.execPath, ['--input-type=module', '-', String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    stage.own({ close: () => void child.kill() });
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    child.stdin.end(example);
    const listen = ear(baresip);
    await eventually('baresip to hear the example', async () => (await listen(0.6)).share(440) > 0.9, 20_000, 10);
    await eventually('the example to hear baresip', () => /^hear \d{3,}/m.test(said), 10_000);
    await baresip.hangUp();
    await baresip.ended();
  }));
});
