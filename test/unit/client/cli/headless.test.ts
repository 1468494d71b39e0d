/** The phone without a person: what it does, what it prints, and when its exit code is 0. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runHeadless, type HeadlessOptions } from '../../../../client/cli/headless';
import { PhoneError } from '../../../../client/phone-types';
import { FakeClock } from '../../../support/fake-clock';
import { writeTone } from '../../../support/tone';
import { eventually } from '../../../support/wait';
import { FakePhone } from './fake-phone';

interface Run {
  phone: FakePhone;
  clock: FakeClock;
  /** What is on stdout and stderr. */
  out: string[];
  err: string[];
  told(): Array<Record<string, unknown>>;
  type(line: string): void;
  input: PassThrough;
  stop: AbortController;
  code: Promise<number>;
}

function start(options: Partial<HeadlessOptions> = {}, failures: FakePhone['failures'] = {}, letIn?: Promise<void>): Run {
  const phone = new FakePhone();
  phone.letIn = letIn;
  Object.assign(phone.failures, failures);
  const [clock, stop, input, out, err] = [new FakeClock(), new AbortController(), new PassThrough(), [] as string[], [] as string[]];
  const code = runHeadless({ address: '1001@pbx.test', phone: { password: 'x' }, script: {}, json: true, ...options }, { out: (text) => void out.push(text), err: (text) => void err.push(text), input, clock, makePhone: phone.make, signal: stop.signal });
  return { phone, clock, out, err, stop, code, input, told: () => out.map((line) => JSON.parse(line) as Record<string, unknown>), type: (line) => void input.write(`${line}\n`) };
}

const dialling = async (run: Run) => eventually('a call', () => run.phone.calls[0]);

test('a call that was asked for: dialled, answered, its keys pressed, hung up; exit code 0', async () => {
  const run = start({ dial: '1002', script: { digits: '1,2', hangUpAfterMs: 3000, toneHz: 440 } });
  (await dialling(run)).isAnswered();
  await eventually('the first key', () => run.phone.done.includes('digits 1 auto'));
  expect(run.phone.done).not.toContain('digits 2 auto');
  run.clock.advance(500);
  await eventually('the second key', () => run.phone.done.includes('digits 2 auto'));
  run.clock.advance(2499);
  expect(run.phone.done).not.toContain('hangup 1');
  run.clock.advance(1);
  expect(await run.code).toBe(0);
  expect(run.phone.done).toEqual(['register', 'dial 1002', 'play {"hz":[440],"ms":86400000}', 'digits 1 auto', 'digits 2 auto', 'hangup 1']);
  expect(run.told().map(({ event }) => event)).toEqual(['connected', 'registered', 'calling', 'answered', 'played', 'digits-sent', 'ended']);
  expect(run.told()[0]!['at']).toBe('2026-01-01T00:00:00.000Z');
  expect(run.phone.closed).toBe(true);
});

test('a call that is not taken: 1, and why', async () => {
  const run = start({ dial: '1002', json: false });
  (await dialling(run)).end('remote', new PhoneError('refused', 'the line is busy', 486));
  expect(await run.code).toBe(1);
  expect(run.err).toEqual(['offhook: 1002: the line is busy\n']);
  expect(run.out).toContain('1: ended: the line is busy\n');
});

test.each<[string, FakePhone['failures'], Partial<HeadlessOptions>, number, string]>([
  ['no registration', { register: new PhoneError('registration-refused', 'the password was not accepted') }, {}, 1, 'the password was not accepted'],
  ['an address that none is', { dial: new PhoneError('bad-address', '“x y” cannot be called') }, { dial: 'x y' }, 2, '“x y” cannot be called'],
])('%s', async (_what, failures, options, code, problem) => {
  const run = start(options, failures);
  expect(await run.code).toBe(code);
  expect(run.err).toEqual([`offhook: ${problem}\n`]);
  expect(run.told().at(-1)).toMatchObject({ event: 'error', problem });
  expect(run.phone.closed).toBe(true);
});

