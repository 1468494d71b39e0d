/** `offhook phone` as a person uses it: in a terminal, with keys, against a server of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtCommand, passwordOf, Server, WITHOUT_SETTINGS } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const LEAVE = '\u001b[?1049l';

/** A terminal of 80×24 (util-linux `script`) in which one command runs; then its exit code and the terminal's settings are told. */
class PersonsTerminal {
  /** All that was written. */
  seen = '';
  /** Of the person: history and contacts. */
  readonly data: string;
  private mark = 0;
  private readonly child: ChildProcess;
  private readonly gone: Promise<unknown>;

  private constructor(stage: Stage, args: readonly string[], variables: Record<string, string>) {
    const home = stage.path('home');
    mkdirSync(home, { recursive: true });
    this.data = join(home, 'data');
    const words = [process.execPath, builtCommand(), 'phone', ...args, '--data', this.data].map((word) => `'${word}'`).join(' ');
    const command = `stty columns 80 rows 24; ${words}; code=$?; echo; echo LEFT with $code; stty -a`;
    this.child = spawn('script', ['-qec', command, '/dev/null'], { cwd: home, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...WITHOUT_SETTINGS, HOME: home, TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1', ...variables } });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.seen += text));
    this.gone = new Promise((resolve) => this.child.once('close', resolve));
  }

  static open(stage: Stage, args: readonly string[], variables: Record<string, string> = {}): PersonsTerminal {
    return stage.own(new PersonsTerminal(stage, args, variables));
  }

  type(keys: string): void {
    this.mark = this.seen.length;
    this.child.stdin?.write(keys);
  }

  /** Since something was typed. */
  async sees(text: string | RegExp): Promise<void> {
    await eventually(`${String(text)} on the screen`, () => (typeof text === 'string' ? this.seen.slice(this.mark).includes(text) : text.test(this.seen.slice(this.mark))), 15_000);
  }

  /** Ended with that code, and the terminal is as before. */
  async left(code: number): Promise<void> {
    await eventually('the end', () => /LEFT with \d+[\s\S]*echoke/.test(this.seen), 15_000);
    const after = this.seen.slice(this.seen.lastIndexOf('LEFT with'));
    expect(after).toMatch(new RegExp(`^LEFT with ${code}\\r`));
    expect(after).toMatch(/[^-]icanon/);
    expect(after).toMatch(/[^-]echo\b/);
    await this.gone;
  }

  report(): string {
    return JSON.stringify(this.seen.slice(-3000));
  }

  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }
}

const secret = (number: string) => ({ OFFHOOK_PHONE_PASSWORD: passwordOf(number) });
const silent = ['--audio', 'none'];

test('the echo test: called, keys, hold, hung up, quit', ...staged(async (stage) => {
  const server = await Server.start(stage);
  const terminal = PersonsTerminal.open(stage, [`1001@${server.address}`, ...silent]);
  await terminal.sees('Password of 1001@');
  terminal.type(`${passwordOf('1001')}\r`);
  await terminal.sees('● registered');
  expect(terminal.seen).not.toContain(passwordOf('1001'));
  terminal.type('d*43\r');
  await terminal.sees('in call');
  await terminal.sees(/Heard MOS +\d\.\d/);
  terminal.type('5');
  await terminal.sees('keys 5');
  terminal.type('h');
  await terminal.sees('on hold');
  terminal.type('h');
  await terminal.sees('in call');
  terminal.type('x');
  await terminal.sees('ended');
  await terminal.sees('Lately');
  terminal.type('q');
  await terminal.left(0);
  expect(terminal.seen).toContain(LEAVE);
  expect(JSON.parse(readFileSync(join(terminal.data, 'history.jsonl'), 'utf8'))).toMatchObject({ kind: 'dialled', address: expect.stringContaining('*43') as string });
}, { seconds: 80 }));

test('two people: one calls, the other takes it, messages, and a server that is killed', ...staged(async (stage) => {
  const server = await Server.start(stage);
  const [ann, bob] = ['1001', '1002'].map((number) => PersonsTerminal.open(stage, [`${number}@${server.address}`, ...silent], secret(number))) as [PersonsTerminal, PersonsTerminal];
  await Promise.all([ann.sees('● registered'), bob.sees('● registered')]);
  ann.type('1002\r');
  await bob.sees('calls you');
  bob.type('a');
  await Promise.all([ann.sees('in call'), bob.sees('in call')]);
  ann.type('w1002\rhello there\r');
  await bob.sees('1 new message');
  bob.type('v');
  await bob.sees('hello there');
  bob.type('\u001b');
  await bob.sees('in call');
  await server.kill();
  bob.type('h'); // something to tell the server
  await bob.sees('no connection');
  bob.type('q');
  await bob.sees('Hang up and quit?');
  bob.type('y');
  await bob.left(0);
  ann.type('\u0003\u0003'); // whoever presses Ctrl-C twice means it
  await ann.left(0);
}, { seconds: 80 }));

test('a wrong password, and Ctrl-C instead of one', ...staged(async (stage) => {
  const server = await Server.start(stage);
  const wrong = PersonsTerminal.open(stage, [`1001@${server.address}`, ...silent], { OFFHOOK_PHONE_PASSWORD: 'wrong' });
  await wrong.sees('registration refused');
  await wrong.sees('Not registered.');
  await wrong.sees('check the user name and the');
  wrong.type('q');
  await wrong.left(0);
  const none = PersonsTerminal.open(stage, [`1002@${server.address}`, ...silent]);
  await none.sees('Password of');
  none.type('\u0003');
  await none.left(1);
  expect(existsSync(none.data)).toBe(false);
}, { seconds: 80 }));
