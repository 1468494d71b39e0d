/**
 * Whatever the targets of a forked INVITE answer, in whatever order, and whenever the caller gives up: it gets exactly one final response
 * (and every further 2xx), all that ring in vain are cancelled, the application hears of the end once, and nothing is left.
 */
import fc from 'fast-check';
import { SipRequest } from '../../../../signaling/engine/wire/message';
import { ProxyBench, type Party, type Told } from './bench';

const statuses = [100, 180, 180, 183, 200, 200, 202, 302, 305, 401, 404, 407, 408, 486, 487, 500, 503, 600, 603];
const ports = [6001, 6002, 6003, 6004];

type Step =
  | { kind: 'answer'; who: number; status: number; tag: number }
  | { kind: 'cancel' }
  | { kind: 'fail'; who: number }
  | { kind: 'lost' }
  | { kind: 'time'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('answer' as const), who: fc.nat(ports.length), status: fc.nat(statuses.length - 1), tag: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), who: fc.nat(ports.length) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lost' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(100, 600, 3000, 33_000, 100_000, 186_000) }) },
);

const shape = fc.record({
  method: fc.constantFrom('INVITE', 'INVITE', 'INVITE', 'MESSAGE'),
  targets: fc.integer({ min: 1, max: ports.length }),
  simultaneous: fc.boolean(),
  followRedirects: fc.boolean(),
  remain: fc.boolean(),
  provisionalTimeoutMs: fc.constantFrom(undefined, 500),
  finalTimeoutMs: fc.constantFrom(undefined, 2000),
});

class Run {
  readonly sip = new ProxyBench();
  readonly request: SipRequest;
  readonly told: Told;
  readonly rang = new Set<Party>();
  readonly ended = new Map<Party, number>();
  private readonly called = new Map<Party, number>();
  private cancelled = false;

  constructor(private readonly asked: typeof shape extends fc.Arbitrary<infer T> ? T : never) {
    const { method, targets, ...more } = asked;
    this.request = this.sip.request(method);
    for (const party of this.parties) party.onRequest = (request) => void (request.method === method && !this.called.has(party) && this.called.set(party, this.sip.clock.now()));
    this.told = this.sip.proxied(this.request, ports.slice(0, targets), more);
  }

  get parties(): Party[] {
    // One more than was asked for: where the redirects lead.
    return [...ports, 6011].map((port) => this.sip.party(port));
  }

  do(one: Step): void {
    const { sip } = this;
    switch (one.kind) {
      case 'answer':
        this.answer(this.parties[one.who]!, statuses[one.status]!, one.tag);
        break;
      case 'cancel':
        if (this.asked.method !== 'INVITE' || this.cancelled) break;
        this.cancelled = true;
        sip.cancel(this.request);
        break;
      case 'fail':
        this.parties[one.who]!.open = false;
        break;
      case 'lost':
        sip.core.appLost(sip.app);
        break;
      case 'time':
        sip.clock.advance(one.ms);
        break;
    }
    if (this.finals.some((status) => status >= 300)) sip.ack(this.request);
  }

  private answer(party: Party, status: number, tag: number): void {
    const to = party.requests.find(({ method }) => method === this.asked.method);
    const before = this.ended.get(party);
    if (!to || (before !== undefined && (before >= 300 || status < 200 || status >= 300 || this.asked.method !== 'INVITE'))) return;
    // After timer B nobody waits for a target any more, and what it says is lost.
    if (status < 200 && (this.rang.has(party) || this.sip.clock.now() - this.called.get(party)! < 32_000)) this.rang.add(party);
    if (status >= 200) this.ended.set(party, status);
    party.answer(status, { to, tag: `t${tag}-${party.remote.port}`, lines: status >= 300 && status < 400 ? [['Contact', '<sip:x@198.51.100.9:6011>']] : [] });
  }

  /** What the caller was answered; until it has acknowledged it, a response other than 2xx is repeated, which is no further one. */
  get finals(): number[] {
    const all = this.sip.caller.responses.filter(({ status, cseq }) => status >= 200 && cseq.method === this.asked.method);
    const repeats = new Set<string>();
    return all.filter(({ status, toTag }) => status < 300 || (!repeats.has(`${status} ${toTag}`) && repeats.add(`${status} ${toTag}`))).map(({ status }) => status);
  }

  /** Those that ring while the caller has its answer. */
  get forgotten(): string[] {
    if (this.asked.method !== 'INVITE' || this.finals.length === 0) return [];
    return [...this.rang].filter((party) => party.open && !this.ended.has(party) && !party.whats.includes('CANCEL')).map(({ id }) => id);
  }
}

test('any order of events', async () => {
  let concluded = 0;
  await fc.assert(
    fc.asyncProperty(shape, fc.array(step, { maxLength: 25 }), async (asked, steps) => {
      const run = new Run(asked);
      for (const one of steps) {
        run.do(one);
        for (let i = 0; i < 4; i++) await Promise.resolve();
        expect(run.forgotten).toEqual([]);
      }
      if (run.finals.length > 0) concluded++;
      // Serial targets that are never heard of take 32 s each, those that ring three minutes.
      for (let i = 0; i < 12; i++) {
        run.do({ kind: 'time', ms: 100_000 });
        for (let k = 0; k < 4; k++) await Promise.resolve();
      }

      const { finals, told } = run;
      // RFC 4320: a request other than INVITE that timed out gets no 408.
      if (asked.method === 'INVITE') expect(finals.length).toBeGreaterThan(0);
      expect(finals.slice(1).filter((status) => status >= 300)).toEqual([]);
      expect(finals[0]).not.toBe(503);
      if (asked.method !== 'INVITE') expect(finals.length).toBeLessThan(2);
      expect([told.story[0], told.story.at(-1)]).toEqual(['started', 'done']);
      expect(told.story.filter((word) => word === 'done' || word === 'started')).toHaveLength(2);
      run.sip.expectNothingLeft();
    }),
    { numRuns: 600 },
  );
  // The orders that are tried do lead somewhere.
  expect(concluded).toBeGreaterThan(200);
});
