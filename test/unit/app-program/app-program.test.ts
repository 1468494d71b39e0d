/** A program from its start to its end: what it is refused for, its watchdog, starting again, another version in its place. */
import type { AppProgram, Operation, Outcome } from '../../../signaling/app-program/app-program';
import type { App, AppCall } from '../../../signaling/app-program/index';
import { Bench, settle } from './fake-thread';

const handler = async (): Promise<void> => undefined;
const forEver = (): Promise<void> => new Promise(() => undefined);

/** A call that a test ends. */
function aCall(operate: (operation: Operation) => Promise<unknown> = async () => undefined) {
  let end: (why: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = resolve));
  const asked: Operation[] = [];
  const info = { id: 'c1', caller: { number: '1001', name: null }, dialled: '610', tenant: '', transferredBy: undefined, answered: false };
  return { info, ended, end, asked, operate: (operation: Operation) => (asked.push(operation), operate(operation)) };
}

async function outcomeOf(running: Promise<Outcome>): Promise<Outcome | 'pending'> {
  await settle();
  return Promise.race([running, Promise.resolve('pending' as const)]);
}

const open: AppProgram[] = [];
async function started(bench: Bench): Promise<AppProgram> {
  const program = await bench.start();
  open.push(program);
  return program;
}
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

describe('at the start', () => {
  test.each<[string, Bench['app'], string]>([
    ['that cannot be read as TypeScript', 'my-app.ts:3: “;” expected.', 'my-app.ts:3: “;” expected.'],
    ['that throws', new Error('no such thing'), 'my-app.ts:1: no such thing'],
  ])('a file %s is refused, and nothing runs', async (_name, app, sentence) => {
    const bench = new Bench(app);
    await expect(bench.start()).rejects.toMatchObject({ name: 'ProgramError', message: sentence });
    expect(bench.threads.every(({ ended }) => ended)).toBe(true);
    expect(bench.clock.waiting).toBe(0);
  });

  test('one that never comes to its end while it is loaded is refused', async () => {
    const bench = new Bench('silent');
    const start = bench.start().catch((err: Error) => err.message);
    await bench.after(20_000);
    expect(await start).toMatch(/^it was not loaded after 20 s/);
    expect([bench.last.ended, bench.clock.waiting]).toEqual([true, 0]);
  });

  test('it says what it is', async () => {
    const program = await started(new Bench({ routes: { '610': handler, '62X': handler }, onCall: () => undefined, fallback: '1001', tenants: ['', 'acme.example'] }));
    expect(program.settings).toEqual({ routes: ['610', '62X'], hooks: ['onCall'], fallback: '1001', idleSeconds: 30, tenants: ['', 'acme.example'] });
    expect([program.serves(''), program.serves('acme.example'), program.serves('other.example')]).toEqual([true, true, false]);
  });
});

