/**
 * The server as the person who runs it meets it: what it prints, what it refuses to start with, what it remembers, how it ends.
 */
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isFree } from '../support/ports';
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';

/** Runs a server that is expected not to start, with a port and folder of its own unless `args` say otherwise. */
async function refused(stage: Stage, args: string[], port?: number): Promise<{ code: number | null; output: string }> {
  const at = port ?? (await stage.port());
  const given = (flag: string): boolean => args.includes(flag);
  const rest = [...(given('--data') ? [] : ['--data', stage.path('data')]), ...(given('--sip') ? [] : ['--sip', `127.0.0.1:${at}`])];
  return offhook(['serve', ...rest, ...args], { cwd: stage.folder });
}

/** Exit code 2, and what a person is told: one line, no stack, nothing that looks like a start. */
function expectRefusal({ code, output }: { code: number | null; output: string }, naming: RegExp): void {
  expect({ code, lines: output.trim().split('\n') }).toEqual({ code: 2, lines: [expect.stringMatching(naming)] });
}

describe('what keeps it from starting is said in one sentence, with exit code 2', () => {
  test('a port that another program has, on UDP', ...staged(async (stage) => {
    const port = await stage.port();
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
    try {
      const result = await refused(stage, [], port);
      expectRefusal(result, /sip\.listen/);
      expect(result.output).toContain(String(port));
    } finally {
      socket.close();
    }
  }));

  test('a port that another program has, on TCP; the UDP port beside it is let go', ...staged(async (stage) => {
    const port = await stage.port();
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
    try {
      const result = await refused(stage, [], port);
      expectRefusal(result, /sip\.listen/);
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
    expect(await isFree(port)).toBe(true);
  }));

  test('a data folder that cannot be written', ...staged(async (stage) => {
    // Below a file: nobody can make a folder there, not even root, who may write everywhere else.
    const file = join(stage.folder, 'a-file');
    writeFileSync(file, 'not a folder');
    const result = await refused(stage, ['--data', join(file, 'data')]);
    expectRefusal(result, /data/);
    expect(result.output).toContain(file);
  }));

  test.each([
    ['a value of the wrong kind', ['--set', 'registrar.maxExpires=soon'], /registrar\.maxExpires/],
    ['a value out of range', ['--set', 'media.portMin=99999'], /media\.portMin/],
    ['settings that contradict each other', ['--set', 'media.portMin=29000', '--set', 'media.portMax=28000'], /media\.port(Min|Max)/],
    ['a setting that does not exist', ['--set', 'registrar.maxExpire=60'], /registrar\.maxExpire/],
    ['an address that is none', ['--sip', 'nowhere:port'], /sip\.listen|--sip/],
    ['a program of one\'s own that is not there', ['--app', '/nonexistent/my-app.ts'], /^offhook: app\.file: there is no file \/nonexistent\/my-app\.ts/],
    ['a configuration file that is not there', ['--config', '/nonexistent/offhook.yaml'], /\/nonexistent\/offhook\.yaml/],
  ])('%s', ...staged(async (stage, _what: string, args: string[], naming: RegExp) => {
    const result = await refused(stage, args);
    expectRefusal(result, naming);
  }));
});

test('a program of one\'s own with a mistake in it keeps it from starting, told with file and line', ...staged(async (stage) => {
  const file = join(stage.folder, 'my-app.ts');
  writeFileSync(file, 'export default {\n  routes: {,\n};\n');
  expectRefusal(await refused(stage, ['--app', file]), /^offhook: app\.file: my-app\.ts:2: Property assignment expected\.$/);
}));

describe('the first start', () => {
  test('makes two extensions and prints their passwords, once; they are nowhere on disk', ...staged(async (stage) => {
    const server = await Server.start(stage, { extensions: [] });
    const accounts = printedAccounts(server.output);
    expect([...accounts.keys()].sort()).toEqual(['1001', '1002']);
    const passwords = [...accounts.values()];
    expect(new Set(passwords).size).toBe(2);
    for (const password of passwords) expect(password.length).toBeGreaterThanOrEqual(12);
    expect((await server.stop()).code).toBe(0);

    const again = await Server.start(stage, { successorOf: server });
    for (const password of passwords) expect(again.output).not.toContain(password);
    expect(printedAccounts(again.output).size).toBe(0);
    const list = await offhook(['extension', 'list', '--data', server.data]);
    expect(list.output).toMatch(/1001[^]*1002/);
    for (const password of passwords) {
      expect(list.output).not.toContain(password);
      const files = readdirSync(server.data, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
      expect(files.length).toBeGreaterThan(0);
      for (const { path, name } of files) expect(readFileSync(join(path, name)).includes(password)).toBe(false);
    }
  }));
});

/** Number → password from the lines a first start prints. */
function printedAccounts(output: string): Map<string, string> {
  return new Map([...output.matchAll(/\b(100[12])\b.*?password:?\s+(\S+)/gi)].map((match) => [match[1] ?? '', match[2] ?? '']));
}

need('sipp')('while it runs', () => {
  test('the printed password of the first start lets a phone in', ...staged(async (stage) => {
    const server = await Server.start(stage, { extensions: [] });
    const password = printedAccounts(server.output).get('1001') ?? 'not printed';
    const phone = await ScriptedPhone.make(stage, { server: server.address, user: '1001', password });
    expect((await phone.register()).code).toBe(0);
  }));

  test('an extension added, given a new password, removed by the command line is so at once', ...staged(async (stage) => {
    const server = await Server.start(stage);
    const account = await server.add('1234');
    const phone = await ScriptedPhone.make(stage, { ...account, server: server.address });
    expect((await phone.register()).code).toBe(0);

    expect((await offhook(['extension', 'set', '1234', '--password', 'another-secret', '--data', server.data])).code).toBe(0);
    expect((await phone.register({ final: 401 })).code).toBe(0);
    const changed = await ScriptedPhone.make(stage, { ...account, password: 'another-secret', server: server.address });
    expect((await changed.register()).code).toBe(0);

    expect((await offhook(['extension', 'remove', '1234', '--data', server.data])).code).toBe(0);
    expect((await changed.register({ final: 401 })).code).toBe(0);
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const calling = await caller.calls('1234', 'caller-is-refused', { sdp: sdp({ port: await stage.port() }), final: 404 });
    expect((await calling.finished()).code).toBe(0);
  }));

  test('a phone registered before a restart is rung after it', ...staged(async (stage) => {
    const before = await Server.start(stage);
    const callee = await ScriptedPhone.registered(stage, { ...before.account('1002'), server: before.address });
    expect((await before.stop()).code).toBe(0);
    const server = await Server.start(stage, { successorOf: before });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: sdp({ port: await stage.port() }), talkMs: 200 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }, { seconds: 30 }));

  test('a phone that was told it is registered is rung by the successor of a server that was killed the moment after; one that was told it is not, is not', ...staged(async (stage) => {
    const before = await Server.start(stage, { extensions: ['1001', '1002', '1003'] });
    const gone = await ScriptedPhone.registered(stage, { ...before.account('1003'), server: before.address });
    expect((await gone.register({ expires: 0 })).code).toBe(0);
    const callee = await ScriptedPhone.registered(stage, { ...before.account('1002'), server: before.address });
    await before.kill();
    const server = await Server.start(stage, { successorOf: before });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: sdp({ port: await stage.port() }), talkMs: 200 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
    const refused = await caller.calls('1003', 'caller-is-refused', { sdp: sdp({ port: await stage.port() }), final: 480 });
    expect((await refused.finished()).code).toBe(0);
  }, { seconds: 30 }));

  test('SIGTERM during a call ends the call on both sides, then the server with exit code 0', ...staged(async (stage) => {
    const server = await Server.start(stage);
    const callee = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller-is-hung-up-on', { sdp: sdp({ port: await stage.port() }) });
    await called.receives(/^ACK /);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }, { seconds: 30 }));
});
