/** `offhook/app` as somebody who writes a program has it: its types in an editor, by way of the package. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '../../..');
const DOOR = join('signaling', 'app-program', 'index.ts');
let folder: string;

/** The package with what the build makes of this one file, and a user's folder in which it is installed. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-types-'));
  const installed = join(folder, 'package');
  mkdirSync(join(installed, dirname(DOOR)), { recursive: true });
  for (const path of ['package.json', 'tsconfig.json', DOOR]) cpSync(join(ROOT, path), join(installed, path));
  symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'signaling/setup/transpile.mjs'), installed], { input: DOOR, encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
  rmSync(join(installed, 'signaling'), { recursive: true });
  mkdirSync(join(folder, 'mine', 'node_modules'), { recursive: true });
  symlinkSync(installed, join(folder, 'mine', 'node_modules', 'offhook'));
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

function problems(text: string): string[] {
  const file = join(folder, 'mine', 'my-app.ts');
  writeFileSync(file, text);
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true, exactOptionalPropertyTypes: true, types: [], lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'] });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

test('a program that is right has no problems', () => {
  expect(problems(`
    import { defineApp, deny, menu, CallOver, type AppCall, type Gathered } from 'offhook/app';
    const ask = async (call: AppCall): Promise<Gathered> => call.gather({ digits: 4, prompt: ['enter-pin', { hz: [440], seconds: 1 }], firstSeconds: 5 });
    export default defineApp({
      routes: {
        '610': menu({ prompt: './a.wav', options: { 1: '1001', 2: async (call) => { const { digits } = await ask(call); await call.transfer(digits); } } }),
        '61X': async (call) => {
          await call.answer();
          try { await call.record({ maxSeconds: 5 }); } catch (err) { if (err instanceof CallOver) throw err; }
          const key: string | undefined = await call.digit(3);
          await call.hangup(486, key);
        },
      },
      onCall: async ({ caller, trunk }) => (trunk === undefined ? undefined : deny(603, caller.name ?? '')),
    });`)).toEqual([]);
});

test.each([
  ['a route to something else', "export default defineApp({ routes: { '610': 1001 } });", /number.*not assignable to type 'Handler'/],
  ['gather without digits', 'export const a = (call: AppCall) => call.gather({});', /'digits' is missing/],
  ['an option that there is not', "export const a = (call: AppCall) => call.play('x', { lop: true });", /'lop' does not exist/],
  ['a verdict that there is not', "export default defineApp({ onCall: () => 'yes' });", /not assignable/],
])('%s is one', (_name, text, problem) => {
  expect(problems(`import { defineApp, type AppCall } from 'offhook/app';\n${text}\nexport type B = AppCall; export const c = defineApp;`)).toEqual([expect.stringMatching(problem)]);
});
