/** Voicemail as a conversation: what is said, which keys are pressed, what becomes of messages, and of calls that end at every point of it. */
import { existsSync, mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Playable, PlayEnd, RecordEnd } from '../../../media/plane';
import { isPrompt } from '../../../media/speech';
import { CallOver, type Feature, type Gathered, type GatherOptions, type ServiceCall, type ServiceRecordOptions } from '../../../signaling/app/feature';
import { voicemail, type VoicemailDeps } from '../../../signaling/app/features/voicemail';
import { Mailboxes, type MailboxEvent } from '../../../signaling/app/mailboxes';
import { refuse, type Cause } from '../../../signaling/app/reasons';
import { pinDigest } from '../../../signaling/pin';
import { openStore, type Store } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { writeTone } from '../../support/tone';
import { extension, FakeLog } from './call-fakes';

/** A key; a recording as it ends; nothing is pressed in time; the caller hangs up. */
type Step = string | { record: Partial<RecordEnd> & { key?: string; ms?: number } } | 'silence' | 'hangs-up';

/** A caller who does one thing after the other, whenever it is asked for something. */
class ScriptedCall {
  readonly said: string[] = [];
  readonly transfers: string[] = [];
  answered = false;
  over = false;
  readonly id = 'c1';
  /** Awaits so far; with `dropsAt` the call is over at that one. */
  awaits = 0;
  dropsAt = Infinity;
  transferEnds: Cause = 'busy';
  failing = false;

  constructor(
    readonly caller: { number: string; name: string | null },
    private readonly steps: Step[],
  ) {}

  private async turn(): Promise<void> {
    if (++this.awaits >= this.dropsAt) this.over = true;
    if (this.over) throw new CallOver('hung up');
  }

  private get key(): boolean {
    const next = this.steps[0];
    return typeof next === 'string' && /^[\d*#]$/.test(next);
  }

  async answer(): Promise<void> {
    await this.turn();
    this.answered = true;
  }

  async pause(): Promise<void> {
    await this.turn();
  }

  async say(keys: readonly string[]): Promise<PlayEnd> {
    await this.turn();
    for (const key of keys) if (!isPrompt(key)) throw new Error(`there is no prompt ${key}`);
    this.said.push(keys.join(' '));
    return { why: 'finished', playedMs: 1 };
  }

  async play(what: readonly Playable[]): Promise<PlayEnd> {
    await this.turn();
    this.said.push(what.map((one) => ('file' in one ? `(${one.file.replace(/^.*\/(message|greeting)-.*$/, '$1')})` : 'tone' in one ? `[${one.tone}]` : '?')).join(' '));
    return { why: 'finished', playedMs: 1 };
  }

  async digit(): Promise<string | undefined> {
    await this.turn();
    const next = this.steps[0];
    if (next === 'hangs-up') {
      this.over = true;
      return this.digit();
    }
    if (!this.key) {
      if (next === 'silence') this.steps.shift();
      return undefined;
    }
    return this.steps.shift() as string;
  }

  async gather({ max, min = 1 }: GatherOptions): Promise<Gathered> {
    let digits = '';
    while (digits.length < max) {
      const digit = await this.digit();
      if (digit === undefined) return { digits, why: 'timeout', terminator: undefined };
      if (digit === '#') return { digits, why: digits.length < min ? 'too-few' : 'terminator', terminator: '#' };
      digits += digit;
    }
    return { digits, why: 'max', terminator: undefined };
  }

  forgetDigits(): void {
    // a script has no keys that were pressed too early
  }

  async record({ file }: ServiceRecordOptions): Promise<RecordEnd & { terminator: string | undefined }> {
    await this.turn();
    if (this.failing) throw new Error('the disk is full');
    this.said.push('<record>');
    const step = this.steps.shift();
    if (typeof step !== 'object') throw new Error(`asked to speak, but the script says ${step}`);
    const { key, ms = 5000, ...end } = step.record;
    writeFileSync(file, 'sound');
    if (end.why === 'released') this.over = true;
    return { why: key === undefined ? 'silence' : 'stopped', file, durationMs: ms, bytes: 5, terminator: key, ...end };
  }

  async transferTo(number: string): Promise<Cause> {
    await this.turn();
    this.transfers.push(number);
    return this.transferEnds;
  }

  get service(): ServiceCall {
    return this as unknown as ServiceCall;
  }
}

let data: string;
let store: Store;
let boxes: Mailboxes;
let clock: FakeClock;
let feature: Feature;
let events: MailboxEvent[];
const settings = { maxSeconds: 180, minSeconds: 2, silenceSeconds: 10, maxMessages: 3 };

const speech: VoicemailDeps['speech'] = {
  sayNumber: (n) => [String(n)],
  sayDigits: (text) => [...text],
  sayTime: () => ['noon'],
  sayDate: () => ['today'],
};

function open(takesCalls = true, mail = false): void {
  let seed = 0;
  boxes = new Mailboxes({ store, data, settings, clock, random: (n) => Buffer.alloc(n, ++seed), log: new FakeLog(), mail });
  boxes.onEvent((event) => events.push(event));
  feature = voicemail({ boxes, takesCalls, clock, log: new FakeLog(), speech });
}

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'offhook-voicemail-'));
  store = await openStore({ dataDir: data });
  for (const number of ['1001', '1002']) await store.extensions.add(extension(number));
  clock = new FakeClock();
  events = [];
  open();
});
afterEach(async () => {
  await store.close();
  rmSync(data, { recursive: true, force: true });
});

