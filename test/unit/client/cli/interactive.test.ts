/** The phone of a person, on a terminal that is none: keys go to the phone, what it tells is drawn, and everything is as it was at the end. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { runInteractive, type InteractiveOptions } from '../../../../client/cli/interactive';
import { PhoneError } from '../../../../client/phone-types';
import { FakeClock } from '../../../support/fake-clock';
import { eventually } from '../../../support/wait';
import { FakePhone } from './fake-phone';

class Tty extends PassThrough {
  isTTY = true;
  columns = 80;
  rows = 24;
  raw = false;
  setRawMode(on: boolean): this {
    this.raw = on;
    return this;
  }
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-interactive-'))));
afterEach(() => rmSync(folder, { recursive: true }));

class Person {
  readonly phone = new FakePhone();
  readonly clock = new FakeClock();
  readonly input = new Tty();
  readonly output = new Tty();
  readonly stop = new AbortController();
  readonly code: Promise<number>;
  private seen = '';

  constructor(options: Partial<InteractiveOptions> = {}, failures: FakePhone['failures'] = {}) {
    Object.assign(this.phone.failures, failures);
    this.output.on('data', (text: Buffer) => (this.seen += text.toString('utf8')));
    this.code = runInteractive(
      { address: '1001@pbx.test', phone: {}, script: {}, dataFolder: folder, colour: false, unicode: true, ...options },
      { input: this.input as unknown as ReadStream, output: this.output as unknown as WriteStream, clock: this.clock, makePhone: this.phone.make, signal: this.stop.signal },
    );
  }

  sees(text: string): Promise<boolean> {
    return eventually(`“${text}” on the screen`, () => this.seen.includes(text));
  }

  async did(what: string): Promise<void> {
    await eventually(`“${what}” by the phone, which did: ${this.phone.done.join(', ')}`, () => this.phone.done.includes(what));
  }

  /** A key after the other: none is held down. */
  type(keys: string): void {
    for (const key of keys) {
      this.clock.advance(1000);
      this.input.write(key);
    }
  }

  async quits(): Promise<void> {
    expect(await this.code).toBe(0);
    expect(this.phone.closed).toBe(true);
    expect(this.input.raw).toBe(false);
    expect(this.seen).toMatch(/\u001b\[\?1049l$/);
  }
}

test('a call: dialled, digits, hold, hung up, kept in the history, quit', async () => {
  const person = new Person();
  await person.sees('Ready.');
  expect(person.input.raw).toBe(true);
  person.type('1002\r');
  await person.did('dial 1002');
  person.phone.calls[0]!.isAnswered();
  await person.sees('in call');
  person.type('5#');
  await person.did('digits # auto');
  expect(person.phone.done).toContain('digits 5 auto');
  person.type('h');
  await person.did('hold 1');
  await person.sees('on hold');
  person.type('x');
  await person.did('hangup 1');
  await person.sees('dialled    Bob  1002');
  person.type('q');
  await person.quits();
  expect(JSON.parse(readFileSync(join(folder, 'history.jsonl'), 'utf8'))).toMatchObject({ kind: 'dialled', address: '1002@pbx.test', name: 'Bob', durationMs: 3000 });
});

test('somebody calls: the terminal rings, and the call is taken', async () => {
  const person = new Person();
  await person.sees('Ready.');
  person.phone.rings();
  await person.sees('\u0007');
  await person.sees('Bob  1002');
  person.type('a');
  await person.did('answer 1');
  person.type('q');
  await person.sees('A call is up. Hang up and quit? (y/n)');
  person.type('y');
  await person.quits();
  expect(readFileSync(join(folder, 'history.jsonl'), 'utf8')).toContain('"answered"');
});

test('a server that refuses is told, and the phone stays', async () => {
  const person = new Person({}, { register: new PhoneError('registration-refused', 'the password was not accepted') });
  await person.sees('the password was not accepted');
  person.type('q');
  await person.quits();
});

test('what does not work is told; mute is shown as it is', async () => {
  const person = new Person({ dial: '1002' }, { hold: new PhoneError('wrong-state', 'it cannot be held') });
  await person.did('dial 1002');
  person.phone.calls[0]!.isAnswered();
  await person.sees('in call');
  person.type('mh');
  await person.sees('MUTED');
  await person.sees('! it cannot be held');
  expect(person.phone.hub.muted).toBe(true);
  person.stop.abort();
  await person.quits();
});

test('a message that was never sent does not stay “sending”', async () => {
  const person = new Person({}, { message: new PhoneError('not-connected', 'the phone has no connection just now') });
  await person.sees('Ready.');
  person.type('vw1002\rhello\r');
  await person.did('message 1002 hello');
  await person.sees('not delivered');
  await person.sees('the phone has no connection just now');
  person.type('q');
  await person.quits();
});

test('a contact is kept, and can be called by its name', async () => {
  const person = new Person();
  await person.sees('Ready.');
  person.type('cnEve\r1009\r');
  await person.sees('Eve');
  await eventually('the file', () => readFileSync(join(folder, 'contacts.csv'), 'utf8').includes('Eve,1009'));
  await person.sees('1 of 1');
  person.type('deve\r');
  await person.did('dial 1009');
  person.stop.abort();
  await person.quits();
});

test('a warning of Node’s is on the screen, not across it', async () => {
  const before = process.listeners('warning');
  const person = new Person();
  await person.sees('Ready.');
  process.emit('warning', new Error('something odd'));
  await person.sees('! something odd');
  person.type('q');
  await person.quits();
  expect(process.listeners('warning')).toEqual(before);
});

test('told to end before it began: nothing is drawn', async () => {
  const stop = AbortSignal.abort();
  const [phone, output] = [new FakePhone(), new Tty()];
  const code = await runInteractive(
    { address: '1001@pbx.test', phone: {}, script: {}, dataFolder: folder, colour: false, unicode: true },
    { input: new Tty() as unknown as ReadStream, output: output as unknown as WriteStream, clock: new FakeClock(), makePhone: phone.make, signal: stop },
  );
  expect(code).toBe(0);
  expect(output.read()).toBeNull();
  expect(phone.closed).toBe(true);
});