describe('a handler', () => {
  const runs = async (app: App, call = aCall()) => {
    const bench = new Bench(app);
    const program = await started(bench);
    const running = program.run('610', call);
    await settle();
    return { bench, program, call, running };
  };

  test('gets what it asks for, and its end is the end', async () => {
    const seen: unknown[] = [];
    const { call, running } = await runs(
      { routes: { '610': async (one) => {
        seen.push(one.caller.number, one.dialled, one.answered);
        await one.answer();
        seen.push(one.answered, await one.gather({ digits: 4, prompt: 'enter-pin' }));
      } } },
      aCall(async ({ op }) => (op === 'gather' ? { digits: '4711', why: 'max', terminator: undefined } : undefined)),
    );
    expect(await running).toEqual({ kind: 'done' });
    expect(seen).toEqual(['1001', '610', false, true, { digits: '4711', why: 'max', terminator: undefined }]);
    expect(call.asked).toEqual([
      { op: 'answer' },
      { op: 'gather', options: { digits: 4, atLeast: 1, terminators: '#', firstSeconds: 8, betweenSeconds: 3, prompt: ['enter-pin'], bargeIn: true, tries: 1 } },
    ]);
  });

  test('that throws has failed, with what it threw; the next call is handled', async () => {
    let times = 0;
    const { program, running, bench } = await runs({ routes: { '610': async () => { if (times++ === 0) throw new TypeError('boom'); } } });
    expect(await running).toEqual({ kind: 'failed', problem: 'TypeError: boom', at: undefined });
    expect(bench.log.of('a handler of the program failed; its call goes on without it')).toMatchObject([{ call: 'c1', route: '610', problem: 'TypeError: boom' }]);
    expect(await program.run('610', aCall())).toEqual({ kind: 'done' });
    expect(program.counters).toMatchObject({ handled: 2, failed: 1, restarts: 0 });
  });

  test('is told in the place where it asked what it may not ask; nothing of that is done', async () => {
    let said: unknown;
    const { call, running } = await runs({ routes: { '610': async (one) => {
      await one.gather({ digits: 99 }).catch((err: Error) => (said = err.message));
    } } });
    expect(await running).toEqual({ kind: 'done' });
    expect(said).toMatch(/^gather: options\.digits: .*32/);
    expect(call.asked).toEqual([]);
  });

  test('whose caller hangs up: what is awaited throws CallOver, what was recorded is there, `finally` runs', async () => {
    const seen: unknown[] = [];
    let recorded: (value: object) => void = () => undefined;
    const { call, running } = await runs(
      { routes: { '610': async (one) => {
        try {
          seen.push(await one.record());
          await one.play('goodbye');
        } finally {
          seen.push('finally', one.signal.aborted);
        }
      } } },
      aCall((operation) => (operation.op === 'record' ? new Promise((resolve) => (recorded = resolve)) : Promise.resolve())),
    );
    call.end('hung up');
    expect(await running).toEqual({ kind: 'over' });
    expect(seen).toEqual([]);
    recorded({ file: '/a.wav', seconds: 2, why: 'released', terminator: undefined });
    await settle();
    expect(seen).toEqual([{ file: '/a.wav', seconds: 2, why: 'released', terminator: undefined }, 'finally', true]);
    expect(call.asked.map(({ op }) => op)).toEqual(['record']);
  });

  test('that asks without end and awaits nothing is told so', async () => {
    let said: unknown;
    const { call, running } = await runs({ routes: { '610': async (one) => {
      await Promise.all(Array.from({ length: 150 }, () => one.play('goodbye').catch((err: Error) => (said = err.message))));
    } } });
    expect(await running).toEqual({ kind: 'done' });
    expect([said, call.asked.length]).toEqual(['more than 100 things at once are asked for: await what a call is to do', 100]);
  });

  test('that lets CallOver pass has not failed', async () => {
    const { call, running, program } = await runs({ routes: { '610': async (one) => one.pause(3600) } }, aCall(() => forEver()));
    call.end('hung up');
    expect(await running).toEqual({ kind: 'over' });
    await settle();
    expect(program.counters.failed).toBe(0);
  });

  test('that does nothing with its caller for idleSeconds has failed; while something goes on it has not', async () => {
    let end: (value: object) => void = () => undefined;
    const seen: unknown[] = [];
    const { bench, running, call } = await runs(
      { idleSeconds: 5, routes: { '610': async (one) => {
        await one.play('long');
        await forEver().catch(() => undefined);
      } } },
      aCall(() => new Promise((resolve) => (end = resolve))),
    );
    await bench.after(60_000);
    expect(await outcomeOf(running)).toBe('pending');
    end({ why: 'finished', seconds: 60 });
    await bench.after(4000);
    expect(await outcomeOf(running)).toBe('pending');
    await bench.after(1000);
    expect(await running).toEqual({ kind: 'failed', problem: 'nothing was done with the call for 5 s', at: undefined });
    expect([seen, call.asked.length]).toEqual([[], 1]);
  });

  test('in a thread that ends has failed, whatever it was waiting for', async () => {
    const { bench, running } = await runs({ routes: { '610': forEver } });
    bench.last.dies(Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }));
    expect(await running).toEqual({ kind: 'failed', problem: 'it took more memory than app.memoryMegabytes', at: undefined });
  });
});