const unanswered = (cause: Cause = 'no-answer') =>
  feature.unanswered?.({ caller: { number: '1001', name: 'Ann' }, dialled: '1002', callee: { number: '1002', name: null }, refusal: refuse(cause, '1002') });

async function run(call: ScriptedCall, work: Promise<unknown> | undefined): Promise<ScriptedCall> {
  await work?.catch((err: unknown) => {
    if (!(err instanceof CallOver && call.over)) throw err;
  });
  return call;
}

async function leave(steps: Step[], cause: Cause = 'no-answer', shape: (call: ScriptedCall) => void = () => undefined): Promise<ScriptedCall> {
  const call = new ScriptedCall({ number: '1001', name: 'Ann' }, steps);
  shape(call);
  const handler = await unanswered(cause);
  return run(call, handler?.(call.service));
}

async function dial(number: '*97' | '*98', steps: Step[], caller = '1002', shape: (call: ScriptedCall) => void = () => undefined): Promise<ScriptedCall> {
  const call = new ScriptedCall({ number: caller, name: null }, steps);
  shape(call);
  return run(call, feature.answer?.(call.service, { whose: number === '*97' ? 'own' : 'any' }));
}

const files = (): string[] => (existsSync(join(data, 'voicemail', '1002')) ? readdirSync(join(data, 'voicemail', '1002')) : []);
const stored = async (): Promise<string[]> => (await store.voicemail.list({ mailbox: '1002' })).map(({ id, state, durationMs }) => `${id} ${state} ${durationMs}`);
const keys = (text: string): string[] => [...text];

