/** Which calls are recorded, by `*1` and by policy; who is told; and that a recording that fails costs the call nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodecName } from '../../../media/frame';
import type { RecordEnd } from '../../../media/plane';
import { recordingPolicy, type RecordingPolicy } from '../../../signaling/app/call-recording';
import { RecordingArchive, type RecordingSettings } from '../../../signaling/app/recording-archive';
import { openStore, type Recording, type Store } from '../../../signaling/store/store';
import { eventually } from '../../support/wait';
import { extension, World, type FakeDialog } from './call-fakes';

const A = '192.168.7.20';
const B = '192.168.9.30';
const maps: Record<string, string> = { 96: 'opus/48000/2', 101: 'telephone-event/8000' };
const sdp = (host: string, version: number, formats: string, ...attributes: string[]) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio 7000 RTP/AVP ${formats}`,
    ...formats.split(' ').flatMap((n) => (maps[n] ? [`a=rtpmap:${n} ${maps[n]}`] : [])), ...attributes, '',
  ].join('\r\n');

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-recording-'));
  store = await openStore({ dataDir: folder });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Setup {
  policies?: [RecordingPolicy, RecordingPolicy];
  settings?: Partial<RecordingSettings>;
  formats?: [string, string];
  direct?: boolean;
  offer?: string;
}

class Scene {
  readonly w: World;
  archive!: RecordingArchive;

  constructor({ policies = ['on-demand', 'on-demand'], settings, direct }: Setup) {
    this.w = new World({
      media: { transcode: true, holdMusic: null },
      prompt: (key) => `/prompts/${key}.wav`,
      archive: (parts) => (this.archive = new RecordingArchive({
        folder, settings: { format: 'wav', beepSeconds: 0, keepDays: 0, maxMinutes: 60, ...settings }, timeZone: 'UTC', store, hasOpus: () => true, ...parts,
      })),
    });
    policies.forEach((recording, i) => this.w.extensions.set(`100${i + 1}`, extension(`100${i + 1}`, { recording, ...(direct && { media: 'direct' }) })));
  }

  caller!: FakeDialog;
  phone!: FakeDialog;

  async up({ formats: [ofA, ofB] = ['0 101', '0 101'], offer = sdp(A, 1, ofA) }: Setup = {}): Promise<this> {
    await this.w.dial(offer);
    this.phone = this.w.fork().answers(sdp(B, 1, ofB));
    await this.w.settle();
    this.caller = this.w.answer.dialog;
    return this;
  }

  get session(): string {
    return this.w.calls.list()[0]!.id;
  }

  press(who: 'caller' | 'callee', ...digits: string[]): void {
    for (const digit of digits) this.w.plane.emit('digit', { id: who === 'caller' ? 'e0' : 'e1', session: this.session, digit, durationMs: 100, by: 'rfc4733' });
  }

  /** The recordings that run. */
  get running(): string[] {
    return [...this.w.plane.recording.keys()];
  }

  /** What the plane was asked to play, to whom. */
  get played(): Array<[string, string]> {
    return this.w.plane.of('play').map(([, target, what]) => [(target as { endpoint: string }).endpoint, JSON.stringify(what)]);
  }

  get pipeline(): string {
    return this.w.plane.calls.filter(([name]) => name === 'connect' || name === 'join').at(-1)?.[0] === 'connect' ? 'relay' : 'room';
  }

  async rows(): Promise<Recording[]> {
    return (await store.recordings.list()).reverse();
  }

  async later(ms = 300): Promise<void> {
    this.w.clock.advance(ms);
    await this.w.settle();
  }

  end(why: RecordEnd['why']): void {
    for (const { end } of [...this.w.plane.recording.values()]) end(why);
  }
}

const scene = (setup: Setup = {}): Promise<Scene> => new Scene(setup).up(setup);
const STARTED = JSON.stringify([{ file: '/prompts/recording-started.wav' }]);
const STOPPED = JSON.stringify([{ file: '/prompts/recording-stopped.wav' }]);

test.each<[RecordingPolicy, RecordingPolicy, RecordingPolicy]>([
  ['on-demand', 'on-demand', 'on-demand'],
  ['always', 'on-demand', 'always'],
  ['always', 'always', 'always'],
  ['never', 'on-demand', 'never'],
  ['never', 'always', 'never'],
])('%s and %s: %s', (a, b, policy) => {
  expect([recordingPolicy({ recording: a }, { recording: b }), recordingPolicy({ recording: b }, { recording: a })]).toEqual([policy, policy]);
});