test('what goes wrong during the call is told at its end', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'offhook-headless-')), 'x.wav');
  writeTone(file, 440, 0.1, 8000);
  const run = start({ dial: '1002', script: { play: file } }, { play: new PhoneError('media', 'no WAV file') });
  const call = await dialling(run);
  call.isAnswered();
  await eventually('the problem', () => run.told().some(({ event }) => event === 'error'));
  call.end('remote');
  expect(await run.code).toBe(1);
  expect(run.err).toEqual(['offhook: call 1: no WAV file\n']);
  rmSync(join(file, '..'), { recursive: true });
});

test('so many calls, then the end', async () => {
  const run = start({ calls: 2 });
  await eventually('the registration', () => run.phone.done.includes('register'));
  run.phone.rings().end('remote');
  const second = run.phone.rings();
  second.isAnswered();
  run.phone.rings().end('remote');
  second.end('remote');
  expect(await run.code).toBe(0);
});

test.each([
  ['fewer calls than asked for', { calls: 2 }, 1, ['offhook: ended after 0 of 2 calls\n']],
  ['as long as nobody says otherwise', {}, 0, []],
])('told to end by a signal: %s', async (_what, options, code, err) => {
  const run = start(options);
  await eventually('the registration', () => run.told().length === 2);
  run.stop.abort();
  expect(await run.code).toBe(code);
  expect(run.err).toEqual(err);
});

test('commands, good and bad', async () => {
  const run = start({ calls: 2 });
  for (const line of ['nonsense', '', '{"do":{"toString":1}}', '{"do":"hold"}', '{"do":"dial","to":"1002"}', '{"do":"mute","on":true}', '{"do":"calls"}']) run.type(line);
  await eventually('the calls', () => run.told().some(({ event }) => event === 'calls'));
  run.type('{"do":"quit"}');
  expect(await run.code).toBe(0);
  const errors = run.told().filter(({ event }) => event === 'error');
  expect(errors.map(({ problem }) => problem)).toEqual([expect.stringContaining('one line of JSON'), expect.stringContaining('there is no command “{"toString":1}”'), 'no call is up']);
  expect(errors[2]).toMatchObject({ do: 'hold' });
  expect(run.phone.hub.muted).toBe(true);
  expect(run.told().find(({ event }) => event === 'calls')!['calls']).toMatchObject([{ call: '1', state: 'calling', party: 'sip:1002@pbx.test' }]);
});

