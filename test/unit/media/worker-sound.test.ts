/** All sound of a worker, on a clock of its own: what is played, stopped, joined and left, in every order. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioSetup } from '../../../media/audio-types';
import type { CodecName } from '../../../media/frame';
import { writeTone } from '../../support/tone';
import { soundWorker, type Speaker } from './support/sound-worker';
import { rtp } from './support/packets';
import { setupOf } from './support/tone-peer';

const OPEN = { flow: true };
const HELD: AudioSetup = setupOf('PCMU', { send: null, receive: [] });
let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'offhook-worker-'))));
afterAll(() => rmSync(dir, { recursive: true }));

/** The tone is ready in a turn or two. */
const started = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const steepest = (samples: readonly number[]): number => samples.slice(1).reduce((most, value, i) => Math.max(most, Math.abs(value - samples[i]!)), 0);
const chord = (hz: number, ms = 60_000) => [{ hz: [hz], ms }];

test('a party alone hears silence; two in a room hear each other and not themselves', async () => {
  const { together, run, ask, faults } = soundWorker();
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  run(1000);
  expect([a.hear().share(900) > 0.95, b.hear().share(500) > 0.95]).toEqual([true, true]);
  await ask('leave', { id: a.id });
  run(500);
  a.samples();
  b.samples();
  run(500);
  expect([a.hear().rms, b.hear().rms]).toEqual([0, 0]);
  await ask('leave', { id: a.id });
  expect(await faults()).toBeNull();
});

test('ports, rooms and sockets are forgotten when the last has left', async () => {
  const { together, run, ask, net, core } = soundWorker();
  const all = await together('r', 500, 900, 1300);
  run(100);
  for (const { id } of all) await ask('release', { id });
  expect(await ask('roomStats', { room: 'r' })).toBeUndefined();
  expect(await ask('load', {})).toMatchObject({ endpoints: 0, sound: { ports: 0 } });
  expect(net.beat?.nextAt).toBe(Infinity); // nobody ticks
  expect([...net.sockets.values()].every(({ closed }) => closed)).toBe(true);
  expect(core.silences()).toEqual([]);
});

