/** What a monitoring system collects every few seconds. */
import type { Distribution } from '../../distribution';
import { by, CONTENT_TYPE, counter, exposition, gauge, histogram, type Family } from '../exposition';
import type { Api } from '../routes';
import type { EngineStats } from './engine';

export interface Metrics {
  /** Up now, by state. */
  calls: Record<string, number>;
  started: number;
  ended: ReadonlyArray<{ cause: string; answered: boolean; direction: string; calls: number }>;
  /** Seconds. */
  postDialDelay: Distribution;
  talk: Distribution;
  /** Of phones of answered calls, as what they sent arrived here. */
  mos: Distribution;
  loss: Distribution;
  jitter: Distribution;
  /** What went wrong without ending a call, by kind. */
  callFaults: Record<string, number>;
  registrations: { contacts: number; extensions: number };
  media: {
    /** Pairs. */
    ports: { free: number; inUse: number; draining: number };
    packets: number;
    ticks: { made: number; late: number; skipped: number };
    workersLost: number;
  };
  /** How late the application was in the last minute. */
  eventLoop: { p50Ms: number; p99Ms: number; maxMs: number };
  process: { residentBytes: number; cpuSeconds: number; startedAt: number };
  trunks: ReadonlyArray<{ name: string; up: boolean; calls: number; spentToday: number }>;
  refusedByLimits: ReadonlyArray<{ trunk: string; calls: number }>;
  alarms: ReadonlyArray<{ name: string; subject: string; severity: string }>;
  eventListeners: number;
  webhooks: ReadonlyArray<{ name: string; waiting: number; delivered: number; failed: number; buried: number }>;
  queues: ReadonlyArray<{ number: string; waiting: number; agents: number; free: number; answered: number; abandoned: number }>;
  /** Of ended calls; `failed`: transactions. */
  records: { waiting: number; written: number; dropped: number; failed: number };
  /** Of the user's own program; undefined: there is none. */
  app?: { handled: number; failed: number; judged: number; unjudged: number; restarts: number; reloads: number; refusedReloads: number } | undefined;
  /** Undefined: the engine is a server of its own. */
  engine: EngineStats | undefined;
}

export interface MetricsView {
  read(): Promise<Metrics>;
}

export function metricsRoutes(api: Api, view: MetricsView): void {
  api.get('/metrics', { config: { scope: 'read' }, schema: { summary: 'Numbers for Prometheus, as text', tags: ['metrics'] } }, async (_request, reply) =>
    reply.type(CONTENT_TYPE).send(await exposition(families(await view.read()))),
  );
}

function families({ calls, started, ended, postDialDelay, talk, mos, loss, jitter, trunks, refusedByLimits, alarms, eventListeners, webhooks, queues, records, callFaults, registrations, media, eventLoop, process, app, engine }: Metrics): Family[] {
  return [
    gauge('offhook_calls', 'Calls that are not over, by state.', by('state', calls)),
    counter('offhook_calls_started_total', 'Calls that began; those that were refused at once are not among them.', started),
    counter('offhook_calls_ended_total', 'Calls that ended or were refused, by cause and direction.', ended.map(({ cause, answered, direction, calls: value }) => ({ labels: { cause, answered: String(answered), direction }, value }))),
    histogram('offhook_post_dial_delay_seconds', 'From an INVITE until the phone rang, or was answered without ringing; calls between phones.', postDialDelay),
    histogram('offhook_call_talk_seconds', 'From the answer to the end.', talk),
    histogram('offhook_call_mos', 'How phones of answered calls sounded as they arrived here: 1 to 4.5 (ITU-T G.107).', mos),
    histogram('offhook_call_packet_loss_ratio', 'The part of the packets of a phone that did not arrive, of answered calls.', loss),
    histogram('offhook_call_jitter_seconds', 'Jitter of what phones of answered calls sent (RFC 3550).', jitter),
    gauge('offhook_trunk_up', 'Whether calls can go over a trunk.', trunks.map(({ name, up }) => ({ labels: { trunk: name }, value: Number(up) }))),
    gauge('offhook_trunk_calls', 'Calls over a trunk that are not over.', trunks.map(({ name, calls: value }) => ({ labels: { trunk: name }, value }))),
    gauge('offhook_trunk_spent_today', 'What calls over a trunk have cost today, as costPerMinute of the routes has it.', trunks.map(({ name, spentToday: value }) => ({ labels: { trunk: name }, value }))),
    counter('offhook_trunk_refused_total', 'Calls outside that a limit has refused, by the trunk they were to go over.', refusedByLimits.map(({ trunk, calls: value }) => ({ labels: { trunk }, value }))),
    gauge('offhook_alarm', 'Alarms that are up; see /api/v1/alarms for what to do.', alarms.map(({ name, subject, severity }) => ({ labels: { alarm: name, subject, severity }, value: 1 }))),
    gauge('offhook_event_listeners', 'Programs that listen to events over WebSocket.', eventListeners),
    gauge('offhook_webhook_waiting', 'Events that are not sent to a webhook yet.', webhooks.map(({ name: webhook, waiting: value }) => ({ labels: { webhook }, value }))),
    counter('offhook_webhook_events_total', 'Events for a webhook, by what became of them; failed: attempts, which are made again.', webhooks.flatMap(({ name: webhook, delivered, failed, buried }) => by('outcome', { delivered, failed, given_up: buried }, { webhook }))),
    gauge('offhook_queue_waiting', 'Callers who wait in a queue.', queues.map(({ number: queue, waiting: value }) => ({ labels: { queue }, value }))),
    gauge('offhook_queue_agents', 'Agents of a queue, by whether they are free.', queues.flatMap(({ number: queue, agents, free }) => by('state', { free, busy: agents - free }, { queue }))),
    counter('offhook_queue_callers_total', 'Callers of a queue, by what became of them.', queues.flatMap(({ number: queue, answered, abandoned }) => by('outcome', { answered, abandoned }, { queue }))),
    gauge('offhook_call_records_waiting', 'Records of ended calls that are not in the store yet.', records.waiting),
    counter('offhook_call_records_total', 'Records of ended calls, by what became of them.', by('outcome', { written: records.written, dropped: records.dropped })),
    counter('offhook_call_record_write_failures_total', 'Attempts to write records of ended calls that failed; they are made again.', records.failed),
    counter('offhook_call_faults_total', 'What went wrong in calls without ending them, by kind.', by('kind', callFaults)),
    gauge('offhook_registered_contacts', 'Phones that are registered.', registrations.contacts),
    gauge('offhook_registered_extensions', 'Extensions with a phone that is registered.', registrations.extensions),
    gauge('offhook_media_port_pairs', 'Pairs of RTP and RTCP ports, by state; those that are resting were in use a moment ago.', by('state', { free: media.ports.free, in_use: media.ports.inUse, resting: media.ports.draining })),
    counter('offhook_media_packets_received_total', 'RTP and RTCP packets that came.', media.packets),
    counter('offhook_media_ticks_total', 'Pieces of 20 ms of sound that were made: for those who are not relayed.', media.ticks.made),
    counter('offhook_media_ticks_late_total', 'Those that began more than 20 ms late.', media.ticks.late),
    counter('offhook_media_ticks_skipped_total', 'Those that were left out after a stall.', media.ticks.skipped),
    counter('offhook_media_workers_lost_total', 'Media threads that died; their calls ended.', media.workersLost),
    gauge('offhook_event_loop_delay_seconds', 'How late the application came to what it had to do in the last minute; quantile 1 is the worst.', [
      { labels: { quantile: '0.5' }, value: eventLoop.p50Ms / 1000 },
      { labels: { quantile: '0.99' }, value: eventLoop.p99Ms / 1000 },
      { labels: { quantile: '1' }, value: eventLoop.maxMs / 1000 },
    ]),
    ...(app ? appFamilies(app) : []),
    ...(engine ? engineFamilies(engine) : []),
    gauge('process_resident_memory_bytes', 'Memory of the process, all threads.', process.residentBytes),
    counter('process_cpu_seconds_total', 'Time of processors that the process has used, all threads.', process.cpuSeconds),
    gauge('process_start_time_seconds', 'When the process was started, in seconds since 1970.', process.startedAt),
  ];
}