describe('before the server has let it in', () => {
  /** A phone that asks and waits; `letIn` ends that. */
  function waiting(options: Partial<HeadlessOptions> = {}): Run & { letIn(): void } {
    let letIn = (): void => undefined;
    const run = start(options, {}, new Promise((resolve) => (letIn = resolve)));
    return { ...run, letIn };
  }
  const errors = (run: Run) => run.told().filter(({ event }) => event === 'error');

  test('what concerns the phone is done at once, what needs the server when it is there, in its order', async () => {
    const run = waiting();
    for (const line of ['{"do":"dial","to":"1002"}', '{"do":"message","to":"1003","text":"hello"}', '{"do":"dial","to":"1004"}', '{"do":"mute","on":true}', '{"do":"calls"}', '{"do":"hold"}']) run.type(line);
    await eventually('the calls', () => run.told().some(({ event }) => event === 'calls'));
    expect(run.phone.done).toEqual(['register']);
    expect(run.phone.hub.muted).toBe(true);
    expect(errors(run)).toMatchObject([{ do: 'hold', problem: 'no call is up' }]);
    run.letIn();
    await eventually('the last call', () => run.phone.done.includes('dial 1004'));
    expect(run.phone.done).toEqual(['register', 'dial 1002', 'message 1003 hello', 'dial 1004']);
    run.type('{"do":"quit"}');
    expect(await run.code).toBe(0);
  });

  test('hanging up takes calls back, and not messages', async () => {
    const run = waiting();
    for (const line of ['{"do":"dial","to":"1002"}', '{"do":"message","to":"1003","text":"hello"}', '{"do":"hangup"}']) run.type(line);
    await eventually('the refusal', () => errors(run).length > 0);
    expect(errors(run)).toMatchObject([{ do: 'dial', problem: 'it was hung up before the phone was registered' }]);
    run.letIn();
    await eventually('the message', () => run.phone.done.includes('message 1003 hello'));
    expect(run.phone.done).not.toContain('dial 1002');
    run.type('{"do":"hangup"}');
    await eventually('that there is none', () => errors(run).length === 2);
    run.type('{"do":"quit"}');
    expect(await run.code).toBe(0);
  });

  test.each<[string, string, Partial<HeadlessOptions>, number, string[]]>([
    ['told to quit', '{"do":"quit"}', {}, 0, []],
    ['told to quit, though it was to call somebody', '{"do":"quit"}', { dial: '1002' }, 1, ['offhook: 1002 was not called: the phone ended before it was registered\n']],
    ['hung up, though it was to call somebody', '{"do":"hangup"}', { dial: '1002' }, 1, ['offhook: 1002 was not called: it was hung up before the phone was registered\n']],
  ])('%s', async (_what, line, options, code, err) => {
    const run = waiting(options);
    run.type(line);
    expect(await run.code).toBe(code);
    expect(run.err).toEqual(err);
    expect(run.phone.done).toEqual(['register']);
    expect(run.phone.closed).toBe(true);
  });

  test('what was asked for in vain is told', async () => {
    const run = waiting();
    run.type('{"do":"dial","to":"1002"}');
    run.type('{"do":"mute","on":true}');
    await eventually('the commands', () => run.phone.hub.muted);
    run.stop.abort();
    expect(await run.code).toBe(1);
    expect(errors(run)).toMatchObject([{ problem: 'ended before it was registered' }, { do: 'dial', problem: 'the phone ended before it was registered' }]);
  });
});

test('lines: whole, however they come; too long ones are left out', async () => {
  const run = start();
  await eventually('the registration', () => run.told().length === 2);
  const euro = Buffer.from('{"do":"message","to":"1002","text":"€"}\r\n{"do":"message","to":"1003","text":"x"}');
  const half = euro.indexOf(0xe2) + 1;
  run.input.write(euro.subarray(0, half));
  run.input.write(euro.subarray(half));
  run.input.write(`\n${'x'.repeat(50_000)}`);
  run.input.write(`${'x'.repeat(50_000)}\n{"do":"mute",`);
  run.input.end('"on":true}'); // and no end of line
  await eventually('the last one', () => run.phone.hub.muted);
  expect(run.phone.done).toEqual(['register', 'message 1002 €', 'message 1003 x']);
  expect(run.told().filter(({ event }) => event === 'error')).toMatchObject([{ problem: 'a command has at most 65536 characters' }]);
  run.stop.abort();
  expect(await run.code).toBe(0);
});

describe('refused before anybody is called', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'offhook-headless-'));
    writeFileSync(join(folder, 'there.wav'), '');
    writeFileSync(join(folder, 'text.wav'), 'this is text');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[string, HeadlessOptions['script'], RegExp]>([
    ['a file to play that is not there', { play: 'nothing.wav' }, /there is no file .*nothing\.wav to play/],
    ['an empty one', { play: 'there.wav' }, /there\.wav is empty/],
    ['one of another kind', { play: 'text.wav' }, /text\.wav is not a WAV file but text/],
    ['a folder to play', { play: '.' }, /is a folder/],
    ['a folder to record into that is not there', { record: 'none/x.wav' }, /there is no folder .*none to record into/],
    ['a recording that is there', { record: 'there.wav' }, /there\.wav exists already/],
    ['a recording of a kind that is not made', { record: 'x.mp3' }, /recordings are \.wav or \.ogg files/],
  ])('%s', async (_what, { play, record }, sentence) => {
    const script = { play: play && join(folder, play), record: record && join(folder, record) };
    const run = start({ dial: '1002', script });
    await expect(run.code).rejects.toMatchObject({ code: 'bad-command', message: expect.stringMatching(sentence) as string });
    expect(run.phone.made).toEqual([]);
  });
});