describe('what is played', () => {
  test('ends when the endpoint goes back to a relay, is released, or the worker closes; a room’s when it empties', async () => {
    const { together, party, run, ask, core } = soundWorker();
    const [a, b, c] = (await together('r', 500, 900, 700)) as [Speaker, Speaker, Speaker];
    const d = await party(0);
    const plays = [
      ask('play', { target: { endpoint: a.id }, what: chord(300), options: {} }),
      ask('play', { target: { endpoint: b.id }, what: chord(300), options: { over: true } }),
      ask('play', { target: { room: 'r' }, what: chord(300), options: {} }),
      ask('play', { target: { endpoint: d.id }, what: chord(300), options: {} }),
    ];
    await started();
    run(200);
    await ask('connect', { a: a.id, b: b.id, aToB: OPEN, bToA: OPEN });
    await ask('release', { id: c.id });
    await core.close();
    const ends = await Promise.all(plays);
    expect(ends.map(({ why }) => why)).toEqual(['released', 'released', 'released', 'released']);
    for (const { playedMs } of ends) expect([200, 220]).toContain(playedMs); // a tick more or less, by slot
  });

  test('goes on through setAudio, hold and a room’s new rate', async () => {
    const { together, run, ask } = soundWorker();
    const [a] = (await together('r', 500, 900)) as [Speaker];
    const played = ask('play', { target: { endpoint: a.id }, what: chord(1000, 1000), options: {} });
    await started();
    run(200);
    await ask('setAudio', { id: a.id, audio: HELD });
    run(200);
    await ask('setAudio', { id: a.id, audio: setupOf('PCMU') });
    run(200);
    await ask('setAudio', { id: a.id, audio: setupOf('PCMU', { receive: [{ codec: 'opus', payloadType: 111 }] }) });
    a.samples();
    run(300);
    expect(a.hear().share(1000)).toBeGreaterThan(0.9);
    run(200);
    expect(await played).toMatchObject({ why: 'finished', playedMs: 1000 });
  });

  test('a file that takes long to load does not come after what was asked for later', async () => {
    const file = join(dir, 'slow.wav');
    writeTone(file, 800, 1, 16_000);
    const { party, run, ask } = soundWorker();
    const a = await party(0);
    const target = { endpoint: a.id };
    const slow = ask('play', { target, what: [{ file }], options: { loop: true } });
    const quick = ask('play', { target, what: chord(1200), options: {} });
    expect((await slow).why).toBe('replaced');
    run(400);
    expect(a.hear().share(1200)).toBeGreaterThan(0.95);
    await ask('stopPlaying', { target });
    expect((await quick).why).toBe('stopped');
  });

  test('a file that was stopped while it was loaded is not heard, to a party and to a room', async () => {
    const file = join(dir, 'stopped.wav');
    writeTone(file, 800, 1, 16_000);
    const { together, run, ask } = soundWorker();
    const [a] = (await together('r', 0, 0)) as [Speaker];
    for (const target of [{ endpoint: a.id }, { room: 'r' }]) {
      const played = ask('play', { target, what: [{ file }], options: { loop: true } });
      await ask('stopPlaying', { target });
      expect(await played).toMatchObject({ why: 'stopped', playedMs: 0 });
    }
    run(400);
    expect(a.hear().rms).toBe(0);
  });

  test('a file that was loaded for a room or a port that is no more is not heard by its successor', async () => {
    const file = join(dir, 'gone.wav');
    writeTone(file, 800, 1, 16_000);
    const { party, ask } = soundWorker();
    const [a, b] = [await party(0), await party(0)];
    await ask('join', { id: b.id, room: 'r', settings: {} });
    const plays = [ask('play', { target: { endpoint: a.id }, what: [{ file }], options: {} }), ask('play', { target: { room: 'r' }, what: [{ file }], options: {} })];
    await ask('leave', { id: b.id });
    await ask('connect', { a: a.id, b: b.id, aToB: OPEN, bToA: OPEN });
    for (const { id } of [a, b]) await ask('setAudio', { id, audio: setupOf('PCMU') });
    await ask('join', { id: b.id, room: 'r', settings: {} });
    expect((await Promise.all(plays)).map(({ why }) => why)).toEqual(['released', 'released']);
  });

  test('a file that is no sound fails with its name, and the call goes on', async () => {
    const file = join(dir, 'none.wav');
    writeFileSync(file, Buffer.alloc(5000, 'RIFF'));
    const { together, run, ask, faults } = soundWorker();
    const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
    expect(await ask('play', { target: { endpoint: a.id }, what: [{ file }], options: {} })).toMatchObject({ why: 'failed', problem: expect.stringContaining(file) });
    expect(await ask('play', { target: { room: 'r' }, what: [{ file }], options: {} })).toMatchObject({ why: 'failed' });
    expect(await ask('play', { target: { endpoint: a.id }, what: [{ hz: [1], ms: -1 }], options: {} })).toMatchObject({ why: 'failed' });
    run(600);
    expect([a.hear().share(900) > 0.95, b.hear().share(500) > 0.95, await faults()]).toEqual([true, true, null]);
  });

  test('nothing to be played is over at once', async () => {
    const { party, run, ask } = soundWorker();
    const a = await party(0);
    const played = ask('play', { target: { endpoint: a.id }, what: [], options: { loop: true } });
    await started();
    run(40);
    expect(await played).toMatchObject({ why: 'finished', playedMs: 0 });
  });

  test('begins, is replaced, stopped and ends without a click, over the voice of another', async () => {
    const { together, run, ask } = soundWorker();
    const [a] = (await together('r', 0, 107)) as [Speaker];
    const target = { endpoint: a.id };
    run(500);
    a.samples();
    run(200);
    // the voice alone, and through µ-law
    const alone = steepest(a.samples());
    const ends: string[] = [];
    const play = async (hz: number, ms = 60_000, options = {}) => {
      void ask('play', { target, what: chord(hz, ms), options }).then(({ why }) => ends.push(why));
      await started();
      run(210);
    };
    await play(91);
    await play(112);
    await play(71, 60_000, { over: true });
    await play(83, 60_000, { over: true });
    await ask('stopPlaying', { target });
    run(200);
    await play(97, 110);
    run(200);
    await started();
    expect(ends).toEqual(['replaced', 'replaced', 'stopped', 'stopped', 'finished']);
    expect(steepest(a.samples())).toBeLessThan(alone * 1.7);
  });
});

