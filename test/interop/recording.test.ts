/**
 * Recorded calls between real phones, by ear: each side's tone on its own channel, whoever asked for it, and whatever happens to the call or to
 * the server meanwhile.
 */
import { join } from 'node:path';
import { Baresip } from '../support/baresip';
import { hears, hearsMusic, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec, Phone } from '../support/phone';
import { offhook, Server, type ServerOptions } from '../support/server';
import { staged, type Stage } from '../support/stage';
import { cutOut, describe as sound, judge } from '../support/tone';
import { eventually } from '../support/wait';
import { readStereo, type Recording } from '../support/wav';

const LINPHONE_TONE = 600;
const BARESIP_TONE = 900;

interface Row {
  id: string;
  from: string;
  to: string;
  file: string;
  durationMs: number;
  bytes: number;
  state: 'recording' | 'done' | 'failed';
  problem: string | null;
}

interface Cast {
  server: Server;
  linphone: Phone;
  baresip: Phone;
}

async function cast(stage: Stage, options: ServerOptions & { recording?: Record<string, string>; codecs?: { linphone: Codec[]; baresip: Codec[] }; encrypted?: boolean } = {}): Promise<Cast> {
  const { recording = {}, codecs, encrypted, ...rest } = options;
  const srtp = encrypted ? { srtp: 'required' as const } : {};
  const server = await Server.start(stage, rest);
  for (const [number, policy] of Object.entries(recording)) await command(server, 'extension', 'set', number, '--recording', policy);
  const [linphone, baresip] = await Promise.all([
    Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE, ...srtp, ...(codecs && { codecs: codecs.linphone }) }),
    Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE, ...srtp, ...(codecs && { codecs: codecs.baresip }) }),
  ]);
  await Promise.all([linphone.registered(), baresip.registered()]);
  return { server, linphone, baresip };
}

async function command(server: Server, ...args: string[]): Promise<string> {
  const { code, output } = await offhook([...args, '--data', server.data]);
  if (code !== 0) throw new Error(`offhook ${args.join(' ')}: ${output}`);
  return output;
}

const list = async (server: Server): Promise<Row[]> => JSON.parse(await command(server, 'recording', 'list', '--json')) as Row[];

/** The recordings, once there are so many and none is running. */
const ended = (server: Server, count: number): Promise<Row[]> =>
  eventually(`${count} recordings`, async () => {
    const rows = await list(server);
    return rows.length === count && rows.every(({ state }) => state !== 'recording') ? rows : undefined;
  }, 15_000, 300);

async function call(caller: Phone, number: string, callee: Phone): Promise<void> {
  await caller.dial(number);
  await callee.ringing();
  await callee.answer();
  await Promise.all([caller.inCall(), callee.inCall()]);
}

async function hearEachOther({ linphone, baresip }: Cast, from = { linphone: 0, baresip: 0 }, seconds = 1): Promise<void> {
  await Promise.all([
    hears(linphone, BARESIP_TONE, { not: [LINPHONE_TONE], from: from.linphone, seconds }),
    hears(baresip, LINPHONE_TONE, { not: [BARESIP_TONE], from: from.baresip, seconds }),
  ]);
}

const now = ({ linphone, baresip }: Cast) => ({ linphone: mark(linphone), baresip: mark(baresip) });

async function hangUp(phone: Phone, { linphone, baresip }: Cast): Promise<void> {
  await phone.hangUp();
  await Promise.all([linphone.ended(), baresip.ended()]);
}

async function pressesStarOne(phone: Phone): Promise<void> {
  await phone.press('*');
  await phone.press('1');
}

/** This much of the side's own tone, and nothing of the other's. */
function expectTone(side: Recording, hz: number, not: number, seconds: number): void {
  const verdict = judge(side);
  if (verdict.secondsOf(hz) < seconds) throw new Error(`${verdict.secondsOf(hz).toFixed(2)} s of ${hz} Hz instead of ${seconds} s in: ${sound(side)}`);
  if (verdict.share(not) > 0.01) throw new Error(`${(verdict.share(not) * 100).toFixed(1)} % of ${not} Hz in: ${sound(side)}`);
}

