/** Stages and processes: what a test sets up is gone afterwards, and a failure says what the processes printed. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from '../../support/child';
import { Stage, staged } from '../../support/stage';

const NODE = process.execPath;

test('props are closed in reverse order, the folder goes, and the first error is kept for last', async () => {
  const stage = new Stage();
  const order: string[] = [];
  stage.own({ close: () => void order.push('first') });
  stage.own({ close: () => Promise.reject(new Error('would not close')) });
  stage.own({ close: () => void order.push('last') });
  writeFileSync(join(stage.folder, 'something'), '');
  await expect(stage.close()).rejects.toThrow('would not close');
  expect(order).toEqual(['last', 'first']);
  expect(existsSync(stage.folder)).toBe(false);
});

test('a failing test says what its processes printed, and leaves none behind', async () => {
  let child: Child | undefined;
  const [body] = staged(async (stage) => {
    child = new Child('talker', NODE, ['-e', 'console.log("the cause");setInterval(()=>{},1000)']);
    const { close, tail } = { close: () => child?.stop(), tail: () => child?.tail() ?? '' };
    stage.own({ close, report: tail });
    await child.waitFor(/cause/, 5000);
    throw new Error('the effect');
  });
  await expect(body()).rejects.toThrow(/the effect[^]*the cause/);
  expect(child?.running).toBe(false);
});

test('a test that hangs is given up with the same message', async () => {
  const [body] = staged(
    async (stage) => {
      stage.own({ close: () => undefined, report: () => 'still waiting for Godot' });
      await new Promise(() => undefined);
    },
    { seconds: 0.05 },
  );
  await expect(body()).rejects.toThrow(/longer than 0.05 s[^]*Godot/);
});

describe('a child process', () => {
  test('is waited for by what it prints; an end before that is an error with its output', async () => {
    const child = new Child('c', NODE, ['-e', 'console.log("one");console.error("two 2");process.exitCode=3']);
    expect((await child.waitFor(/two (\d)/, 5000))[1]).toBe('2');
    await expect(child.waitFor(/three/, 5000)).rejects.toThrow(/did not print \/three\/ before it ended \(exit code 3\)[^]*one/);
    expect(await child.exited).toEqual({ code: 3, signal: null });
  });

  test('that ignores SIGTERM is killed', async () => {
    const child = new Child('c', NODE, ['-e', 'process.on("SIGTERM",()=>{});console.log("ready");setInterval(()=>{},1000)']);
    await child.waitFor(/ready/, 5000);
    expect(await child.stop('SIGTERM', 50)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('that does not exist is an end, not a crash', async () => {
    expect(await run('/nonexistent/program', [])).toMatchObject({ code: null, output: expect.stringContaining('cannot start /nonexistent/program') as string });
  });

  test('takes input', async () => {
    const child = new Child('c', NODE, ['-e', 'process.stdin.on("data",d=>{console.log("got",String(d));process.exit()})']);
    child.write('this');
    await child.waitFor(/got this/, 5000);
    expect((await child.exited).code).toBe(0);
  });
});