describe('key presses', () => {
  const key = (digit: number, end: boolean, units: number) => Uint8Array.of(digit, end ? 0x8a : 0x0a, units >> 8, units & 0xff);

  test('one that is under way while the call is wired anew is told once, whoever hears its packets', async () => {
    const { party, ask, digits, core, clock } = soundWorker();
    const [a, b] = [await party(0, null), await party(0, null)];
    const wiring = { flow: true, telephoneEvents: { 101: 8000 } };
    const relay = () => ask('connect', { a: a.id, b: b.id, aToB: wiring, bToA: wiring });
    const press = (digit: number, ...ends: Array<() => Promise<unknown>>) => async () => {
      const at = (a.timestamp += 1600);
      a.key(key(digit, false, 160), true, at);
      for (const end of ends) {
        await end();
        a.key(key(digit, true, 800), false, at);
      }
    };
    const sound = () => ask('setAudio', { id: a.id, audio: setupOf('PCMU') });
    const wide = () => ask('setAudio', { id: a.id, audio: setupOf('PCMU', { telephoneEvent: { send: null, receive: [{ payloadType: 101, clockRate: 48_000 }] } }) });
    await relay();
    await press(1, relay, sound, sound)();
    await press(2, sound, relay, relay)();
    await press(3, sound, wide, sound)();
    expect(digits.map(({ id, digit, by }) => `${id} ${digit} ${by}`)).toEqual(['p0 1 rfc4733', 'p0 2 rfc4733', 'p0 3 rfc4733']);
    // one whose end never comes
    await press(4)();
    await ask('setAudio', { id: a.id, audio: HELD });
    clock.ms += 300;
    core.silences();
    expect(digits.map(({ digit }) => digit)).toEqual(['1', '2', '3', '4']);
  });

  test('ours in a relayed stream: numbers never go back, through sound and to the next relay', async () => {
    const { party, run, ask } = soundWorker();
    const [a, b] = [await party(500, null), await party(900, null)];
    const wiring = { flow: true, sendEvents: { payloadType: 101, clockRate: 8000 } };
    const relay = () => ask('connect', { a: a.id, b: b.id, aToB: wiring, bToA: wiring });
    await relay();
    run(100);
    await ask('sendDigits', { id: a.id, digits: '12', ms: 60 });
    run(600);
    await ask('setAudio', { id: a.id, audio: setupOf('PCMU') });
    run(100);
    await relay();
    run(100);
    await ask('sendDigits', { id: a.id, digits: '3', ms: 60 });
    run(400);
    const ofB = a.packets.filter((data) => data.readUInt32BE(8) === b.port);
    const numbers = ofB.map((data) => data.readUInt16BE(2));
    const steps = numbers.slice(1).map((number, i) => number - numbers[i]!);
    expect(Math.min(...steps)).toBe(1);
    expect(steps.filter((step) => step !== 1)).toEqual([6]); // what came while its sound was made
    expect(ofB.filter((data) => (data[1]! & 0x7f) === 101)).toHaveLength(15);
  });
});

