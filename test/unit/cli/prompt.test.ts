import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promptFile } from '../../../media/speech';
import { offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const run = (...argv: string[]) => offhook(folder.path, ['prompt', ...argv]);
const kept = (name: string): string => join(folder.path, 'data', 'prompts', name);

it('is checked, copied, listed and removed', async () => {
  expect(await run('list')).toMatchObject({ code: 0, out: 'There are no sounds yet; “offhook prompt add FILE” adds one.\n' });
  expect(await run('add', promptFile('goodbye'), '--name', 'bye.wav')).toEqual({ code: 0, out: expect.stringMatching(/^Menus can play bye\.wav now \(\d\.?\d? s\)\.\n$/) as string, err: '' });
  expect(await run('add', promptFile('goodbye'), '--json')).toMatchObject({ code: 0, out: expect.stringContaining('"name":"goodbye.wav"') as string });
  // whoever copies files there by hand is told what is wrong with them
  writeFileSync(kept('text.wav'), 'not a sound');
  const { out } = await run('list');
  expect(out.split('\n').map((line) => line.split(/ {2,}/)[0])).toEqual(['NAME', 'bye.wav', 'goodbye.wav', 'text.wav', '']);
  expect(out).toMatch(/text\.wav +- +\S.*text\.wav/);
  expect(await run('remove', 'bye.wav')).toEqual({ code: 0, out: 'bye.wav was removed.\n', err: '' });
  expect([existsSync(kept('bye.wav')), existsSync(kept('goodbye.wav'))]).toEqual([false, true]);
});

it('is refused in one sentence', async () => {
  writeFileSync(join(folder.path, 'text.wav'), 'not a sound');
  mkdirSync(join(folder.path, 'folder.wav'));
  for (const [argv, err] of [
    [['add', 'text.wav'], /^offhook: \S*text\.wav .*\.\n$/],
    [['add', 'none.wav'], /^offhook: \S*none\.wav .*\.\n$/],
    [['add', 'folder.wav'], /^offhook: \S*folder\.wav is a folder.*\.\n$/],
    [['add', 'text.wav', '--name', '../x.wav'], /^offhook: “\.\.\/x\.wav” cannot be the name of a sound: /],
    [['remove', 'none.wav'], /^offhook: There is no sound none\.wav\./],
    [['remove', '../data.wav'], /^offhook: There is no sound /],
  ] as const) {
    const outcome = await run(...argv);
    expect([argv, outcome.code > 0, outcome.out, outcome.err]).toEqual([argv, true, '', expect.stringMatching(err)]);
  }
});
