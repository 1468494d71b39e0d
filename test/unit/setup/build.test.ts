import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folderOf, inNode, node, ROOT, SETUP } from './in-node';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

const MODULE = join(SETUP, 'build-step.mjs');

let folder: ReturnType<typeof folderOf>;
beforeEach(() => {
  folder = folderOf({
    'package.json': '{}',
    'tsconfig.json': readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'),
    'signaling/cli/offhook.ts': "import { answer } from '../../media/answer';\nexport const run = (): number => answer;\n",
    'media/answer.ts': 'export interface Unused {}\nexport const answer: number = 42;\n',
    'test/support/peers.json': '{"a": 1}',
    'test/unit/a.test.ts': 'not built',
  });
  mkdirSync(join(folder.path, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/typescript'), join(folder.path, 'node_modules/typescript'));
});
afterEach(() => folder.remove());

const dist = (name: string) => join(folder.path, 'dist', name);
const changedAt = (name: string) => statSync(dist(name)).mtimeMs;
/** Builds; whether it was up to date before and after. */
async function build(): Promise<[boolean, boolean]> {
  mkdirSync(join(folder.path, 'dist'), { recursive: true });
  const root = JSON.stringify(folder.path);
  return inNode(MODULE, 'build, isBuilt', `const before = isBuilt(${root}); await build(${root}, { say() {} }); return [before, isBuilt(${root})];`);
}

describe('the build', () => {
  it('makes JavaScript that runs, copies JSON and sound, and leaves tests out', async () => {
    const sound = Buffer.from([0x52, 0x49, 0xff, 0xfe, 0x00, 0x80]);
    mkdirSync(join(folder.path, 'media/prompts'), { recursive: true });
    writeFileSync(join(folder.path, 'media/prompts/a.wav'), sound);
    expect(await build()).toEqual([false, true]);
    const { out } = await node(['-p', `require(${JSON.stringify(dist('signaling/cli/offhook.js'))}).run()`]);
    expect(out).toBe('42\n');
    expect(readFileSync(dist('test/support/peers.json'), 'utf8')).toBe('{"a": 1}');
    expect(readFileSync(dist('media/prompts/a.wav'))).toEqual(sound);
    expect(existsSync(dist('test/unit'))).toBe(false);
    const map = JSON.parse(readFileSync(dist('media/answer.js.map'), 'utf8')) as { sources: string[] };
    expect(join(dirname(dist('media/answer.js')), map.sources[0]!)).toBe(join(folder.path, 'media/answer.ts'));
  });

  it('is not done again for what has not changed', async () => {
    await build();
    const before = changedAt('media/answer.js');
    folder.write({ 'signaling/cli/offhook.ts': 'export const run = (): string => "changed";\n' });
    expect(await build()).toEqual([false, true]);
    expect(changedAt('media/answer.js')).toBe(before);
    expect(readFileSync(dist('signaling/cli/offhook.js'), 'utf8')).toContain('"changed"');
  });

  it('removes what was made from a source that is gone', async () => {
    await build();
    rmSync(join(folder.path, 'media/answer.ts'));
    expect(await build()).toEqual([false, true]);
    expect(existsSync(dist('media/answer.js'))).toBe(false);
  });

  it('makes anew what somebody removed', async () => {
    await build();
    rmSync(dist('media/answer.js'));
    expect(await build()).toEqual([false, true]);
    expect(existsSync(dist('media/answer.js'))).toBe(true);
  });

  it('makes everything anew for other compiler options', async () => {
    await build();
    const before = changedAt('media/answer.js');
    folder.write({ 'tsconfig.json': readFileSync(join(ROOT, 'tsconfig.json'), 'utf8').replace('"ES2022"', '"ES2021"') });
    await build();
    expect(changedAt('media/answer.js')).toBeGreaterThan(before);
  });

  it('leaves import() to Node, which ES modules need', async () => {
    folder.write({ 'media/answer.ts': "export const later = () => import('node:os');\n" });
    await build();
    expect(readFileSync(dist('media/answer.js'), 'utf8')).toContain("import('node:os')");
  });

  it('says where a source cannot be read, and is not done', async () => {
    folder.write({ 'media/answer.ts': 'export const a = 1;\nexport const = 2;\n' });
    await expect(build()).rejects.toThrow(/Building failed\. .*\nmedia\/answer\.ts:2: /s);
    folder.write({ 'media/answer.ts': 'export const answer = 1;\n' });
    expect(await build()).toEqual([false, true]);
  });
});
