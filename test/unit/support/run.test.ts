/** What `npm test` chooses, installs and counts. */
import { join } from 'node:path';
import { inNode, ROOT } from '../setup/in-node';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

const support = (name: string) => join(ROOT, 'test', 'support', name);

describe('the selection', () => {
  const suites = ['test/call/call.test.ts', 'test/contract/store/store.test.ts', 'test/interop/nat.test.ts', 'test/unit/store/sqlite.test.ts'];
  const select = (...argv: string[]) =>
    inNode<{ types: boolean; parallel: string[]; serial: string[]; names: string | null }>(
      support('selection.mjs'),
      'select',
      `const chosen = select(${JSON.stringify(suites)}, ${JSON.stringify(argv)}); return { ...chosen, names: chosen.names?.source ?? null };`,
    );

  it('without words is everything, calls one suite at a time', async () => {
    expect(await select()).toEqual({
      types: true,
      parallel: ['test/contract/store/store.test.ts', 'test/unit/store/sqlite.test.ts'],
      serial: ['test/call/call.test.ts', 'test/interop/nat.test.ts'],
      names: null,
    });
  });

  it('takes parts of paths', async () => {
    expect(await select('store')).toMatchObject({ types: false, parallel: ['test/contract/store/store.test.ts', 'test/unit/store/sqlite.test.ts'], serial: [] });
    expect(await select('unit/store', 'nat')).toMatchObject({ parallel: ['test/unit/store/sqlite.test.ts'], serial: ['test/interop/nat.test.ts'] });
    expect(await select('types', 'sqlite')).toMatchObject({ types: true, parallel: ['test/unit/store/sqlite.test.ts'], serial: [] });
  });

  it('takes any other word as the name of tests', async () => {
    expect(await select('a damaged (database)')).toMatchObject({ types: false, names: 'a damaged \\(database\\)', serial: [suites[0], suites[2]] });
    expect(await select('sqlite', '-t', 'WAL')).toMatchObject({ parallel: ['test/unit/store/sqlite.test.ts'], serial: [], names: 'WAL' });
  });

  it('finds every suite there is', async () => {
    const found = await inNode<string[]>(support('selection.mjs'), 'allSuites', `return allSuites(${JSON.stringify(ROOT)})`);
    expect(found).toContain('test/unit/support/run.test.ts');
    expect(found.every((path) => /^test\/.*\.test\.ts$/.test(path))).toBe(true);
  });
});

describe('the count', () => {
  interface Suite {
    file: string;
    tests: Array<{ name: string; outcome: string }>;
    error?: string;
  }
  const lines = (suites: Suite[], names?: string) =>
    inNode<string[]>(
      support('tally.mjs'),
      'Tally',
      `const tally = new Tally(); tally.add(${JSON.stringify(suites)}, ${names ? `/${names}/i` : 'undefined'}); return tally.lines();`,
    );

  it('ends with the line that counts', async () => {
    expect(await lines([{ file: 'a', tests: [{ name: 'x', outcome: 'passed' }, { name: 'y', outcome: 'passed' }] }])).toEqual(['2 passed, 0 failed']);
  });

  it('names what failed, and what did not run at all', async () => {
    const suites = [{ file: 'a', tests: [{ name: 'x › y', outcome: 'failed' }] }, { file: 'b', tests: [], error: 'SyntaxError' }];
    expect(await lines(suites)).toEqual(['Failed:', '  a: x › y', '  b: did not run', '0 passed, 2 failed']);
  });

  it('names the reasons of skips, and counts them', async () => {
    const skipped = (name: string) => ({ name, outcome: 'skipped' });
    const suites = [
      {
        file: 'a',
        tests: [
          skipped('phones [skipped: linphonec is not installed (Debian package linphone-cli)] › ring'),
          skipped('phones [skipped: linphonec is not installed (Debian package linphone-cli)] › talk'),
          skipped('left out'),
          { name: 'z', outcome: 'passed' },
        ],
      },
    ];
    expect(await lines(suites)).toEqual([
      'Skipped:',
      '  2: linphonec is not installed (Debian package linphone-cli)',
      '  1: no reason given',
      '1 passed, 0 failed, 3 skipped',
    ]);
  });

  it('does not count as skipped what was not chosen by name', async () => {
    const suites = [{ file: 'a', tests: [{ name: 'phones › ring', outcome: 'passed' }, { name: 'phones › talk', outcome: 'skipped' }, { name: 'x [skipped: r] › phones ring', outcome: 'skipped' }] }];
    expect(await lines(suites, 'phones ring')).toEqual(['Skipped:', '  1: r', '1 passed, 0 failed, 1 skipped']);
  });
});

describe('Debian packages', () => {
  const peers = { a: { binary: 'a', package: 'pkg-a' }, b: { binary: 'b', package: 'pkg-b' }, c: { binary: 'c', package: 'pkg-b' } };
  const install = (there: string[], isRoot: boolean, answer = "({ status: 0, output: '' })") =>
    inNode<{ said: string[]; calls: string[] }>(
      support('debian.mjs'),
      'installPackages',
      `const said = []; const calls = [];
       await installPackages(${JSON.stringify(peers)}, { say: (line) => said.push(line), isThere: (name) => ${JSON.stringify(there)}.includes(name), isRoot: ${isRoot},
         run: async (args) => { calls.push(args.join(' ')); return ${answer}; } });
       return { said, calls };`,
    );

  it('are installed where they are missing and we may', async () => {
    expect(await install(['a', 'apt-get'], true)).toEqual({
      said: ['Installing pkg-b (apt) …'],
      calls: ['update', 'install -y --no-install-recommends pkg-b'],
    });
  });

  it.each([
    ['nothing is missing', ['a', 'b', 'c', 'apt-get'], true],
    ['this is not root', ['apt-get'], false],
    ['this is no Debian', [], true],
  ])('are left alone when %s', async (_, there, isRoot) => {
    expect(await install(there, isRoot)).toEqual({ said: [], calls: [] });
  });

  it('without a program are known by a file, in whichever folder it is', async () => {
    const missing = (file: string) => inNode<string[]>(support('debian.mjs'), 'missingPackages', `return missingPackages({ a: { file: ${JSON.stringify(file)}, package: 'pkg-a' } })`);
    expect(await missing(`${ROOT}/test/*/debian.mjs`)).toEqual([]);
    expect(await missing(`${ROOT}/test/support/debian.mjs`)).toEqual([]);
    expect(await missing(`${ROOT}/test/*/no-such-file`)).toEqual(['pkg-a']);
    expect(await missing('/no-such-folder/*/debian.mjs')).toEqual(['pkg-a']);
  });

  it('that cannot be had do not keep the others away, and the reason is told', async () => {
    const answer = "args.at(-1) === 'pkg-a' ? { status: 100, output: 'Reading…\\nE: Unable to locate package pkg-a' } : { status: 0, output: '' }";
    const { said, calls } = await install(['apt-get'], true, answer);
    expect(calls).toEqual(['update', 'install -y --no-install-recommends pkg-a', 'install -y --no-install-recommends pkg-b']);
    expect(said).toEqual(['Installing pkg-a, pkg-b (apt) …', 'not installed: pkg-a: E: Unable to locate package pkg-a']);
  });
});