describe('one that ends by itself', () => {
  test('a loop without end is noticed after five pings, and the program started again', async () => {
    const bench = new Bench({ routes: { '610': forEver } });
    const program = await started(bench);
    const running = program.run('610', aCall());
    await bench.after(10_000);
    expect(bench.threads).toHaveLength(1);
    bench.last.stuck = true;
    await bench.after(4000);
    expect(await outcomeOf(running)).toBe('pending');
    await bench.after(2000);
    expect(await running).toMatchObject({ kind: 'failed', problem: 'it did not answer for 5 s: a loop without end' });
    expect(await program.run('610', aCall())).toMatchObject({ kind: 'failed', problem: 'the program is being started again' });
    await bench.after(1000);
    expect(bench.threads).toHaveLength(2);
    expect(program.counters.restarts).toBe(1);
    const again = program.run('610', aCall());
    expect(await outcomeOf(again)).toBe('pending');
  });

  test('again and again: after 1, 2, 4 … 60 s, and after a good minute at once again', async () => {
    const bench = new Bench({ routes: {} });
    await started(bench);
    for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
      bench.last.dies();
      const before = bench.threads.length;
      await bench.after(pause * 1000 - 1);
      expect(bench.threads).toHaveLength(before);
      await bench.after(1);
      expect(bench.threads).toHaveLength(before + 1);
    }
    await bench.after(61_000);
    bench.last.dies();
    await bench.after(1000);
    expect(bench.log.of('the program has ended by itself, and is started again').at(-1)).toMatchObject({ seconds: 1 });
  });

  test('one that cannot be started again is tried again', async () => {
    const bench = new Bench({ routes: {} });
    const program = await started(bench);
    bench.app = new Error('the database is away');
    bench.last.dies();
    await bench.after(1000);
    expect(bench.log.of('the program could not be started again')).toMatchObject([{ seconds: 2 }]);
    bench.app = { routes: { '611': handler } };
    await bench.after(2000);
    expect(program.settings.routes).toEqual(['611']);
  });
});

describe('a changed file', () => {
  test('is in force for the next call; the one that is up stays with the version that has it, which ends with it', async () => {
    const bench = new Bench({ routes: { '610': async (call: AppCall) => void (await call.play('first')) } });
    const program = await started(bench);
    let release: (value: object) => void = () => undefined;
    const first = aCall(() => new Promise((resolve) => (release = resolve)));
    const running = program.run('610', first);
    await settle();
    const version = program.version;
    bench.save({ routes: { '610': async (call: AppCall) => void (await call.play('second')) } });
    await bench.after(1500);
    expect([program.version, bench.threads.length, program.counters.reloads]).toEqual([version + 1, 2, 1]);
    const second = aCall();
    expect(await program.run('610', second)).toEqual({ kind: 'done' });
    expect(second.asked).toMatchObject([{ what: ['second'] }]);
    expect(bench.threads.map(({ ended }) => ended)).toEqual([false, false]);
    release({ why: 'finished', seconds: 1 });
    expect(await running).toEqual({ kind: 'done' });
    expect(bench.threads.map(({ ended }) => ended)).toEqual([true, false]);
    expect(program.counters).toMatchObject({ failed: 0, restarts: 0 });
  });

  test.each<[string, Bench['app']]>([['cannot be read', 'my-app.ts:3: “}” expected.'], ['throws', new Error('gone wrong')]])('that %s changes nothing, is told once, and can be mended', async (_name, broken) => {
    const bench = new Bench({ routes: { '610': handler } });
    const program = await started(bench);
    bench.save(broken);
    await bench.after(5000);
    expect(bench.log.of('the program has changed and cannot be used; the one before stays in force')).toHaveLength(1);
    expect([program.settings.routes, program.counters.refusedReloads]).toEqual([['610'], 1]);
    expect(await program.run('610', aCall())).toEqual({ kind: 'done' });
    bench.save({ routes: { '612': handler } });
    await bench.after(1500);
    expect(program.settings.routes).toEqual(['612']);
  });

  test('that is loaded faster than the former version is started again is what is in force', async () => {
    const bench = new Bench({ routes: { '610': handler } });
    const program = await started(bench);
    bench.last.dies();
    bench.app = 'silent';
    await bench.after(1000);
    const slow = bench.last;
    bench.app = { routes: { '611': handler } };
    await program.reload();
    slow.says({ kind: 'loaded', routes: ['610'], hooks: [], fallback: undefined, idleSeconds: 30, tenants: [''] });
    await settle();
    expect([program.settings.routes, slow.ended, bench.last.ended]).toEqual([['611'], true, false]);
  });

  test('is not read while it is still being written', async () => {
    const bench = new Bench({ routes: { '610': handler } });
    const program = await started(bench);
    for (let i = 0; i < 10; i++) {
      bench.save({ routes: { '611': handler } });
      await bench.after(500);
    }
    expect(program.counters.reloads).toBe(0);
    await bench.after(1000);
    expect(program.counters.reloads).toBe(1);
  });

  test('that is asked for twice at once is read twice, one after the other', async () => {
    const bench = new Bench({ routes: { '610': handler } });
    const program = await started(bench);
    expect(await Promise.all([program.reload(), program.reload()])).toEqual([undefined, undefined]);
    expect(program.counters.reloads).toBeGreaterThanOrEqual(1);
    expect(bench.threads.filter(({ ended }) => !ended)).toHaveLength(1);
  });
});