describe('leaving a message', () => {
  test.each<[Cause, string]>([
    ['busy', 'is-on-another-call'], ['busy-everywhere', 'is-on-another-call'], ['no-answer', 'is-not-available'], ['not-registered', 'is-not-available'],
    ['unreachable', 'is-not-available'], ['declined', 'is-not-available'], ['refused', 'is-not-available'],
  ])('%s: the caller is told that the person %s, and is kept', async (cause, absence) => {
    const { said } = await leave([{ record: {} }], cause);
    expect(said).toEqual([`person-at-extension 1 0 0 2 ${absence} leave-a-message`, '[beep]', '<record>', 'message-saved goodbye']);
    expect(await stored()).toEqual(['1 new 5000']);
    expect(events).toEqual([{ mailbox: '1002', kind: 'new', message: 1, from: expect.any(String) }]);
    expect((await store.voicemail.get('1002', 1))?.fromName).toBe('Ann');
    expect(files()).toHaveLength(1);
  });

  test.each<Cause>(['unknown-number', 'own-number', 'no-codec', 'too-many-calls', 'cancelled'])('%s is not for a mailbox', async (cause) => {
    expect(await unanswered(cause)).toBeUndefined();
  });

  test('nor are calls of a mailbox that is switched off, or of nobody, or when all are off', async () => {
    await store.voicemail.set('1002', { enabled: false });
    expect(await unanswered()).toBeUndefined();
    await store.extensions.remove('1002');
    expect(await unanswered()).toBeUndefined();
    open(false);
    expect(await unanswered()).toBeUndefined();
  });

  test('a personal greeting is played instead; one whose file is gone is not', async () => {
    mkdirSync(join(data, 'voicemail', '1002'), { recursive: true });
    writeFileSync(join(data, 'voicemail', '1002', 'greeting-1.wav'), '');
    await store.voicemail.set('1002', { greeting: 'greeting-1.wav' });
    expect((await leave([{ record: {} }])).said[0]).toBe('(greeting)');
    rmSync(join(data, 'voicemail', '1002', 'greeting-1.wav'));
    expect((await leave([{ record: {} }])).said[0]).toContain('person-at-extension');
  });

  test('after # it can be heard, spoken again, and kept', async () => {
    const { said } = await leave([{ record: { key: '#' } }, '2', '3', { record: { key: '#', ms: 7000 } }, '1']);
    expect(said.slice(1)).toEqual(['[beep]', '<record>', 'menu-review', '(message)', 'menu-review', '[beep]', '<record>', 'menu-review', 'message-saved goodbye']);
    expect(await stored()).toEqual(['2 new 7000']);
    expect(files()).toHaveLength(1);
  });

  test('whoever says nothing at the question keeps it', async () => {
    expect((await leave([{ record: { key: '#' } }, 'silence'])).said.at(-1)).toBe('message-saved goodbye');
    expect(await stored()).toEqual(['1 new 5000']);
  });

  test('too short: said so after #, and dropped; tried three times', async () => {
    const short: Step = { record: { key: '#', ms: 1500 } };
    const { said } = await leave([short, short, short]);
    expect(said.filter((one) => one === 'too-short')).toHaveLength(3);
    expect(said.at(-1)).toBe('goodbye');
    expect([await stored(), files(), boxes.counters.tooShort]).toEqual([[], [], 3]);
  });

  test('silence alone leaves nothing', async () => {
    expect((await leave([{ record: { ms: 0 } }])).said.at(-1)).toBe('too-short goodbye');
    expect([await stored(), files()]).toEqual([[], []]);
  });

  test('who hangs up while speaking has left a message; at the tone, none', async () => {
    await leave([{ record: { why: 'released', ms: 2500 } }]);
    await leave([{ record: { why: 'released', ms: 900 } }]);
    expect([await stored(), files().length]).toEqual([['1 new 2500'], 1]);
  });

  test('a call that ends at any moment leaves what was said, and no row or file without the other', async () => {
    const script = (): Step[] => [{ record: { key: '#' } }, '2', '3', { record: { key: '#' } }, '1'];
    const { awaits } = await leave(script());
    await Promise.all((await store.voicemail.list()).map((one) => boxes.remove(one)));
    for (let at = 1; at <= awaits; at++) {
      await leave(script(), 'no-answer', (call) => (call.dropsAt = at));
      const rows = await store.voicemail.list({ mailbox: '1002' });
      expect([at, rows.map((row) => row.file)]).toEqual([at, files()]);
      expect([at, rows.every(({ state }) => state === 'new')]).toEqual([at, true]);
      expect(rows.length).toBeLessThanOrEqual(1);
      for (const row of rows) await boxes.remove(row);
    }
  });

  test('a full mailbox says so, before the tone', async () => {
    for (let i = 0; i < 3; i++) await leave([{ record: {} }]);
    expect((await leave([])).said).toEqual(['person-at-extension 1 0 0 2 is-not-available mailbox-full goodbye']);
    expect(boxes.counters.full).toBe(1);
  });

  test('a mailbox that others fill meanwhile says so, too', async () => {
    for (let i = 0; i < 3; i++) await boxes.begin('1002', { number: '1', name: null });
    expect((await leave([])).said.at(-1)).toBe('mailbox-full goodbye');
  });

  test('a disk that takes no more: the caller is told, what was written is kept if it is long enough, and it is counted', async () => {
    const { said } = await leave([{ record: { why: 'failed', ms: 4000, problem: 'the disk is full' } }]);
    expect(said.at(-1)).toBe('not-recorded');
    expect([await stored(), boxes.counters.failed]).toEqual([['1 new 4000'], 1]);
    expect((await leave([], 'busy', (call) => (call.failing = true))).said.at(-1)).toBe('not-recorded');
    expect([await stored(), boxes.counters.failed]).toEqual([['1 new 4000'], 2]);
  });

  test('a folder that cannot be made', async () => {
    writeFileSync(join(data, 'voicemail'), 'a file');
    expect((await leave([])).said.at(-1)).toBe('not-recorded');
    expect(boxes.counters.failed).toBe(1);
  });

  test('a message is marked to be mailed when there is a mail server and an address', async () => {
    open(true, true);
    await leave([{ record: {} }]);
    await store.voicemail.set('1002', { email: 'bob@example.com' });
    await leave([{ record: {} }]);
    expect((await store.voicemail.list()).map(({ mailAt }) => mailAt)).toEqual([null, clock.wall().getTime()]);
  });
});