need('linphone', 'baresip')('recorded calls', () => {
  test('Linphone calls baresip and presses *1: both sides, each on its channel, and again', ...staged(async (stage) => {
    const all = await cast(stage);
    const { server, linphone, baresip } = all;
    await call(linphone, '1002', baresip);
    await hearEachOther(all);
    await pressesStarOne(linphone);
    await eventually('a recording', async () => (await list(server)).some(({ state }) => state === 'recording'), 10_000, 300);
    await hears(baresip, LINPHONE_TONE, { not: [BARESIP_TONE], seconds: 3 });
    await hearEachOther(all, now(all));
    // “Recording started” is for who pressed
    expect(wordsOver(linphone, BARESIP_TONE)).toBeGreaterThan(0.6);
    expect(wordsOver(baresip, LINPHONE_TONE)).toBeLessThan(0.4);
    await pressesStarOne(linphone);
    const [first] = await ended(server, 1);
    await hearEachOther(all, now(all));
    await pressesStarOne(baresip);
    await eventually('a second recording', async () => (await list(server)).length === 2, 10_000, 300);
    await hearEachOther(all, now(all), 2);
    await hangUp(linphone, all);
    const rows = await ended(server, 2);
    expect(rows.map(({ from, to, state, problem }) => ({ from, to, state, problem }))).toEqual(Array(2).fill({ from: '1001', to: '1002', state: 'done', problem: null }));
    expect(rows[1]).toEqual(first);
    for (const { file, durationMs } of rows) {
      const { left, right } = readStereo(file);
      expect(left.samples.length / left.rate).toBeCloseTo(durationMs / 1000, 1);
      expectTone(left, LINPHONE_TONE, BARESIP_TONE, 1.5);
      expectTone(right, BARESIP_TONE, LINPHONE_TONE, 1.5);
    }
    expect(server.output).toMatch(/"recordings":"recordings\/\S+\.wav recordings\/\S+-2\.wav"/);
  }, { seconds: 90 }));

  test('a server that is killed leaves a recording that plays, and the next one lists it', ...staged(async (stage) => {
    const all = await cast(stage, { recording: { 1002: 'always' } });
    const { server, linphone, baresip } = all;
    await call(linphone, '1002', baresip);
    await hearEachOther(all, undefined, 3);
    const [running] = await list(server);
    expect(running).toMatchObject({ state: 'recording', durationMs: 0 });
    await server.kill();
    const { left, right } = readStereo(running!.file);
    expectTone(left, LINPHONE_TONE, BARESIP_TONE, 1.5);
    expectTone(right, BARESIP_TONE, LINPHONE_TONE, 1.5);

    const next = await Server.start(stage, { successorOf: server });
    const rows = await list(next);
    expect(rows).toEqual([{ ...running, state: 'done', durationMs: expect.any(Number) as number, bytes: expect.any(Number) as number }]);
    expect(rows[0]!.durationMs / 1000).toBeCloseTo(left.samples.length / left.rate, 1);
    expect(rows[0]!.durationMs).toBeGreaterThan(1500);
    const copy = join(stage.folder, 'copy.wav');
    await command(next, 'recording', 'export', running!.id, copy);
    expect(readStereo(copy).left.samples.length).toBe(left.samples.length);
    // the phones do not know yet that their call is over
    await Promise.all([linphone.hangUp(), baresip.hangUp()]);
  }, { seconds: 90 }));

  test('encrypted, both ways, with *1 of the one who was called', ...staged(async (stage) => {
    const all = await cast(stage, { encrypted: true });
    const { server, linphone, baresip } = all;
    await call(linphone, '1002', baresip);
    await hearEachOther(all);
    await pressesStarOne(baresip);
    await eventually('a recording', async () => (await list(server)).length === 1, 10_000, 300);
    await hearEachOther(all, now(all), 3);
    await hangUp(baresip, all);
    const [row] = await ended(server, 1);
    const { left, right } = readStereo(row!.file);
    expectTone(left, LINPHONE_TONE, BARESIP_TONE, 2);
    expectTone(right, BARESIP_TONE, LINPHONE_TONE, 2);
  }, { seconds: 90 }));

  test('on through hold and resume, without the music, and without who is on hold', ...staged(async (stage) => {
    const all = await cast(stage, { recording: { 1001: 'always' } });
    const { server, linphone, baresip } = all;
    await call(baresip, '1001', linphone);
    await hearEachOther(all, undefined, 2);
    await linphone.hold();
    await hearsMusic(baresip, { not: [LINPHONE_TONE, BARESIP_TONE], seconds: 2 });
    await linphone.resume();
    await hearEachOther(all, now(all), 2);
    await hangUp(baresip, all);
    const [row] = await ended(server, 1);
    expect(row).toMatchObject({ from: '1002', to: '1001', state: 'done' });
    const { left, right } = readStereo(row!.file);
    // baresip called
    for (const [side, hz, not] of [[left, BARESIP_TONE, LINPHONE_TONE], [right, LINPHONE_TONE, BARESIP_TONE]] as const) {
      expectTone(side, hz, not, 3);
      const { share, loudSeconds } = judge(side);
      expect(share(hz)).toBeGreaterThan(0.95);
      expect(loudSeconds).toBeLessThan(side.samples.length / side.rate - 1.5);
    }
  }, { seconds: 90 }));

  test('a transcoded call, with beeps that both hear and that are not in the file', ...staged(async (stage) => {
    const all = await cast(stage, { recording: { 1001: 'always' }, codecs: { linphone: ['opus'], baresip: ['PCMU'] }, settings: { 'recording.beepSeconds': 1 } });
    const { server, linphone, baresip } = all;
    await call(linphone, '1002', baresip);
    await beeps(linphone, BARESIP_TONE);
    await beeps(baresip, LINPHONE_TONE);
    await hangUp(linphone, all);
    const [row] = await ended(server, 1);
    const { left, right } = readStereo(row!.file);
    for (const [side, hz, not] of [[left, LINPHONE_TONE, BARESIP_TONE], [right, BARESIP_TONE, LINPHONE_TONE]] as const) {
      expectTone(side, hz, not, 1.5);
      expect(judge(side).share(hz)).toBeGreaterThan(0.95);
    }
  }, { seconds: 90 }));

  test('never on one side: neither always on the other one nor *1 records it', ...staged(async (stage) => {
    const all = await cast(stage, { recording: { 1001: 'always', 1002: 'never' } });
    const { server, linphone, baresip } = all;
    await call(linphone, '1002', baresip);
    await hearEachOther(all);
    await pressesStarOne(baresip);
    await linphone.pressed('1');
    await hearEachOther(all, now(all));
    await hangUp(linphone, all);
    expect(await list(server)).toEqual([]);
  }, { seconds: 90 }));
});

