/** From the command line to a phone: where the password comes from, the devices, exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { askPassword } from '../../../../client/cli/password';
import { phoneEnvironment } from '../../../../client/cli/environment';
import { runPhone, type PhoneIo, type PhoneRequest } from '../../../../client/cli/run';
import { eventually } from '../../../support/wait';
import { FakePhone } from './fake-phone';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-run-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** A terminal, as far as a password is concerned. */
class Keyboard extends PassThrough {
  raw: boolean[] = [];
  setRawMode(on: boolean): this {
    this.raw.push(on);
    return this;
  }
}

interface Result {
  code: number;
  out: string;
  err: string;
  phone: FakePhone;
}

async function run(request: Partial<PhoneRequest>, io: Partial<PhoneIo> = {}, typed?: string): Promise<Result> {
  const phone = new FakePhone();
  const [stop, input] = [new AbortController(), new Keyboard()];
  let [out, err] = ['', ''];
  const environment = { password: undefined, colour: false, unicode: false, dataFolder: folder };
  const ended = runPhone(
    { address: '1001@pbx.test', phone: {}, script: {}, json: true, audio: undefined, devices: false, ...request },
    { out: (text) => void (out += text), err: (text) => void (err += text), input, output: new PassThrough() as unknown as WriteStream, environment, isTerminal: false, signal: stop.signal, makePhone: phone.make, ...io },
  );
  if (typed !== undefined) input.write(typed);
  let over = false;
  void eventually('the phone', () => over || phone.done.length > 0).then(() => stop.abort());
  const code = await ended;
  over = true;
  return { code, out, err, phone };
}

const env = (password?: string) => ({ environment: { password, colour: false, unicode: false, dataFolder: folder } });

test.each<[string, Partial<PhoneRequest>, Partial<PhoneIo>, string | undefined, string | undefined]>([
  ['the command line', { password: 'said', passwordFile: '/nowhere' }, env('kept'), undefined, 'said'],
  ['a file’s first line', { passwordFile: 'FILE' }, env('kept'), undefined, 'in the file'],
  ['the environment', {}, env('kept'), undefined, 'kept'],
  ['whoever sits there', {}, { isTerminal: true }, 'typed\r', 'typed'],
  ['nowhere, when nothing is registered', { phone: { register: false } }, env('kept'), undefined, undefined],
])('the password comes from %s', async (_where, request, io, typed, password) => {
  writeFileSync(join(folder, 'password'), 'in the file\r\nnot this\n');
  const result = await run({ ...request, ...(request.passwordFile === 'FILE' && { passwordFile: join(folder, 'password') }) }, io, typed);
  expect(result.code).toBe(0);
  expect(result.phone.made[0]!.options.password).toBe(password);
});

test.each<[string, Partial<PhoneRequest>, Partial<PhoneIo>, string | undefined, number, RegExp]>([
  ['no address', { address: undefined }, {}, undefined, 2, /which phone\? Say USER@HOST/],
  ['half an address, before a password is asked for', { address: '1001' }, { isTerminal: true }, undefined, 2, /“1001” is not the address of a phone/],
  ['no password', {}, {}, undefined, 2, /a password is needed to register 1001@pbx\.test/],
  ['a password file that is not there', { passwordFile: '/nowhere/x' }, {}, undefined, 2, /the password file \/nowhere\/x cannot be read/],
  ['Ctrl-C instead of a password', {}, { isTerminal: true }, '\u0003', 1, /no password was given/],
  ['a trace that cannot be written', { password: 'x', traceFile: '/nowhere/x' }, {}, undefined, 2, /the trace file \/nowhere\/x cannot be written/],
  ['an authority that is not there, before a password is asked for', { phone: { tls: { caFile: '/nowhere/ca.pem' } } }, { isTerminal: true }, undefined, 2, /cannot read the certificates in \/nowhere\/ca\.pem: there is no such file/],
  ['nothing to play', { password: 'x', script: { play: '/nowhere/x.wav' } }, {}, undefined, 2, /there is no file \/nowhere\/x\.wav to play/],
  ['nothing to play, on a screen', { password: 'x', json: false, script: { play: '/nowhere/x.wav' } }, { isTerminal: true }, undefined, 2, /there is no file \/nowhere\/x\.wav to play/],
])('%s is told', async (_what, request, io, typed, code, sentence) => {
  const result = await run(request, io, typed);
  expect(result.code).toBe(code);
  expect(result.err).toMatch(sentence);
  expect(result.err).toMatch(/offhook: .*\n$/);
  // Whoever reads events finds it among them, and a person once only.
  if (request.json === false) expect(result.out).toBe('');
  else expect(JSON.parse(result.out)).toMatchObject({ event: 'error', problem: expect.stringMatching(sentence) as string });
  expect(result.phone.made).toEqual([]);
});

