/** What the API is shown of the engine and the calls: their own words, brought into the shapes that the API has. */
import type { CallsView } from './api/routes/calls';
import type { EngineStats, EngineView } from './api/routes/engine';
import type { HealthView } from './api/routes/health';
import type { SettingsView } from './api/routes/settings';
import type { Calls } from './app/calls';
import type { Hop } from './app/diversion';
import type { EmbeddedEngine, EngineStats as Counted } from './engine';
import type { LoopDelay } from './loop-delay';
import type { DoorOptions } from './settings/door';
import type { Store } from './store/store';

export interface EngineViewDeps {
  engine: Pick<EmbeddedEngine, 'stats' | 'ladder' | 'ladderCalls'>;
  loop: Pick<LoopDelay, 'lateness'>;
  memory: () => NodeJS.MemoryUsage;
  /** Seconds. */
  uptime: () => number;
}

export function engineView({ engine, loop, memory, uptime }: EngineViewDeps): EngineView {
  return {
    async stats() {
      const { rss: residentBytes, heapUsed: heapBytes, external: externalBytes } = memory();
      return { ...statsOf(await engine.stats()), uptimeSeconds: uptime(), process: { memory: { residentBytes, heapBytes, externalBytes }, eventLoop: loop.lateness() } };
    },
    ladder: (callIds, columns) => engine.ladder(callIds, columns),
    ladderCalls: (limit) => engine.ladderCalls(limit),
  };
}

function statsOf({ dialogs, transport, transactions, core, control, traffic, overload, capture }: Counted): Omit<EngineStats, 'uptimeSeconds' | 'process'> {
  const { connections, connectionsByProtocol, rememberedFlows, halfOpen } = transport;
  const { server, client, timers } = transactions;
  return {
    dialogs,
    connections: { total: connections, byTransport: connectionsByProtocol, halfOpen, rememberedFlows },
    applications: { connections: control.connections, authenticated: control.authenticated, behind: control.behind, waitingBytes: control.waitingBytes },
    transactions: { server, client, timers },
    ...traffic,
    timersFired: { ...traffic.timersFired },
    overload: overload ?? null,
    capture: capture ?? null,
    counters: { transport: numbersOf(transport), transactions: numbersOf(transactions), core: core.counters, control: control.counters },
  };
}

/** Only what counts: not what is held now, which is said beside it. */
function numbersOf(stats: object): Record<string, number> {
  const now = ['connections', 'rememberedFlows', 'halfOpen', 'server', 'client', 'timers'];
  return Object.fromEntries(Object.entries(stats).filter((entry): entry is [string, number] => typeof entry[1] === 'number' && !now.includes(entry[0])));
}

export interface HealthViewDeps {
  store: Pick<Store, 'meta'>;
  connected: () => boolean;
  stopping: () => boolean;
}

export function healthView({ store, connected, stopping }: HealthViewDeps): HealthView {
  return {
    async problem() {
      if (stopping()) return 'the server is stopping';
      if (!connected()) return 'its SIP engine cannot be reached';
      await store.meta.get('realm');
      return undefined;
    },
  };
}

export function callsView(calls: () => Calls): CallsView {
  return {
    up: () =>
      calls()
        .list()
        .map(({ id, from, to, service, forwarded, trunk, through, rung, parkedBy, pickedUpBy, state, startedAt, talking, held, muted, originatedBy, dialogs }) => ({ id, from, to, service: service ?? null, forwarded: hops(forwarded), trunk: trunk ?? null, through: through ?? null, rung: [...rung], parkedBy: parkedBy ?? null, pickedUpBy: pickedUpBy ?? null, since: startedAt, state, talkingMs: talking ?? null, held, muted: [...muted], originatedBy: originatedBy ?? null, dialogs: [...dialogs] })),
    ended: () =>
      calls()
        .recent()
        .map(({ id, from, to, service, forwarded, trunk, through, rung, parkedBy, pickedUpBy, startedAt, answeredAfter, lasted, ended: { by, cause, status, reason }, dialogs }) => ({
          id, from, to,
          service: service ?? null,
          forwarded: hops(forwarded),
          trunk: trunk ?? null, through: through ?? null,
          rung: [...rung],
          parkedBy: parkedBy ?? null, pickedUpBy: pickedUpBy ?? null,
          since: startedAt,
          answeredAfterMs: answeredAfter ?? null,
          durationMs: lasted,
          endedBy: by, cause, reason,
          status: status ?? null,
          dialogs: [...dialogs],
        })),
  };
}

const hops = (path: readonly Hop[]): Array<{ by: string; why: Hop['why'] }> => path.map(({ from, why }) => ({ by: from.number, why }));

/** Loaded when it is asked for: what checks settings has its price in memory. */
export function settingsView(store: Store, options: DoorOptions): SettingsView {
  const { SettingsDoor } = require('./settings/door') as typeof import('./settings/door');
  const { everything } = require('./settings/everything') as typeof import('./settings/everything');
  return new SettingsDoor(store, everything, options);
}
