/** What a running server would show, made up. */
import type { CallsView } from '../../../signaling/api/routes/calls';
import type { EngineStats, EngineView } from '../../../signaling/api/routes/engine';
import type { SettingsView } from '../../../signaling/api/routes/settings';
import type { Metrics } from '../../../signaling/api/routes/metrics';
import { OffhookError } from '../../../signaling/errors';
import type { Views } from '../../../signaling/api/routes';

export const T0 = Date.UTC(2026, 0, 1, 10);

export const stats = (more: Partial<EngineStats> = {}): EngineStats => ({
  uptimeSeconds: 7384.5,
  dialogs: 2,
  connections: { total: 1, byTransport: { tcp: 1, tls: 0 }, halfOpen: 0, rememberedFlows: 3 },
  applications: { connections: 1, authenticated: 1, behind: 0, waitingBytes: 0 },
  transactions: { server: 1, client: 2, timers: 5 },
  messages: { received: { udp: { INVITE: { requests: 2, '2xx': 1 } } }, sent: { tcp: { REGISTER: { '4xx': 4 } } } },
  retransmissions: { requestsSent: 3, responsesSent: 0, answersSent: 0, provisionalsSent: 0, acksSent: 0, requestsReceived: 0 },
  timersFired: { A: 3, B: 0 },
  transactionsEnded: { client: { done: 9, timedOut: 0 } },
  parseErrors: { 'name-addr': 1 },
  overload: null,
  capture: null,
  counters: { transport: { malformed: 1 }, transactions: {}, core: {}, control: {} },
  process: { memory: { residentBytes: 157_286_400, heapBytes: 31_457_280, externalBytes: 1 }, eventLoop: { p50Ms: 0.2, p99Ms: 1.25, maxMs: 12 } },
  ...more,
});

export const metrics = (more: Partial<Metrics> = {}): Metrics => ({
  calls: { routing: 0, ringing: 1, answering: 0, up: 2 },
  started: 9,
  ended: [{ cause: 'hung-up', answered: true, direction: 'internal', calls: 5 }, { cause: 'busy', answered: false, direction: 'outbound', calls: 1 }],
  postDialDelay: { bounds: [0.1, 1], counts: [3, 1, 2], sum: 12.5 },
  talk: { bounds: [60], counts: [0, 0], sum: 0 },
  mos: { bounds: [3, 4], counts: [1, 2, 3], sum: 22 },
  loss: { bounds: [0.01], counts: [5, 1], sum: 0.1 },
  jitter: { bounds: [0.02], counts: [6, 0], sum: 0.02 },
  trunks: [{ name: 'provider', up: true, calls: 2, spentToday: 1.5 }, { name: 'gateway', up: false, calls: 0, spentToday: 0 }],
  refusedByLimits: [{ trunk: 'provider', calls: 3 }],
  alarms: [{ name: 'trunk', subject: 'gateway', severity: 'critical' }],
  eventListeners: 2,
  webhooks: [{ name: 'crm', waiting: 3, delivered: 40, failed: 5, buried: 1 }],
  queues: [{ number: '650', waiting: 2, agents: 3, free: 1, answered: 7, abandoned: 4 }],
  records: { waiting: 1, written: 8, dropped: 2, failed: 6 },
  callFaults: { glare: 2 },
  registrations: { contacts: 4, extensions: 3 },
  media: { ports: { free: 90, inUse: 6, draining: 4 }, packets: 1000, ticks: { made: 50, late: 2, skipped: 1 }, workersLost: 0 },
  eventLoop: { p50Ms: 0.2, p99Ms: 1.25, maxMs: 12 },
  process: { residentBytes: 157_286_400, cpuSeconds: 3.5, startedAt: T0 / 1000 },
  engine: stats(),
  ...more,
});

type Remembered = Awaited<ReturnType<EngineView['ladderCalls']>>[number];
export const remembered = (callId: string, more: Partial<Remembered> = {}): Remembered => ({ callId, method: 'INVITE', from: '1001', to: '1002', firstAt: T0, lastAt: T0 + 1500, messages: 7, status: 200, ...more });

