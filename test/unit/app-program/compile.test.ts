/** Programs as they are written to what the thread runs, and real threads that run them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import ts from 'typescript';
import type { AppProgram, Operation } from '../../../signaling/app-program/app-program';
import { compile } from '../../../signaling/app-program/compile';
import { startAppProgram } from '../../../signaling/app-program/threads';
import { systemClock } from '../../../signaling/clock';
import { FakeLog } from '../app/call-fakes';
import { eventually } from '../../support/wait';

let folder: string;
const open: AppProgram[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-app-'))));
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  rmSync(folder, { recursive: true });
});

function files(texts: Record<string, string>): string {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return join(folder, Object.keys(texts)[0] as string);
}

const problemOf = (texts: Record<string, string>): string => {
  const answer = compile(files(texts), ts);
  return 'problem' in answer ? answer.problem : '';
};

describe('what cannot be a program is told with file and line', () => {
  test.each<[string, Record<string, string>, string]>([
    ['no TypeScript', { 'my-app.ts': 'export default {\n  routes: {,\n};' }, 'my-app.ts:2: Property assignment expected.'],
    ['no TypeScript, in a file that is imported', { 'my-app.ts': "import './lib/a';\n", 'lib/a.ts': '\n\nconst a = ;' }, 'lib/a.ts:3: Expression expected.'],
    ['an import of a file that is not there', { 'my-app.ts': "\nimport { x } from './lib/b';\nx();" }, 'my-app.ts:2: there is no file ./lib/b'],
    ['await outside functions', { 'my-app.ts': "\n\nconst x = await fetch('http://a');" }, 'my-app.ts:3: await is for functions only: what is awaited here belongs into a handler'],
    ['import.meta', { 'my-app.ts': '\nconsole.log(import.meta.url);' }, 'my-app.ts:2: there is no import.meta in a program; __dirname and __filename say where it is'],
    ['another kind of file', { 'my-app.txt': '' }, 'my-app.txt is no program: its name must end in .ts, .mts, .cts, .js, .mjs, .cjs'],
  ])('%s', (_name, texts, problem) => {
    expect(problemOf(texts)).toBe(problem);
  });

  test('no file at all, and a folder', () => {
    expect(compile(join(folder, 'none.ts'), ts)).toEqual({ problem: `there is no file ${folder}/none.ts`, files: [join(folder, 'none.ts')] });
    expect(compile(folder, ts)).toMatchObject({ problem: `there is no file ${folder}` });
  });
});

test('all that it is made of is found, also by the names that modules give', () => {
  const entry = files({
    'my-app.ts': "import a from './a.js';\nimport './lib';\nimport './data.json';\nimport type { T } from './types';\nimport 'node:fs';\nexport default a as T;",
    'a.ts': "export { default } from './b.mjs';",
    'b.mts': "const late = async () => import('./c');\nexport default late;",
    'c.js': 'export const c = 1;',
    'lib/index.ts': '',
    'data.json': '{}',
    'types.d.ts': 'export type T = unknown;',
    'types.ts': 'export type T = unknown;',
  });
  const answer = compile(entry, ts);
  const found = 'compiled' in answer ? answer.compiled.files.map((path) => path.slice(folder.length + 1)) : [];
  expect(found.sort()).toEqual(['a.ts', 'b.mts', 'c.js', 'data.json', 'lib/index.ts', 'my-app.ts', 'types.ts']);
});

describe('in threads of its own', () => {
  const spawn = (file: string, options: object): Worker => new Worker(file.replace(/\.js$/, '.ts'), { ...options, execArgv: ['--require', join(__dirname, '../../support/register-ts.cjs')] });
  const log = new FakeLog();
  const start = async (entry: string, memoryMegabytes = 64): Promise<AppProgram> => {
    log.lines.length = 0;
    const program = await startAppProgram(entry, { memoryMegabytes, spawn }, { clock: systemClock, log });
    open.push(program);
    return program;
  };
  const call = (operate: (operation: Operation) => Promise<unknown> = async () => undefined) => ({
    info: { id: 'c1', caller: { number: '1001', name: null }, dialled: '610', tenant: '', transferredBy: undefined, answered: false },
    ended: new Promise<string>(() => undefined),
    operate,
  });

  test('a program of several files has a call; what it prints is in the log', async () => {
    const program = await start(files({
      'my-app.ts': "import { defineApp, type AppCall } from 'offhook/app';\nimport { greet } from './lib/greet.js';\nexport default defineApp({ routes: { '61X': greet as (call: AppCall) => Promise<void> } });",
      'lib/greet.ts': "import type { AppCall } from 'offhook/app';\nenum Words { Hello = 'hello' }\nexport async function greet(call: AppCall): Promise<void> {\n  console.log(Words.Hello, call.caller.number);\n  await call.answer();\n}",
    }));
    const asked: unknown[] = [];
    expect(await program.run('61X', call(async (operation) => asked.push(operation)))).toEqual({ kind: 'done' });
    expect(asked).toEqual([{ op: 'answer' }]);
    await eventually('its words in the log', () => log.of('hello 1001').length === 1);
  });

  test('where it fails is the line that was written, whatever became of it', async () => {
    const program = await start(files({
      'my-app.ts': "import { defineApp } from 'offhook/app';\ninterface Long {\n  a: number;\n}\nexport default defineApp({\n  routes: {\n    '1': async () => {\n      const x = {} as { a: Long };\n      x.a.a++;\n    },\n    '2': async (call) => {\n      await call.pause(-1);\n    },\n    '3': async () => {\n      setTimeout(() => {\n        throw new Error('later');\n      }, 1);\n      void Promise.reject(new Error('unseen'));\n    },\n  },\n});",
    }));
    expect(await program.run('1', call())).toMatchObject({ kind: 'failed', at: 'my-app.ts:9' });
    expect(await program.run('2', call())).toMatchObject({ kind: 'failed', at: 'my-app.ts:12', problem: expect.stringMatching(/^pause: seconds: /) });
    expect(await program.run('3', call())).toEqual({ kind: 'done' });
    await eventually('what was thrown outside', () => log.of('something was thrown in the program, outside any handler').length === 2);
    expect(log.of('something was thrown in the program, outside any handler')).toEqual(expect.arrayContaining([{ problem: 'later', at: 'my-app.ts:16' }, { problem: 'unseen', at: 'my-app.ts:18' }]));
    expect(await program.run('3', call())).toEqual({ kind: 'done' });
  });

  test.each<[string, string, RegExp]>([
    ['throws', 'const x = null as never as { y: number };\nx.y++;\nexport default {};', /^my-app\.ts:2: TypeError: /],
    ['needs a package that is not there', "\nimport a from 'no-such-package';\nexport default a;", /^my-app\.ts:2: Cannot find module 'no-such-package'/],
    ['exports nothing', 'const a = 1;', /^my-app\.ts: it exports no program/],
    ['has a route that is no number', "export default { routes: { 'abc': async () => 1 } };", /^my-app\.ts: routes: “abc” is no number/],
    ['has a route to nothing', "export default { routes: { '1': 'x' } };", /^my-app\.ts: routes: what “1” leads to must be a function$/],
    ['knows what there is not', 'export default { routes: {}, onCal: 1 };', /^my-app\.ts: defineApp knows no “onCal”; there are routes, onCall, /],
  ])('one that %s is refused', async (_name, text, sentence) => {
    await expect(start(files({ 'my-app.ts': text }))).rejects.toThrow(sentence);
  });

  test('one that takes too much memory ends, and its call goes on', async () => {
    const program = await start(files({ 'my-app.ts': "export default { routes: { '1': async () => { const all: unknown[] = []; for (;;) all.push(new Array(1e5).fill(Math.random())); } } };" }), 16);
    expect(await program.run('1', call())).toEqual({ kind: 'failed', problem: 'it took more memory than app.memoryMegabytes', at: undefined });
  });

  test('the example: a code that is right opens the door, a wrong one does not', async () => {
    const program = await start(join(__dirname, '../../../signaling/app-program/examples/reception.ts'));
    expect(program.settings).toMatchObject({ routes: ['610', '611'], hooks: ['onCall'], fallback: '1001' });
    const code = (digits: string) => call(async (operation) => (operation.op === 'gather' ? { digits, why: 'max', terminator: undefined } : operation.op === 'transfer' ? 'no-answer' : undefined));
    const asked: Array<Operation['op']> = [];
    const watched = (one: ReturnType<typeof code>) => ({ ...one, operate: (operation: Operation) => (asked.push(operation.op), one.operate(operation)) });
    expect(await program.run('611', watched(code('4711')))).toEqual({ kind: 'done' });
    expect(asked.splice(0)).toEqual(['answer', 'gather', 'transfer', 'play']);
    expect(await program.run('611', watched(code('1234')))).toEqual({ kind: 'done' });
    expect(asked.splice(0)).toEqual(['answer', 'gather', 'play', 'gather', 'play', 'gather', 'play', 'play']);
    const comes = (number: string, dialled: string) => program.judge({ caller: { number, name: null }, dialled, tenant: '', trunk: undefined });
    expect(await Promise.all([comes('666', '1002'), comes('1001', '0'), comes('+4930123456', '1002'), comes('1001', '1002')])).toEqual([
      { do: 'deny', status: 603, reason: 'not from here' }, { do: 'redirect', to: '610' }, { do: 'allow', name: 'Acme Ltd' }, undefined,
    ]);
  });

  test('one that ends its process ends its thread', async () => {
    const program = await start(files({ 'my-app.ts': "export default { routes: { '1': async () => process.exit(3) } };" }));
    expect(await program.run('1', call())).toEqual({ kind: 'failed', problem: 'its thread ended with code 3', at: undefined });
  });
});