describe('*1', () => {
  test.each(['caller', 'callee'] as const)('of the %s begins a recording and ends it, and it is told so', async (who) => {
    const s = await scene();
    s.press(who, '*', '1');
    await s.later(0);
    expect(s.w.plane.of('record')).toEqual([['record', { between: ['e0', 'e1'] }, { file: expect.stringMatching(/\/recordings\/2026\/01\/01\/000000-1001-1002-[0-9a-f]{12}\.wav$/), maxMs: 3600_000 }]]);
    // the packets that end the press are let through first
    expect([s.played, s.pipeline]).toEqual([[], 'relay']);
    await s.later();
    expect([s.played, s.pipeline]).toEqual([[[who === 'caller' ? 'e0' : 'e1', STARTED]], 'room']);
    expect(s.w.plane.of('play')[0]?.[3]).toEqual({ over: true });
    s.w.plane.finishes();
    await s.w.settle();
    expect(s.pipeline).toBe('relay');

    await s.later(1000);
    s.press(who, '*', '1');
    await s.w.settle();
    expect(s.running).toEqual([]);
    await s.later();
    expect(s.played.at(-1)?.[1]).toBe(STOPPED);
    s.w.plane.finishes();
    await s.w.settle();
    expect([s.pipeline, s.w.calls.stats()]).toEqual(['relay', expect.objectContaining({ recorded: 1, recordingsFailed: 0, mixed: 0, faults: 0 })]);
    expect(await s.rows()).toMatchObject([{ from: '1001', to: '1002', state: 'done', durationMs: 2000 }]);
  });

  test('a second one is a file of its own; the call record names both', async () => {
    const s = await scene();
    for (let i = 0; i < 3; i++) {
      s.press('caller', '*', '1');
      await s.later(2000);
    }
    expect(s.running).toEqual([expect.stringMatching(/-2\.wav$/)]);
    s.phone.bye();
    await s.w.settle();
    const rows = await s.rows();
    expect(rows.map(({ state, id }) => [state, id.endsWith('-2')])).toEqual([['done', false], ['done', true]]);
    expect(s.w.calls.recent()[0]?.recordings).toEqual(rows.map(({ file }) => file));
    expect(s.w.left).toEqual({ calls: 0, ports: 0, timers: 0 });
  });

  test('as INFO: recorded, and passed on all the same', async () => {
    const s = await scene();
    for (const key of ['*', '1']) {
      const res = s.caller.receives('INFO', `Signal=${key}\r\nDuration=160\r\n`, { 'content-type': 'application/dtmf-relay' });
      s.phone.requests.at(-1)?.answer(200);
      expect(res.final?.status).toBe(200);
    }
    expect(s.running).toHaveLength(1);
    expect(s.phone.requests.map(({ body }) => body.slice(0, 8))).toEqual(['Signal=*', 'Signal=1']);
  });

  test('a phone that sends its keys in two ways presses once', async () => {
    const s = await scene();
    s.press('caller', '*', '1', '*', '1');
    await s.w.settle();
    expect(s.running).toHaveLength(1);
  });

  test.each<[string, (s: Scene) => void]>([
    ['another key between', (s) => s.press('caller', '*', '2', '1')],
    ['one key of each side', (s) => (s.press('caller', '*'), s.press('callee', '1'))],
    ['too slow', (s) => (s.press('caller', '*'), s.w.clock.advance(3001), s.press('caller', '1'))],
    ['1 alone', (s) => s.press('caller', '1', '1')],
  ])('%s: nothing', async (_, press) => {
    const s = await scene();
    press(s);
    await s.later(1000);
    expect([s.running, await s.rows(), s.played]).toEqual([[], [], []]);
  });

  test('not where the policy of either side is never; and always is not ended by it', async () => {
    const never = await scene({ policies: ['always', 'never'] });
    never.press('caller', '*', '1');
    await never.later(1000);
    expect([never.running, await never.rows()]).toEqual([[], []]);
    const always = await scene({ policies: ['on-demand', 'always'] });
    always.press('caller', '*', '1');
    await always.later(1000);
    expect([always.running.length, always.played]).toEqual([1, []]);
  });

  test('the longest recording is over, the call is not', async () => {
    const s = await scene({ settings: { maxMinutes: 1 } });
    s.press('callee', '*', '1');
    await s.later(1000);
    s.w.plane.finishes();
    s.end('limit');
    await s.w.settle();
    // the row is written meanwhile
    await eventually('the row', async () => (await s.rows())[0]?.state === 'done', 5000, 1);
    await s.w.settle();
    await s.later();
    expect(s.played.map(([, what]) => what)).toEqual([STARTED, STOPPED]);
    expect(s.w.calls.list()).toMatchObject([{ state: 'up' }]);
  });
});