describe('the hook', () => {
  const call = { caller: { number: '1001', name: null }, dialled: '1002', tenant: '', trunk: undefined };

  test.each<[string, App['onCall'], unknown]>([
    ['allows', () => undefined, undefined],
    ['denies', () => ({ do: 'deny', status: 603, reason: 'no' }), { do: 'deny', status: 603, reason: 'no' }],
    ['sends elsewhere', async () => ({ do: 'redirect', to: '1003' }), { do: 'redirect', to: '1003' }],
    ['says a name', async () => ({ do: 'allow', name: 'Anna' }), { do: 'allow', name: 'Anna' }],
  ])('%s', async (_name, onCall, verdict) => {
    expect(await (await started(new Bench({ onCall }))).judge(call)).toEqual(verdict);
  });

  test.each<[string, App['onCall']]>([
    ['throws', () => { throw new Error('boom'); }],
    ['says what cannot be', () => ({ do: 'deny', status: 200, reason: undefined })],
    ['says something else', () => 'yes' as never],
  ])('that %s is as if there were none, and is logged', async (_name, onCall) => {
    const bench = new Bench({ onCall });
    const program = await started(bench);
    expect(await program.judge(call)).toBeUndefined();
    expect(bench.log.of('the hook onCall failed; the call goes on without it')).toHaveLength(1);
    expect(program.counters).toMatchObject({ judged: 1, unjudged: 1 });
  });

  test('that says nothing within two seconds is as if there were none; what it says later is nothing', async () => {
    let say: (verdict: never) => void = () => undefined;
    const bench = new Bench({ onCall: () => new Promise((resolve) => (say = resolve)) });
    const program = await started(bench);
    const verdict = program.judge(call);
    await bench.after(2000);
    expect(await verdict).toBeUndefined();
    say({ do: 'deny', status: 603 } as never);
    await settle();
    expect(program.counters).toMatchObject({ judged: 1, unjudged: 1 });
  });

  test('is not asked about calls of tenants whose program it is not', async () => {
    const program = await started(new Bench({ onCall: () => ({ do: 'deny', status: 603, reason: undefined }), tenants: ['acme.example'] }));
    expect([await program.judge(call), program.counters.judged]).toEqual([undefined, 0]);
    expect(await program.judge({ ...call, tenant: 'acme.example' })).toMatchObject({ do: 'deny' });
  });

  test('of a program that ends says nothing', async () => {
    const bench = new Bench({ onCall: () => forEver() });
    const program = await started(bench);
    const verdict = program.judge(call);
    await settle();
    bench.last.dies();
    expect(await verdict).toBeUndefined();
    expect(await program.judge(call)).toBeUndefined();
  });
});

test('what is thrown outside handlers is logged, and ends nothing', async () => {
  const bench = new Bench({ routes: { '610': handler } });
  const program = await started(bench);
  bench.last.says({ kind: 'stray', problem: 'TypeError: boom', at: 'my-app.ts:7' });
  expect(bench.log.of('something was thrown in the program, outside any handler')).toEqual([{ problem: 'TypeError: boom', at: 'my-app.ts:7' }]);
  expect(await program.run('610', aCall())).toEqual({ kind: 'done' });
});

test('closed, nothing runs and no timer waits', async () => {
  const bench = new Bench({ routes: { '610': forEver } });
  const program = await bench.start();
  void program.run('610', aCall());
  await settle();
  await program.close();
  await settle();
  expect([bench.threads.map(({ ended }) => ended), bench.clock.waiting]).toEqual([[true], 0]);
});