describe('*97', () => {
  const greets = ['you-have 1 new-message menu-new menu-greeting menu-pin menu-hang-up'];
  const menu = (remove = 'menu-delete') => `menu-repeat menu-call-back menu-next ${remove} ${remove === 'menu-delete' ? 'menu-save ' : ''}menu-main`;

  test('an empty mailbox; silence three times is goodbye', async () => {
    const { said } = await dial('*97', []);
    expect(said).toEqual([...Array<string>(3).fill('no-messages menu-greeting menu-pin menu-hang-up'), 'goodbye']);
  });

  test('a message: who, when, what; heard to its end it is saved', async () => {
    await leave([{ record: {} }]);
    events.length = 0;
    const { said } = await dial('*97', ['1', '6', '#']);
    expect(said).toEqual([...greets, 'new-message from 1 0 0 1 received today at noon', '(message)', menu(), 'no-more-messages', 'you-have 1 saved-message menu-saved menu-greeting menu-pin menu-hang-up', 'goodbye']);
    expect(await stored()).toEqual(['1 saved 5000']);
    expect(events).toEqual([{ mailbox: '1002', kind: 'heard', message: expect.any(Number), from: expect.any(String) }]);
  });

  test('deleted messages can be had back until the end, then they are gone with their files', async () => {
    for (let i = 0; i < 2; i++) await leave([{ record: {} }]);
    const { said } = await dial('*97', ['1', '7', '7', '6', '7', '6', '#']);
    expect(said).toContain(menu('menu-undelete'));
    expect(said).toEqual(expect.arrayContaining(['message-deleted', 'message-undeleted']));
    expect([await stored(), files().length]).toEqual([['1 saved 5000'], 1]);
  });

  test('what was deleted is gone, too, when the owner hangs up', async () => {
    await leave([{ record: {} }]);
    await dial('*97', ['1', '7', 'hangs-up']);
    expect([await stored(), files()]).toEqual([[], []]);
  });

  test('9 keeps and goes on, 4 repeats, * is the main menu; no messages of a kind', async () => {
    await leave([{ record: {} }]);
    const { said } = await dial('*97', ['1', '4', '9', '2', '*', '1', '#']);
    expect(said.filter((one) => one === '(message)')).toHaveLength(3);
    expect(said).toEqual(expect.arrayContaining(['message-kept', 'you-have no new-messages']));
  });

  test.each<[Cause, string]>([
    ['busy', 'the-number-you-dialled 1 0 0 1 is-busy'],
    ['no-answer', 'the-number-you-dialled 1 0 0 1 does-not-answer'],
    ['not-registered', 'the-number-you-dialled 1 0 0 1 cannot-be-reached'],
    ['unknown-number', 'cannot-call-back'],
  ])('5 calls back; %s: says so and goes on', async (cause, sentence) => {
    await leave([{ record: {} }]);
    const { said, transfers } = await dial('*97', ['1', '5', '6', '#'], '1002', (call) => (call.transferEnds = cause));
    expect(transfers).toEqual(['1001']);
    expect(said).toEqual(expect.arrayContaining(['calling-back', sentence, 'no-more-messages']));
  });

  test('keys that mean nothing', async () => {
    expect((await dial('*97', ['8', '#'])).said).toContain('not-right');
  });

  test('the greeting: recorded, listened to, spoken again, kept; played; replaced; removed', async () => {
    const one = await dial('*97', ['3', '2', '1', { record: { key: '#' } }, '2', '3', { record: { key: '#' } }, '1', '2', '*', '#']);
    expect(one.said).toEqual(expect.arrayContaining(['no-greeting', 'record-greeting', 'menu-review', 'greeting-saved']));
    expect(one.said.filter((said) => said === '(greeting)')).toHaveLength(2);
    const { greeting } = await store.voicemail.mailbox('1002');
    expect(files()).toEqual([greeting]);
    await dial('*97', ['3', '1', { record: { key: '#' } }, '1', '*', '#']);
    expect(files()).toEqual([(await store.voicemail.mailbox('1002')).greeting]);
    const { said } = await dial('*97', ['3', '3', '3', '*', '#']);
    expect(said).toEqual(expect.arrayContaining(['greeting-removed', 'no-greeting']));
    expect(files()).toEqual([]);
  });

  test('a greeting that is too short, fails, or is not confirmed before the end changes nothing', async () => {
    await dial('*97', ['3', '1', { record: { key: '#', ms: 100 } }, { record: { why: 'failed', problem: 'x' } }, '*', '#']);
    await dial('*97', ['3', '1', { record: { key: '#' } }, 'hangs-up']);
    expect([(await store.voicemail.mailbox('1002')).greeting, files()]).toEqual([null, []]);
  });

  test('the PIN: set, asked for, changed, taken away', async () => {
    const set = await dial('*97', ['4', ...keys('12#'), ...keys('4711#'), ...keys('4712#'), ...keys('4711#'), ...keys('4711#'), '#']);
    expect(set.said).toEqual(expect.arrayContaining(['pin-bad', 'pins-differ', 'pin-changed']));
    expect((await store.voicemail.mailbox('1002')).pin).toMatch(/^scrypt\$/);
    expect((await dial('*97', [...keys('4711#'), '#'])).said).toEqual(['enter-pin', 'no-messages menu-greeting menu-pin menu-hang-up', 'goodbye']);
    const wrong = await dial('*97', [...keys('1111#'), ...keys('4711#'), '4', '#', '#']);
    expect(wrong.said).toEqual(expect.arrayContaining(['not-right try-again', 'pin-removed']));
    expect((await store.voicemail.mailbox('1002')).pin).toBeNull();
  });

  test('nothing entered at the new PIN leaves it as it is', async () => {
    await dial('*97', ['4', 'silence', '#']);
    await dial('*97', ['4', ...keys('4711#'), 'silence', '#']);
    expect((await store.voicemail.mailbox('1002')).pin).toBeNull();
  });

  test('three wrong PINs close the mailbox for a while that grows', async () => {
    await store.voicemail.set('1002', { pin: await pinDigest('4711') });
    const guess = () => dial('*97', [...keys('1#'), ...keys('2#'), ...keys('3#')]);
    expect((await guess()).said.slice(-2)).toEqual(['mailbox-locked', 'goodbye']);
    expect((await dial('*97', keys('4711#'))).said).toEqual(['mailbox-locked', 'goodbye']);
    clock.advance(60_000);
    await guess();
    clock.advance(60_000);
    expect((await dial('*97', keys('4711#'))).said).toEqual(['mailbox-locked', 'goodbye']);
    clock.advance(60_000);
    expect((await dial('*97', [...keys('4711#'), '#'])).said).toContain('no-messages menu-greeting menu-pin menu-hang-up');
    expect(boxes.counters).toMatchObject({ wrongPins: 6, lockedOut: 4 });
  });

  test('a mailbox that is off and empty is none; with messages in it, they can be heard', async () => {
    await leave([{ record: {} }]);
    await store.voicemail.set('1002', { enabled: false });
    expect((await dial('*97', ['#'])).said).toEqual([...greets, 'goodbye']);
    await dial('*97', ['1', '7', 'hangs-up']);
    expect((await dial('*97', [])).said).toEqual(['no-voicemail', 'goodbye']);
  });

  test('a call that ends at any moment does no harm', async () => {
    const script = (): Step[] => ['1', '7', '7', '6', '3', '1', { record: { key: '#' } }, '1', '2', '*', '4', ...keys('4711#'), ...keys('4711#'), '#'];
    await leave([{ record: {} }]);
    const { awaits } = await dial('*97', script());
    for (let at = 1; at < awaits; at++) {
      await store.voicemail.set('1002', { pin: null });
      for (const row of await store.voicemail.list({ mailbox: '1002' })) await boxes.remove(row);
      await leave([{ record: {} }]);
      await dial('*97', script(), '1002', (call) => (call.dropsAt = at));
      const { greeting } = await store.voicemail.mailbox('1002');
      const rows = await store.voicemail.list({ mailbox: '1002' });
      expect([at, files().sort()]).toEqual([at, [...rows.map(({ file }) => file), ...(greeting === null ? [] : [greeting])].sort()]);
    }
  }, 60_000);
});