describe('always', () => {
  test('from the answer to the end', async () => {
    const s = await scene({ policies: ['on-demand', 'always'] });
    expect([s.running.length, s.pipeline, s.played]).toEqual([1, 'relay', []]);
    s.caller.bye();
    await s.w.settle();
    expect(await s.rows()).toMatchObject([{ state: 'done' }]);
    expect(s.w.left).toEqual({ calls: 0, ports: 0, timers: 0 });
  });

  test('not before the answer: early media is not recorded', async () => {
    const s = new Scene({ policies: ['always', 'on-demand'] });
    await s.w.dial(sdp(A, 1, '0 101'));
    s.w.fork().provisional(183, sdp(B, 1, '0 101'));
    await s.w.settle();
    expect([s.w.plane.of('connect').length, s.running]).toEqual([1, []]);
    s.w.fork().answers(sdp(B, 1, '0 101'));
    await s.w.settle();
    expect(s.running).toHaveLength(1);
  });

  test('an INVITE without SDP: from its ACK on, when it is known what is spoken', async () => {
    const s = await scene({ policies: ['always', 'on-demand'], offer: '' });
    expect(s.running).toEqual([]);
    s.caller.acks(sdp(A, 1, '0 101'));
    await s.w.settle();
    expect(s.running).toHaveLength(1);
  });

  test('media that would go directly between the phones goes through us', async () => {
    const s = await scene({ policies: ['always', 'on-demand'], direct: true });
    expect(s.running).toHaveLength(1);
    const other = await scene({ direct: true });
    expect(other.w.plane.held.size).toBe(0);
  });

  test('on hold and back, it is one recording', async () => {
    const s = await scene({ policies: ['always', 'on-demand'] });
    s.caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    s.phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    s.caller.receives('INVITE', sdp(A, 3, '0 101'));
    s.phone.requests[1]?.answer(200, sdp(B, 3, '0 101'));
    await s.w.settle();
    expect(s.w.plane.of('record')).toHaveLength(1);
  });
});

describe('beeps', () => {
  test('make a relayed call one whose sound is made here, as long as it is recorded', async () => {
    const s = await scene({ settings: { beepSeconds: 15 } });
    s.press('callee', '*', '1');
    await s.later();
    expect(s.w.plane.of('record')[0]?.[2]).toMatchObject({ beepEveryMs: 15_000 });
    expect([s.pipeline, s.played]).toEqual(['room', [['e0', STARTED], ['e1', STARTED]]]);
    s.w.plane.finishes();
    await s.later(1000);
    expect(s.pipeline).toBe('room');
    s.press('caller', '*', '1');
    await eventually('the row', async () => (await s.rows())[0]?.state === 'done', 5000, 1);
    await s.later();
    s.w.plane.finishes();
    await s.w.settle();
    expect([s.pipeline, s.played.slice(2)]).toEqual(['relay', [['e0', STOPPED], ['e1', STOPPED]]]);
  });

  test('from the first moment of a call that is always recorded', async () => {
    const s = await scene({ policies: ['always', 'on-demand'], settings: { beepSeconds: 15 } });
    expect([s.pipeline, s.running.length, s.w.calls.stats().mixed]).toEqual(['room', 1, 0]);
  });
});

describe('when it fails', () => {
  test('a file that cannot be made: who asked hears so, and the call goes on', async () => {
    const s = new Scene({});
    s.w.plane.failing.add('record');
    await s.up();
    s.press('caller', '*', '1');
    await eventually('the row', async () => (await s.rows())[0]?.state === 'failed', 5000, 1);
    await s.w.settle();
    await s.later();
    expect(s.played).toEqual([['e0', JSON.stringify([{ tone: 'reorder', ms: 800 }])]]);
    expect(await s.rows()).toMatchObject([{ state: 'failed', problem: 'record failed' }]);
    expect(s.w.calls.list()).toMatchObject([{ state: 'up' }]);
    expect(s.w.calls.stats()).toMatchObject({ recordingsFailed: 1, faults: 0 });
    expect(s.w.log.of('a recording failed')).toEqual([expect.objectContaining({ problem: 'record failed' })]);
  });

  test('phones that speak Opus, where there is none', async () => {
    const s = new Scene({ policies: ['always', 'on-demand'] });
    (s.w.plane as { codecs: readonly CodecName[] }).codecs = ['PCMU', 'PCMA'];
    await s.up({ formats: ['96 101', '96 101'] });
    await eventually('the row', async () => (await s.rows())[0]?.state === 'failed', 5000, 1);
    expect(await s.rows()).toMatchObject([{ state: 'failed', problem: 'The phones speak opus, which cannot be decoded here.' }]);
    expect([s.running, s.w.calls.list()]).toEqual([[], [expect.objectContaining({ state: 'up' })]]);
  });

  test('a prompt that does not play leaves the call relayed', async () => {
    const s = await scene();
    s.press('caller', '*', '1');
    s.w.plane.failing.add('play');
    await s.later();
    expect([s.pipeline, s.w.calls.stats().promptsFailed]).toEqual(['relay', 1]);
  });
});
