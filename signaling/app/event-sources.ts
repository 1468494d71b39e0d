/** Where events come from: calls, registrations, mailboxes and queues, in words for those outside. */
import type { EndpointStats } from '../../media/plane';
import { tenantOf } from '../tenants';
import type { CallEvents, CallView } from './call-events';
import type { Events } from './event-bus';
import type { Queues } from './features';
import { formatFlow } from './flow';
import type { LocationEvent } from './locations';
import type { MailboxEvent } from './mailboxes';
import type { Side } from './leg';

export interface EventSources {
  calls: { on<E extends keyof CallEvents>(event: E, fn: (event: CallEvents[E]) => void): void };
  locations: { onEvent(listener: (event: LocationEvent) => void): void };
  mailboxes: { onEvent(listener: (event: MailboxEvent) => void): void };
  queues: Pick<Queues, 'on'>;
}

export function tellEvents(events: Events, { calls, locations, mailboxes, queues }: EventSources): void {
  tellCalls(events, calls);
  locations.onEvent(({ type, binding: { extension, uri, source, userAgent } }) => {
    // that one is still there is nothing to tell
    if (type !== 'refreshed') events.tell(`registration.${type}`, tenantOf(extension), { extension, contact: uri, flow: formatFlow(source), userAgent });
  });
  mailboxes.onEvent(({ mailbox, kind, message, from }) => events.tell(`voicemail.${kind}`, tenantOf(mailbox), { mailbox, message, from }));
  queues.on('joined', ({ queue, caller: { id, number, name, position } }) => events.tell('queue.joined', tenantOf(queue), { queue, call: id, from: number, name, position }));
  queues.on('left', ({ queue, id, number, why, waitedMs, agent }) => events.tell('queue.left', tenantOf(queue), { queue, call: id, from: number, why, waitedMs, agent: agent ?? null }));
  queues.on('agent', ({ number, queues: of, state, paused }) => events.tell('queue.agent', tenantOf(number), { agent: number, queues: of, state, paused }));
}

const shared = ({ id, from, to, service, through }: Pick<CallView, 'id' | 'from' | 'to' | 'service' | 'through'>): Record<string, unknown> => ({ call: id, from, to, service: service ?? null, through: through ?? null });
const mosOf = (stats: EndpointStats | undefined): number | null => (stats?.mos == null ? null : Math.round(stats.mos * 100) / 100);

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