test('what is typed as a password is not shown, and can be mended', async () => {
  const keyboard = new Keyboard();
  let shown = '';
  const asked = askPassword('Password: ', keyboard as unknown as ReadStream, (text) => void (shown += text));
  keyboard.write('xx\u0015seä\u007fcrex\u001b[D\u007ft\r');
  expect(await asked).toBe('secret');
  expect(shown).toBe('Password: \n');
  expect(keyboard.raw).toEqual([true, false]);
});

test('a signal ends the question, and the terminal is as it was', async () => {
  const [keyboard, stop] = [new Keyboard(), new AbortController()];
  const asked = askPassword('?', keyboard as unknown as ReadStream, () => undefined, stop.signal);
  stop.abort();
  expect(await asked).toBeUndefined();
  expect(keyboard.raw).toEqual([true, false]);
});

test('the sound card is only opened by itself on a screen; --audio is obeyed', async () => {
  expect((await run({ password: 'x' })).phone.made[0]!.options.audio).toBeUndefined();
  expect((await run({ password: 'x', audio: { backend: 'none' } })).phone.made[0]!.options.audio).toEqual({ backend: 'none' });
});

const headset = { number: 2, name: 'Headset', inputs: 1, outputs: 2, isDefaultInput: true, isDefaultOutput: false, backend: 'alsa' } as const;

test('the devices, for people and for programs', async () => {
  const listDevices = async () => [headset, { ...headset, number: 10, name: 'USB loudspeaker', inputs: 0, isDefaultInput: false, isDefaultOutput: true }];
  expect((await run({ address: undefined, devices: true, json: false }, { listDevices })).out).toBe('  2  Headset          in 1 (default), out 2  alsa\n 10  USB loudspeaker  out 2 (default)  alsa\n');
  expect(JSON.parse((await run({ devices: true }, { listDevices })).out)).toHaveLength(2);
  expect(await run({ devices: true, json: false }, { listDevices: async () => [] })).toMatchObject({ code: 0, out: expect.stringContaining('There is no sound device here') as string });
});

test('every SIP message goes to the trace, for its owner only', async () => {
  const traceFile = join(folder, 'trace');
  const { phone } = await run({ password: 'x', traceFile });
  phone.made[0]!.options.trace!({ out: true, text: 'OPTIONS' });
  expect(await eventually('the message', () => /──▶\nOPTIONS\n/.test(readFileSync(traceFile, 'utf8')))).toBe(true);
});

test.each<[Record<string, string>, Partial<ReturnType<typeof phoneEnvironment>>]>([
  [{}, { colour: true, unicode: true, password: undefined }],
  [{ NO_COLOR: '1', LANG: 'C', OFFHOOK_PHONE_PASSWORD: 'x' }, { colour: false, unicode: false, password: 'x' }],
  [{ TERM: 'dumb', LC_ALL: 'de_DE.UTF-8', XDG_DATA_HOME: '/d' }, { colour: false, unicode: true, dataFolder: '/d/offhook' }],
])('the environment %j', (variables, seen) => expect(phoneEnvironment(variables)).toMatchObject(seen));