function appFamilies({ handled, failed, judged, unjudged, restarts, reloads, refusedReloads }: NonNullable<Metrics['app']>): Family[] {
  return [
    counter('offhook_app_calls_total', "Calls that a handler of the user's own program had, by what became of them.", by('outcome', { handled: handled - failed, failed })),
    counter('offhook_app_hook_total', 'Calls that its hook was asked about, by whether it said something in time.', by('outcome', { judged: judged - unjudged, failed: unjudged })),
    counter('offhook_app_loads_total', 'Times that it was loaded after the start, by why and how.', by('outcome', { restarted: restarts, changed: reloads, refused: refusedReloads })),
  ];
}

function engineFamilies({ dialogs, connections, applications, transactions, messages, retransmissions, timersFired, transactionsEnded, parseErrors, overload, capture, counters }: EngineStats): Family[] {
  const passed = Object.entries(messages).flatMap(([direction, transports]) =>
    Object.entries(transports).flatMap(([transport, methods]) => Object.entries(methods).flatMap(([method, kinds]) => by('kind', kinds, { direction, transport, method }))),
  );
  return [
    counter('offhook_sip_messages_total', 'SIP messages, by direction, transport, method and what they were: a request, or a response of which class.', passed),
    counter('offhook_sip_retransmissions_total', 'Messages sent or received again, by kind.', by('kind', retransmissions)),
    counter('offhook_sip_timers_fired_total', 'Timers that ran out, by their letters (RFC 3261 table 4).', by('timer', timersFired)),
    counter('offhook_sip_transactions_ended_total', 'SIP transactions that ended, by kind and cause.', Object.entries(transactionsEnded).flatMap(([kind, causes]) => by('cause', causes, { kind }))),
    counter('offhook_sip_parse_errors_total', 'Messages that could not be understood, by what was wrong.', by('code', parseErrors)),
    gauge('offhook_sip_dialogs', 'SIP dialogs, early ones included.', dialogs),
    gauge('offhook_sip_transactions', 'SIP transactions that are held, by side.', by('side', { server: transactions.server, client: transactions.client })),
    gauge('offhook_sip_connections', 'Stream connections of phones, by transport.', by('transport', connections.byTransport)),
    gauge('offhook_sip_applications_behind', 'Programs on the control port that do not keep up.', applications.behind),
    ...(overload
      ? [
          gauge('offhook_sip_overload_refused_ratio', 'Part of the new requests that is turned away now.', overload.share),
          counter('offhook_sip_overload_refused_total', 'New requests that were turned away.', overload.refused),
        ]
      : []),
    ...(capture ? [counter('offhook_sip_captured_total', 'Copies for the collector, by what became of them.', by('outcome', capture))] : []),
    counter('offhook_sip_events_total', 'Everything else that the engine counts, by layer.', Object.entries(counters).flatMap(([layer, counts]) => by('event', counts, { layer }))),
  ];
}
