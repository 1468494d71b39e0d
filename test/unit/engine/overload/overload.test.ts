/** When new requests are turned away, how many, and which are not. */
import { defaultOverload, overloadProblem } from '../../../../signaling/engine/overload/options';
import { Overload } from '../../../../signaling/engine/overload/overload';
import { SipRequest } from '../../../../signaling/engine/wire/message';
import { FakeClock } from '../../../support/fake-clock';

class Rig {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  busy = 0;
  late = true;
  behind = new Set<string>();
  readonly overload: Overload;
  private serial = 0;

  constructor() {
    const say = (level: string) => (fields: object, message: string) => void this.said.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
    this.overload = new Overload(defaultOverload, { clock: this.clock, log, busy: () => this.busy, waited: () => (this.late ? 500 : 20), areBehind: (method) => this.behind.has(method) });
  }

  ask(request = invite(), key = `k${++this.serial}`): number | undefined {
    return this.overload.refuses(request, key);
  }

  /** Ten new requests each tenth of a second; how many of them were refused. */
  run(ms: number): number {
    let refused = 0;
    for (let passed = 0; passed < ms; passed += 100) {
      for (let i = 0; i < 10; i++) if (this.ask() !== undefined) refused++;
      this.clock.advance(100);
    }
    return refused;
  }
}

function invite(uri = 'sip:bob@example.com', method = 'INVITE', toTag = ''): SipRequest {
  const request = new SipRequest(method, uri);
  request.headers.append('To', `<${uri}>${toTag}`);
  return request;
}

test('a thread at work for less than two seconds on end refuses nobody', () => {
  const rig = new Rig();
  rig.busy = 1;
  expect(rig.run(1_900)).toBe(0);
  rig.busy = 0.9;
  expect(rig.run(100)).toBe(0);
  rig.busy = 1;
  expect(rig.run(1_900)).toBe(0);
  expect(rig.said).toEqual([]);
});

test('longer: half of them, then more and more, up to nearly all; and less and less once there is room', () => {
  const rig = new Rig();
  rig.busy = 0.99;
  expect(rig.run(2_000)).toBe(0);
  expect(rig.overload.stats()).toMatchObject({ share: 0.5, busy: 0.99, began: 1 });
  expect(rig.run(500)).toBe(25);
  expect(rig.run(500)).toBe(30);
  rig.run(10_000);
  expect(rig.overload.stats().share).toBe(0.98);
  expect(rig.run(1_000)).toBe(98);

  rig.busy = 0.5;
  expect(rig.run(1_000)).toBeGreaterThan(90);
  rig.run(7_000);
  expect(rig.overload.stats().share).toBe(0);
  expect(rig.run(1_000)).toBe(0);
  expect(rig.said).toEqual([
    'warn: overloaded: a part of the new requests is answered 503 {"busyPercent":99,"applicationsBehind":false}',
    expect.stringMatching(/^info: not overloaded any more \{"seconds":\d+,"refused":\d+\}$/),
  ]);
});

test('at work all the time, but nobody waits: nobody is refused', () => {
  const rig = new Rig();
  rig.busy = 1;
  rig.late = false;
  expect(rig.run(5_000)).toBe(0);
});

test('a loop that was stuck for seconds once refuses nobody; one that always is does', () => {
  const rig = new Rig();
  rig.late = false;
  rig.ask();
  rig.busy = 1;
  const { after } = rig.clock;
  rig.clock.after = (ms, fn) => after.call(rig.clock, ms === 100 ? 3_000 : ms, fn);
  rig.clock.advance(100);
  const shares = Array.from({ length: 5 }, () => {
    for (let i = 0; i < 100; i++) rig.ask();
    rig.clock.advance(3_000);
    return rig.overload.stats().share > 0;
  });
  expect(shares).toEqual([false, false, false, false, true]);
});

describe('applications that fall behind', () => {
  test('half of their requests are refused at once, soon nearly all; those of other methods are not', () => {
    const rig = new Rig();
    rig.behind.add('INVITE');
    expect([rig.ask(), rig.ask(), rig.ask(), rig.ask()].map((wait) => wait !== undefined)).toEqual([false, true, false, true]);
    rig.run(500);
    expect(rig.overload.stats()).toMatchObject({ share: 0, applicationShare: 0.98 });
    for (let i = 0; i < 50; i++) expect(rig.ask(invite('sip:a@b', 'REGISTER'))).toBeUndefined();
    rig.behind.clear();
    expect(rig.run(100)).toBe(0);
    rig.run(1_500);
    expect(rig.overload.stats()).toMatchObject({ applicationShare: 0, began: 1 });
  });
});

describe('while nearly all are refused', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    rig.busy = 1;
    rig.run(12_000);
  });

  test('requests in dialogs are served', () => {
    for (let i = 0; i < 200; i++) expect(rig.ask(invite('sip:b@c', 'BYE', ';tag=1'))).toBeUndefined();
  });

  test('calls for help are served, and counted; who only says that it is urgent is not', () => {
    for (let i = 0; i < 100; i++) expect(rig.ask(invite('urn:service:sos.fire'))).toBeUndefined();
    expect(rig.overload.stats().emergencies).toBeGreaterThan(90);
    const urgent = invite('sip:urn:service:sos@example.com');
    urgent.headers.append('Priority', 'emergency');
    expect(Array.from({ length: 100 }, () => rig.ask(urgent)).filter((wait) => wait !== undefined).length).toBeGreaterThan(90);
  });

  test('what was refused is refused again for seconds, even if there is room by then; and is a new request later', () => {
    const key = Array.from({ length: 10 }, (_, i) => `r${i}`).find((one) => rig.ask(invite(), one) !== undefined)!;
    rig.busy = 0;
    rig.run(7_000);
    expect(rig.overload.stats().share).toBe(0);
    expect(rig.ask(invite(), key)).toBeDefined();
    expect(rig.overload.stats().refusedAgain).toBe(1);
    rig.run(16_000);
    expect(rig.ask(invite(), key)).toBeUndefined();
  });

  test('they are asked to come back at different times', () => {
    const waits = Array.from({ length: 200 }, () => rig.ask()).filter((wait) => wait !== undefined);
    expect(new Set(waits)).toEqual(new Set([3, 4, 5, 6, 7, 8, 9]));
  });

  test('when nothing comes any more, nothing looks any more', () => {
    rig.busy = 0;
    rig.clock.advance(30_000);
    expect(rig.clock.waiting).toBe(0);
    expect(rig.overload.stats()).toMatchObject({ share: 0, busy: 0 });
  });

  test('closed: nothing looks any more', () => {
    rig.overload.close();
    rig.clock.advance(100);
    expect(rig.clock.waiting).toBe(0);
  });
});

test.each<[object, string | undefined]>([
  [{}, undefined],
  [{ busyPercent: 80, busyMs: 500, retryAfterSeconds: 10 }, undefined],
  [{ busyPercent: 30 }, 'overload.busyPercent must be a number from 50 to 100, not 30.'],
  [{ busyMs: Number.NaN }, 'overload.busyMs must be a number from 1 to 3600000, not NaN.'],
  [{ busy: 1 }, 'overload.busy is not a setting of the engine.'],
])('settings %j: %s', (options, problem) => {
  expect(overloadProblem(options)).toBe(problem);
});
