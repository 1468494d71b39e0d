/**
 * Recorded calls between phones played by SIPp, through the built server: what the disk refuses, beeps in a call that would be relayed, Ogg/Opus,
 * and a server that is killed or told to stop.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { opus, opusProblem } from '../../media/codec/opus';
import { decodeOggOpus, readOggOpus } from '../../media/file/ogg-opus';
import { run } from '../support/child';
import { hears, mark } from '../support/ears';
import { need, unless } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server, type ServerOptions } from '../support/server';
import type { Sipp } from '../support/sipp';
import { staged, type Stage } from '../support/stage';
import { cutOut, judge } from '../support/tone';
import { eventually } from '../support/wait';
import { readStereo, type Recording } from '../support/wav';

const CALLER = 600;
const CALLEE = 900;

interface Row {
  id: string;
  file: string;
  durationMs: number;
  bytes: number;
  state: string;
  problem: string | null;
}

const command = async (server: Server, ...args: string[]): Promise<string> => {
  const { code, output } = await offhook([...args, '--data', server.data]);
  if (code !== 0) throw new Error(`offhook ${args.join(' ')}: ${output}`);
  return output;
};
const list = async (server: Server): Promise<Row[]> => JSON.parse(await command(server, 'recording', 'list', '--json')) as Row[];
const settled = (server: Server): Promise<Row[]> =>
  eventually('the recording to be over', async () => {
    const rows = await list(server);
    return rows.length > 0 && rows.every(({ state }) => state !== 'recording') ? rows : undefined;
  }, 15_000, 300);

interface Talk {
  server: Server;
  caller: RtpParty;
  callee: RtpParty;
  calling: Sipp;
  waiting: Sipp;
}

async function talk(stage: Stage, options: ServerOptions & { always?: boolean; talkMs?: number; before?: (server: Server) => Promise<unknown> | void } = {}): Promise<Talk> {
  const { always = true, talkMs = 4000, before, ...rest } = options;
  const server = await Server.start(stage, rest);
  if (always) await command(server, 'extension', 'set', '1001', '--recording', 'always');
  await before?.(server);
  const [caller, callee] = [await RtpParty.open(stage, { tone: CALLER }), await RtpParty.open(stage, { tone: CALLEE })];
  const options1 = { ...server.account('1001'), server: server.address };
  const phone = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
  const waiting = await phone.expects('callee', { ringMs: 0, sdp: sdp({ port: callee.port }) }, { seconds: 60 });
  const calling = await (await ScriptedPhone.make(stage, options1)).calls('1002', 'caller', { talkMs, sdp: sdp({ port: caller.port }) }, { seconds: 60 });
  await Promise.all([speak(caller, calling), speak(callee, waiting)]);
  return { server, caller, callee, calling, waiting };
}

async function over({ calling, waiting }: Talk): Promise<void> {
  expect([(await calling.finished()).code, (await waiting.finished()).code]).toEqual([0, 0]);
}

function expectSides({ left, right }: { left: Recording; right: Recording }, seconds: number): void {
  for (const [side, hz, not] of [[left, CALLER, CALLEE], [right, CALLEE, CALLER]] as const) {
    const verdict = judge(side);
    expect(verdict.secondsOf(hz)).toBeGreaterThan(seconds);
    expect(verdict.share(hz)).toBeGreaterThan(0.97);
    expect(verdict.share(not)).toBeLessThan(0.01);
  }
}

const recorded = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { seconds: 60 });

need('sipp')('recorded calls', () => {
  test('always: from the answer to the end, relayed all the while, for nobody else to read', ...recorded(async (stage) => {
    const call = await talk(stage);
    await Promise.all([hears(call.callee, CALLER, { not: [CALLEE] }), hears(call.caller, CALLEE, { not: [CALLER] })]);
    await over(call);
    const [row] = await settled(call.server);
    expect(row).toMatchObject({ state: 'done', problem: null });
    expect(row!.durationMs).toBeGreaterThan(3500);
    expect(row!.durationMs).toBeLessThan(6000);
    expect(statSync(row!.file).mode & 0o777).toBe(0o600);
    expect(statSync(row!.file).size).toBe(row!.bytes);
    expectSides(readStereo(row!.file), 3);
    expect(call.server.output).toMatch(/"pipeline":"udp\(:\d+\) <-> relay/);
    for (const party of [call.caller, call.callee]) expect(party.counts()).toMatchObject({ lost: 0, sources: 1 });
  }));

  test('with beeps both hear them, and the file has none', ...recorded(async (stage) => {
    const call = await talk(stage, { settings: { 'recording.beepSeconds': 1 } });
    await over(call);
    for (const [party, hz] of [[call.caller, CALLEE], [call.callee, CALLER]] as const) {
      const heard = party.heard();
      const pieces = Array.from({ length: Math.floor(mark(party) * 10) }, (_, i) => judge(cutOut(heard, i / 10, (i + 1) / 10)).share(1400) > 0.004);
      expect(pieces.filter((beep, i) => beep && !pieces[i - 1]).length).toBeGreaterThanOrEqual(3);
      expect(judge(heard).secondsOf(hz)).toBeGreaterThan(2.5);
    }
    const [row] = await settled(call.server);
    expectSides(readStereo(row!.file), 3);
  }));

  test('a server that is told to stop ends the call and its recording', ...recorded(async (stage) => {
    const call = await talk(stage, { talkMs: 30_000, settings: { 'call.drainSeconds': 0 } });
    await hears(call.callee, CALLER, { not: [CALLEE], seconds: 2 });
    expect((await call.server.stop()).code).toBe(0);
    const [row] = await list(call.server);
    expect(row).toMatchObject({ state: 'done' });
    expectSides(readStereo(row!.file), 1.5);
  }));

  unless(opusProblem())('as Ogg/Opus', () => {
    /** Mixed into one, both tones are in it. Its length, ms. */
    const listenTo = (file: string): number => {
      const { pcm, durationMs, sampleRate } = decodeOggOpus(readOggOpus(readFileSync(file)), opus.decoder({ sampleRate: 16_000 }));
      const { share } = judge({ samples: Float32Array.from(pcm, (sample) => sample / 32_768), rate: sampleRate });
      expect([share(CALLER), share(CALLEE)].every((part) => part > 0.35)).toBe(true);
      return durationMs;
    };

    test('a whole one, and one whose server was killed', ...recorded(async (stage) => {
      const whole = await talk(stage, { settings: { 'recording.format': 'ogg' } });
      await over(whole);
      const [row] = await settled(whole.server);
      expect(row).toMatchObject({ state: 'done', file: expect.stringMatching(/\.ogg$/) as string });
      expect(Math.abs(listenTo(row!.file) - row!.durationMs)).toBeLessThan(30);

      const cut = await talk(stage, { talkMs: 30_000, settings: { 'recording.format': 'ogg' } });
      await hears(cut.callee, CALLER, { not: [CALLEE], seconds: 4 });
      await cut.server.kill();
      const next = await Server.start(stage, { successorOf: cut.server });
      const [mended] = await list(next);
      expect(mended).toMatchObject({ state: 'done', problem: null });
      expect(mended!.durationMs).toBeGreaterThan(2000);
      expect(Math.abs(listenTo(mended!.file) - mended!.durationMs)).toBeLessThan(30);
    }));
  });

  test('a folder that cannot be made: the call goes on, and the row says why', ...recorded(async (stage) => {
    const call = await talk(stage, { before: (server) => writeFileSync(join(server.data, 'recordings'), '') });
    await Promise.all([hears(call.callee, CALLER, { not: [CALLEE], seconds: 2 }), hears(call.caller, CALLEE, { not: [CALLER], seconds: 2 })]);
    const [row] = await settled(call.server);
    expect(row).toMatchObject({ state: 'failed', durationMs: 0, problem: expect.stringContaining('one of its folders is a file') as string });
    await over(call);
    expect(call.server.output).toMatch(/one of its folders is a file.*"msg":"a recording failed"/);
  }));

  unless(process.getuid?.() === 0 ? undefined : 'only root can mount a small disk')('on a small disk', () => {
    test('that fills up: what was recorded plays, the row says why, the call goes on', ...recorded(async (stage) => {
      let folder = '';
      const call = await talk(stage, {
        talkMs: 12_000,
        async before(server) {
          folder = join(server.data, 'recordings');
          mkdirSync(folder);
          const { code, output } = await run('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=0700', 'tmpfs', folder]);
          if (code !== 0) throw new Error(`mount: ${output}`);
          stage.own({ close: () => run('umount', ['-l', folder]).then(() => undefined) });
        },
      });
      const [row] = await settled(call.server);
      expect(row).toMatchObject({ state: 'failed', problem: 'Nothing more could be recorded: the disk is full.' });
      expect(row!.durationMs).toBeGreaterThan(2000);
      expectSides(readStereo(row!.file), 1.5);
      await hears(call.callee, CALLER, { not: [CALLEE], from: mark(call.callee) });
      await over(call);
      expect(call.server.output).toMatch(/the disk is full.*"msg":"a recording failed"/);
    }));
  });
});
