/** Where events come from: calls, registrations, mailboxes and queues, in words for those outside. */
import type { EndpointStats } from '../../media/plane';
import { tenantOf } from '../tenants';
import type { CallEvents, CallView } from './call-events';
import type { Events } from './event-bus';
import type { Queues } from './features';
import { formatFlow } from './flow';
import type { LocationEvent } from './locations';
import type { MailboxEvent } from './mailboxes';
import type { Alarm, ClearedAlarm } from './alarms';
import type { Quality } from './call-quality';
import type { KeptState } from './kept-messages';
import type { TrunkView } from './trunks/trunks';
import type { TextMessage } from '../store/store';
import type { Side } from './leg';

export interface EventSources {
  calls: { on<E extends keyof CallEvents>(event: E, fn: (event: CallEvents[E]) => void): void };
  locations: { onEvent(listener: (event: LocationEvent) => void): void };
  mailboxes: { onEvent(listener: (event: MailboxEvent) => void): void };
  queues: Pick<Queues, 'on'>;
  messages: { onKept(listener: (message: TextMessage, state: KeptState) => void): void };
  trunks: { onChanged(listener: (view: TrunkView) => void): void };
}

export function tellEvents(events: Events, { calls, locations, mailboxes, queues, messages, trunks }: EventSources): void {
  tellCalls(events, calls);
  locations.onEvent(({ type, binding: { extension, uri, source, userAgent } }) => {
    // that one is still there is nothing to tell
    if (type !== 'refreshed') events.tell(`registration.${type}`, tenantOf(extension), { extension, contact: uri, flow: formatFlow(source), userAgent });
  });
  mailboxes.onEvent(({ mailbox, kind, message, from }) => events.tell(`voicemail.${kind}`, tenantOf(mailbox), { mailbox, message, from }));
  queues.on('joined', ({ queue, caller: { id, number, name, position } }) => events.tell('queue.joined', tenantOf(queue), { queue, call: id, from: number, name, position }));
  queues.on('left', ({ queue, id, number, why, waitedMs, agent }) => events.tell('queue.left', tenantOf(queue), { queue, call: id, from: number, why, waitedMs, agent: agent ?? null }));
  queues.on('agent', ({ number, queues: of, state, paused }) => events.tell('queue.agent', tenantOf(number), { agent: number, queues: of, state, paused }));
  messages.onKept(({ id, from, to }, state) => events.tell(`message.${state === 'stored' ? 'kept' : state}`, tenantOf(to), { message: id, from, to }));
  trunks.onChanged(({ name, state, host, problem }) => {
    if (state !== 'starting') events.tell(state === 'up' ? 'trunk.up' : 'trunk.down', '', { trunk: name, state, host, problem });
  });
}

export function tellAlarm(events: Events, what: 'raised' | 'cleared', alarm: Alarm | ClearedAlarm): void {
  const { name, subject, severity, text, since } = alarm;
  events.tell(`alarm.${what}`, '', { alarm: name, subject, severity, text, since: new Date(since).toISOString() });
}

export function tellQuality(events: Events, what: 'poor' | 'restored', { call, from, side, number, loss, jitterMs, mos }: Quality): void {
  events.tell(`quality.${what}`, tenantOf(from), { call, side, number, lossPercent: rounded(loss * 100), jitterMs: rounded(jitterMs), mos: rounded(mos) });
}

const shared = ({ id, from, to, service, through }: Pick<CallView, 'id' | 'from' | 'to' | 'service' | 'through'>): Record<string, unknown> => ({ call: id, from, to, service: service ?? null, through: through ?? null });
const rounded = <N extends number | null>(value: N): N => (value === null ? value : (Math.round(value * 100) / 100) as N);
const mosOf = (stats: EndpointStats | undefined): number | null => rounded(stats?.mos ?? null);

function tellCalls(events: Events, calls: EventSources['calls']): void {
  /** Who holds, of calls in which somebody does. */
  const holding = new Map<string, Set<Side>>();
  for (const what of ['started', 'ringing', 'answered'] as const) calls.on(what, (view) => events.tell(`call.${what}`, tenantOf(view.from), shared(view)));
  calls.on('changed', ({ id, parties }) => {
    const before = holding.get(id);
    const now = new Set(parties.filter((party) => party.holding).map(({ side }) => side));
    for (const { side, number } of parties) {
      if (now.has(side) && !before?.has(side)) events.tell('call.held', tenantOf(number), { call: id, by: number, side });
      if (!now.has(side) && before?.has(side)) events.tell('call.resumed', tenantOf(number), { call: id, by: number, side });
    }
    if (now.size > 0) holding.set(id, now);
    else holding.delete(id);
  });
  calls.on('key', ({ id, from, party, side, digit }) => events.tell('dtmf', tenantOf(from), { call: id, by: party, side, digit }));
  calls.on('ended', (record) => {
    const { id, from, transferredTo, answeredAfter, lasted, ended, media, trunk } = record;
    const tenant = tenantOf(from);
    if (transferredTo !== undefined) events.tell('call.transferred', tenant, { ...shared(record), transferredTo });
    events.tell('call.ended', tenant, {
      ...shared(record),
      answered: answeredAfter !== undefined,
      durationMs: Math.round(lasted),
      talkMs: answeredAfter === undefined ? null : Math.round(lasted - answeredAfter),
      cause: ended.cause,
      q850: ended.q850 ?? null,
      reason: ended.reason,
      endedBy: ended.by,
      trunk: trunk ?? null,
      mos: { caller: mosOf(media?.caller), callee: mosOf(media?.callee) },
      record: id,
    });
  });
}
