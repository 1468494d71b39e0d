/**
 * What a full dial plan costs a call: 10,000 extensions with settings of their own, 1,000 groups, 1,000 routes over ten trunks, against a system with
 * the same callers and callees and nothing else. The middle of several runs counts.
 */
import { ha1 } from '../../signaling/credentials';
import type { Store } from '../../signaling/store/store';
import { anyKinds } from '../../signaling/settings/catalogue';
import { callees, callers, PAIRS, registerCallees, round } from './calls';
import type { BenchResult } from './support/report';
import { offhook, REALM, type System } from './support/system';

const EXTENSIONS = 10_000;
const GROUPS = 1000;
const ROUTES = 1000;
const TRUNKS = 10;
const RATE = 100;
const SECONDS = 8;
const ROUNDS = 5;

const group = (i: number): string => String(600_000 + i);
const forwarded = (i: number): string => String(700_000 + i);

async function fill(store: Store): Promise<void> {
  const put = async (items: Store['items'], kind: string, value: Record<string, unknown>): Promise<void> => {
    const of = anyKinds.find(({ name }) => name === kind);
    if (!of) throw new Error(`there is no kind ${kind}`);
    const whole = of.schema.parse(value) as Record<string, unknown>;
    await items.put({ kind, key: String(whole[of.key]), value: whole, updatedAt: Date.now() }, of.key === 'number');
  };
  const digests = ha1('1', REALM, 'bench');
  await store.transaction(async ({ extensions, items }) => {
    for (let i = 0; i < EXTENSIONS; i++) {
      const to = callees[i % PAIRS] as string;
      await extensions.add({
        number: forwarded(i), name: `Extension ${i}`, ha1: digests, media: 'anchored', srtp: 'off', recording: 'on-demand', createdAt: Date.now(),
        diversion: { always: to, busy: to, noAnswer: null, offline: null, ringSeconds: null, doNotDisturb: false },
        settings: { callWaiting: true, maxCalls: 5, permissions: ['local', 'national'], callerId: { number: `+4930${i}` }, limits: { callsPerMinute: 10 } },
      });
    }
    for (let i = 0; i < TRUNKS; i++) await put(items, 'trunk', { name: `trunk ${i}`, hosts: [`127.0.1.${i + 1}`], healthSeconds: 0, callerId: '+49301' });
    for (let i = 0; i < ROUTES; i++) await put(items, 'route', { name: `route ${i}`, patterns: [`+${100 + (i % 900)}${i}X.`, `00${100 + (i % 900)}${i}X.`], trunks: [`trunk ${i % TRUNKS}`], costPerMinute: i % 7 });
    for (let i = 0; i < GROUPS; i++) await put(items, 'group', { number: group(i), members: [callees[i % PAIRS]], strategy: 'in-turn', seconds: 60 });
  });
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export async function benchDialPlan(log: (line: string) => void): Promise<BenchResult> {
  const numbers = (of: (i: number) => string) => Array.from({ length: PAIRS }, (_, i) => of(i));
  const ways: Array<{ what: string; full: boolean; dialled: string[] }> = [
    { what: 'nothing else in the plan', full: false, dialled: callees },
    { what: 'a full plan, an extension', full: true, dialled: callees },
    { what: 'a full plan, by forwarding', full: true, dialled: numbers(forwarded) },
    { what: 'a full plan, a group', full: true, dialled: numbers(group) },
  ];
  const costs = new Map<string, number[]>(ways.map(({ what }) => [what, []]));
  let failures = 0;
  for (const full of [false, true]) {
    const system: System = await offhook.start([...callers, ...callees], full ? { fill, readySeconds: 60 } : {});
    try {
      await registerCallees(system);
      await round(system, RATE, 15);
      for (let i = 0; i < ROUNDS; i++) {
        for (const way of ways.filter((one) => one.full === full)) {
          const { outcome, cpu } = await round(system, RATE, SECONDS, way.dialled);
          failures += outcome.failed + (RATE * SECONDS - outcome.successful - outcome.failed);
          costs.get(way.what)?.push(cpu);
          log(`${way.what}: ${cpu.toFixed(0)} µs, ${outcome.failed} failed`);
        }
      }
    } finally {
      await system.stop();
    }
  }
  const bare = median(costs.get(ways[0]?.what ?? '') ?? []);
  return {
    name: 'dial-plan',
    what: `a call at ${RATE}/s, with ${EXTENSIONS} extensions, ${GROUPS} groups and ${ROUTES} routes, and without`,
    rows: ways.map(({ what }) => {
      const cost = median(costs.get(what) ?? []);
      return { system: what, figures: { 'CPU µs a call': cost.toFixed(0), 'over the empty plan': `${(((cost - bare) / bare) * 100).toFixed(1)} %` } };
    }),
    notes: [`the median of ${ROUNDS} times ${SECONDS} s, ${failures} calls failed`],
  };
}