test('a peer’s SSRC of ours changes with the clock, and its reports name the new one', async () => {
  const { party, run, ask, net, clock } = soundWorker();
  const a = await party(500);
  run(12_000);
  const ssrcOf = () => a.packets.at(-1)!.readUInt32BE(8);
  const first = ssrcOf();
  await ask('setAudio', { id: a.id, audio: HELD });
  run(1000);
  await ask('setAudio', { id: a.id, audio: setupOf('opus' as CodecName, { receive: [{ codec: 'PCMU', payloadType: 0 }] }) });
  const from = clock.ms;
  run(12_000);
  const second = ssrcOf();
  expect(second).not.toBe(first);
  const reports = net.sent(a.port + 1).map(({ data }) => data);
  expect(reports.length).toBeGreaterThan(2);
  expect(reports.at(-1)!.readUInt32BE(4)).toBe(second);
  expect(reports.at(-1)![1]).toBe(200);
  // RTP time of the report is that of its packets, 48 kHz
  const [newest, rtpNow] = [a.packets.at(-1)!.readUInt32BE(4), reports.at(-1)!.readUInt32BE(16)];
  expect(Math.abs((newest - rtpNow) | 0) / 48).toBeLessThan(clock.ms - from);
});

test('silence: told of a party that ought to speak, not of one on hold, muted ones too, once', async () => {
  const { together, run, ask, core } = soundWorker({ silenceMs: 2000 });
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  run(1000);
  await ask('join', { id: a.id, room: 'r', settings: { muted: true, deaf: true } });
  run(1000);
  expect(core.silences()).toEqual([]);
  await ask('setAudio', { id: b.id, audio: HELD });
  a.speaking = b.speaking = false;
  run(3000);
  expect(core.silences().map(({ id }) => id)).toEqual([a.id]);
  expect(core.silences()).toEqual([]);
  await ask('setAudio', { id: b.id, audio: setupOf('PCMU') });
  run(1900);
  expect(core.silences()).toEqual([]);
  run(200);
  expect(core.silences()).toMatchObject([{ id: b.id, silentMs: 2100 }]);
  a.speaking = true;
  run(100);
  a.speaking = false;
  run(2100);
  expect(core.silences().map(({ id }) => id)).toEqual([a.id]);
});

test('counters: what came on hold is gated, what has no meaning is filtered', async () => {
  const { party, run, ask, net } = soundWorker();
  const a = await party(500);
  run(100);
  net.deliver(a.port, a.address, rtp({ payloadType: 77, sequence: a.sequence++, ssrc: a.port }));
  await ask('setAudio', { id: a.id, audio: HELD });
  run(100);
  expect(await ask('stats', { id: a.id })).toMatchObject({ filtered: 1, gated: 5, audio: { codec: { receive: null, send: null } } });
});

test('setAudio that is refused changes nothing; sound that does not exist is refused', async () => {
  const { together, run, ask, faults } = soundWorker();
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  const speex = { codec: 'speex' as CodecName, payloadType: 97 };
  await expect(ask('setAudio', { id: a.id, audio: setupOf('PCMU', { receive: [speex] }) })).rejects.toMatchObject({ code: 'no-codec' });
  run(600);
  expect([a.hear().share(900) > 0.95, b.hear().share(500) > 0.95, await faults()]).toEqual([true, true, null]);
  await ask('release', { id: b.id });
  for (const op of ['join', 'leave', 'detectTones'] as const) await expect(ask(op, { id: b.id } as never)).rejects.toMatchObject({ code: 'unknown-endpoint' });
});

test('a worker without relays reads its packets together, one with them at once', async () => {
  const { party, ask, net } = soundWorker();
  const together = net.patience;
  const [a, b] = [await party(0, null), await party(0, null)];
  await ask('connect', { a: a.id, b: b.id, aToB: OPEN, bToA: OPEN });
  expect(net.patience).toBeLessThan(together);
  await ask('setAudio', { id: a.id, audio: setupOf('PCMU') });
  expect(net.patience).toBe(together);
});

test('a stall: what was missed is caught up with, what is too old is left out, and the far end’s clock has gone on', async () => {
  const { party, run, clock, ask } = soundWorker();
  const a = await party(500);
  run(200);
  const before = a.packets.at(-1)!.readUInt32BE(4);
  clock.ms += 1000;
  run(200);
  const after = a.packets.at(-1)!.readUInt32BE(4);
  expect((after - before) / 160).toBe(60);
  expect(await ask('load', {})).toMatchObject({ sound: { skipped: expect.any(Number) } });
});