describe('*98', () => {
  test("another's mailbox opens with its PIN", async () => {
    await leave([{ record: {} }]);
    await store.voicemail.set('1002', { pin: await pinDigest('4711') });
    const { said } = await dial('*98', [...keys('1002#'), ...keys('4711#'), '#'], '1001');
    expect(said).toEqual(['enter-mailbox', 'enter-pin', 'you-have 1 new-message menu-new menu-greeting menu-pin menu-hang-up', 'goodbye']);
  });

  test('without a PIN it does not, and says so; the own one does', async () => {
    expect((await dial('*98', keys('1002#'), '1001')).said).toEqual(['enter-mailbox', 'mailbox-no-pin', 'goodbye']);
    expect((await dial('*98', [...keys('1002#'), '#'])).said).toEqual(['enter-mailbox', 'no-messages menu-greeting menu-pin menu-hang-up', 'goodbye']);
  });

  test('numbers that nobody has, and none', async () => {
    expect((await dial('*98', [...keys('999#'), 'silence', ...keys('999#')])).said).toEqual(['enter-mailbox', 'no-voicemail try-again', 'enter-mailbox', 'enter-mailbox', 'no-voicemail', 'goodbye']);
  });

  test('guessing from elsewhere does not shut the owner out', async () => {
    await store.voicemail.set('1002', { pin: await pinDigest('4711') });
    expect((await dial('*98', [...keys('1002#'), ...keys('1#'), ...keys('2#'), ...keys('3#')], '1001')).said).toContain('mailbox-locked');
    expect((await dial('*98', keys('1002#'), '1001')).said).toContain('mailbox-locked');
    expect((await dial('*97', [...keys('4711#'), '#'])).said).not.toContain('mailbox-locked');
  });
});

