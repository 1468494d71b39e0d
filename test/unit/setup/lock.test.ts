import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, inNode, node, SETUP } from './in-node';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

const MODULE = join(SETUP, 'lock.mjs');

let folder: ReturnType<typeof folderOf>;
let lock: string;
beforeEach(() => {
  folder = folderOf({});
  lock = join(folder.path, 'lock');
});
afterEach(() => folder.remove());

const withLock = (work: string, before = '') =>
  inNode<string[]>(
    MODULE,
    'withLock',
    `const fs = await import('node:fs'); const said = []; const note = (text) => fs.appendFileSync(${JSON.stringify(join(folder.path, 'notes'))}, text + '\\n');
     ${before}
     await withLock(${JSON.stringify(lock)}, { say: (line) => said.push(line) }, async () => { ${work} }); return said;`,
  );
const notes = () => readFileSync(join(folder.path, 'notes'), 'utf8').trim().split('\n');

describe('one set-up at a time', () => {
  it('several take turns', async () => {
    await Promise.all(
      ['a', 'b', 'c'].map((name) => withLock(`note('${name} in'); await new Promise((resolve) => setTimeout(resolve, 30)); note('${name} out');`)),
    );
    const seen = notes();
    expect(seen).toHaveLength(6);
    for (let index = 0; index < 6; index += 2) expect([seen[index], seen[index + 1]]).toEqual([`${seen[index]![0]} in`, `${seen[index]![0]} out`]);
    expect(existsSync(lock)).toBe(false);
  });

  it('a lock whose holder died is taken, by one of those who wait', async () => {
    writeFileSync(lock, '1\n');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    await Promise.all(['a', 'b'].map((name) => withLock(`note('${name} in'); await new Promise((resolve) => setTimeout(resolve, 30)); note('${name} out');`)));
    expect(notes()).toHaveLength(4);
    expect(notes()[0]![0]).toBe(notes()[1]![0]);
  });

  it('who waits says so, once', async () => {
    writeFileSync(lock, '1\n');
    const waiting = withLock('', `setTimeout(() => fs.unlinkSync(${JSON.stringify(lock)}), 500);`);
    expect(await waiting).toEqual(['Waiting for another npm start or npm test in this folder to finish setting up …']);
  });

  it('is over when the work fails', async () => {
    await expect(withLock("throw new Error('no luck')")).rejects.toThrow('no luck');
    expect(existsSync(lock)).toBe(false);
  });

  it.each([['SIGINT', 130], ['SIGTERM', 143]] as const)('is over when %s ends the process', async (signal, status) => {
    const script = `import { withLock } from ${JSON.stringify(MODULE)};
      withLock(${JSON.stringify(lock)}, { say() {} }, () => { process.stdout.write('held'); return new Promise((resolve) => setTimeout(resolve, 60000)); });`;
    const ended = await node(['--input-type=module', '-e', script], { onOut: (_, kill) => kill(signal) });
    expect([ended.status, existsSync(lock)]).toEqual([status, false]);
  });
});