type Up = ReturnType<CallsView['up']>[number];
export const up = (more: Partial<Up> = {}): Up => ({ id: 'abc', from: '1001', to: '1002', service: null, forwarded: [], trunk: null, through: null, rung: ['1002'], parkedBy: null, pickedUpBy: null, since: T0, state: 'up', talkingMs: 100, held: false, muted: [], originatedBy: null, dialogs: [], ...more });

type Ended = ReturnType<CallsView['ended']>[number];
export const ended = (more: Partial<Ended> = {}): Ended => ({
  id: 'def', from: '1001', to: '1002', service: null, forwarded: [], trunk: null, through: null, rung: ['1002'], parkedBy: null, pickedUpBy: null, since: T0, answeredAfterMs: 10, durationMs: 900, endedBy: 'caller', cause: 'hung-up', status: null, reason: '1001 hung up', dialogs: [], ...more,
});

export interface Shown {
  views: Views;
  engine: EngineView;
  calls: { up: Up[]; ended: Ended[]; remembered: Remembered[] };
  /** Why calls cannot be made. */
  health: { problem: string | undefined };
  /** What ladders were asked for. */
  drawn: Array<{ callIds: readonly string[]; columns: number | undefined }>;
}

/** Of whatever there is nothing. */
function idle(): Pick<Views, 'control' | 'contacts' | 'conferences' | 'queues' | 'trunks' | 'alarms' | 'webhooks' | 'voicemail' | 'recordings' | 'records' | 'messages' | 'tokens' | 'config'> {
  const none = (id: string): never => {
    throw new OffhookError('call.not-found', { id });
  };
  const noHook = (key: string): never => {
    throw new OffhookError('settings.not-found', { kind: 'webhook', key });
  };
  return {
    control: { originate: async (from) => none(from), hangup: none, transfer: async (id) => none(id), mute: none, startRecording: none, stopRecording: none, play: async (id) => none(id), stopPlaying: none, sendDigits: none },
    contacts: { of: () => [], extensions: () => [], drop: () => false },
    conferences: { list: () => [], room: () => undefined, mute: () => false, deafen: () => false, kick: () => false, lock: () => false, hush: () => false, end: () => false },
    trunks: { list: () => [] },
    alarms: { up: () => [], past: () => [] },
    webhooks: { list: () => [], test: async (name) => noHook(name), dead: async (name) => noHook(name), redeliver: async (name) => noHook(name), removeDead: async (name) => noHook(name) },
    queues: { list: () => [], queue: () => undefined, agent: none, login: async () => false, logout: async () => false, pause: async () => false },
    voicemail: { messages: async () => undefined, get: async () => undefined, file: () => '', mark: async () => false, remove: async () => undefined },
    recordings: { list: async () => [], get: async () => undefined, file: () => '', remove: async () => undefined },
    messages: { list: async () => [], get: async () => undefined },
    records: { list: async () => [], get: async () => undefined },
    tokens: { list: async () => [], add: async () => undefined, remove: async () => false, now: () => T0 },
    config: { inForce: () => [] },
  };
}

/** Nothing can be set. */
export function noSettings(): SettingsView {
  const never = (): never => {
    throw new Error('nothing can be set');
  };
  return { kinds: [], list: never, get: never, put: never, add: never, patch: never, remove: never };
}

export function shown(): Shown {
  const calls: Shown['calls'] = { up: [], ended: [], remembered: [] };
  const drawn: Shown['drawn'] = [];
  const health: Shown['health'] = { problem: undefined };
  const engine: EngineView = {
    stats: async () => stats(),
    ladder: async (callIds, columns) => {
      drawn.push({ callIds, columns });
      const messages = callIds.filter((id) => calls.remembered.some(({ callId }) => callId === id));
      return {
        messages: messages.map((callId) => ({ at: T0 + 250.5, direction: 'sent' as const, from: 'a:1', to: 'b:2', transport: 'udp', callId, firstLine: 'BYE sip:x SIP/2.0', bytes: 9, again: false, text: 'BYE', cut: false })),
        diagram: `a ladder of ${messages.join(' and ')}\n`,
      };
    },
    ladderCalls: async (limit) => calls.remembered.slice(0, limit),
  };
  const settings = noSettings();
  return { views: { engine, calls: { up: () => calls.up, ended: () => calls.ended }, health: { problem: async () => health.problem }, metrics: { read: async () => metrics() }, settings: () => settings, ...idle() }, engine, calls, health, drawn };
}