describe('at start', () => {
  const begin = async (seconds: number | undefined): Promise<string> => {
    const draft = await boxes.begin('1002', { number: '1001', name: null });
    if (!draft) throw new Error('full');
    if (seconds !== undefined) writeTone(draft.file, 600, seconds, 8000);
    return draft.file;
  };

  test('what was being said becomes a message as far as it got; less than that goes, and so do files of nobody', async () => {
    const long = await begin(4);
    await begin(1);
    await begin(undefined);
    const folder = join(data, 'voicemail', '1002');
    for (const name of ['greeting-x.wav', 'message-y.wav', 'notes.txt']) writeFileSync(join(folder, name), '');
    mkdirSync(join(data, 'voicemail', '1009'));
    writeFileSync(join(data, 'voicemail', '1009', 'message-z.wav'), '');
    open();
    expect(await boxes.recover()).toEqual({ recovered: 1, removed: 3 });
    expect(await stored()).toEqual(['1 new 4000']);
    expect(files().sort()).toEqual([long.replace(/^.*\//, ''), 'notes.txt'].sort());
    expect(existsSync(join(data, 'voicemail', '1009'))).toBe(false);
    expect(await boxes.recover()).toMatchObject({ removed: 0 });
  });

  test('a message that was removed while it was spoken leaves no file', async () => {
    const draft = await boxes.begin('1002', { number: '1001', name: null });
    writeFileSync(draft?.file ?? '', 'x');
    await store.voicemail.remove('1002', 1);
    await draft?.keep(5000);
    expect([await stored(), files(), boxes.counters.received]).toEqual([[], [], 0]);
  });
});