/** Of the tone `record-beep`, Hz. It is 20 dB softer than the phones' tones, which are louder than people. */
const BEEP = 1400;

/** Seconds in which the party has heard something besides this tone. */
function wordsOver(phone: Phone, hz: number): number {
  const heard = phone.heard();
  const pieces = Array.from({ length: Math.floor((heard.samples.length / heard.rate) * 10) }, (_, i) => judge(cutOut(heard, i / 10, (i + 1) / 10)));
  return pieces.filter(({ share, loudSeconds }) => loudSeconds > 0.03 && share(hz) < 0.985).length / 10;
}

/** Waits until the party has heard this tone for two seconds and the beep over it three times. */
async function beeps(phone: Phone, hz: number): Promise<void> {
  let seen = '';
  try {
    await eventually('beeps', () => {
      const heard = phone.heard();
      const pieces = Array.from({ length: Math.floor((heard.samples.length / heard.rate) * 10) }, (_, i) => judge(cutOut(heard, i / 10, (i + 1) / 10)).share(BEEP) > 0.004);
      const begun = pieces.filter((beep, i) => beep && !pieces[i - 1]).length;
      seen = `${begun} beeps, and ${sound(heard)}`;
      return begun >= 3 && judge(heard).secondsOf(hz) > 2;
    }, 15_000, 300);
  } catch {
    throw new Error(`${phone.name} should have heard beeps over ${hz} Hz, but: ${seen}`);
  }
}
