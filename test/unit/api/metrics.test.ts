/** The numbers as Prometheus reads them. */
import { operator } from '../../../signaling/api/access';
import { createApi } from '../../../signaling/api/app';
import type { Metrics } from '../../../signaling/api/routes/metrics';
import { silentLogger } from '../../../signaling/log';
import { metrics, shown, stats } from './views';

async function scraped(read: Metrics): Promise<{ type: unknown; lines: string[] }> {
  const { views } = shown();
  views.metrics.read = async () => read;
  const api = await createApi({ views, askerOf: () => operator, log: silentLogger });
  const { statusCode, headers, payload } = await api.inject({ url: '/metrics' });
  await api.close();
  expect(statusCode).toBe(200);
  return { type: headers['content-type'], lines: payload.split('\n').filter((line) => line !== '') };
}

test('each family once, with help and type; names say what and in which unit', async () => {
  const { type, lines } = await scraped(metrics({ engine: stats({ overload: { share: 0.25, applicationShare: 0, busy: 1, began: 1, refused: 7, refusedForApplications: 0, refusedAgain: 0, emergencies: 0 }, capture: { sent: 1, droppedWithoutAddress: 0, droppedBehind: 0, droppedTooLarge: 0, failed: 0 } }) }));
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = lines.flatMap((line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1) ?? []).flatMap((_, index, all) => (index % 2 === 0 ? [[all[index]!, all[index + 1]!] as const] : []));
  expect(new Set(families.map(([name]) => name)).size).toBe(families.length);
  for (const [name, kind] of families) {
    expect(name).toMatch(/^(offhook|process)_[a-z_]+$/);
    expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter']);
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^# HELP ${name} .+\\.$`)));
  }
  let family = '';
  for (const line of lines) {
    family = /^# TYPE (\S+)/.exec(line)?.[1] ?? family;
    if (!line.startsWith('#')) expect(line).toMatch(new RegExp(`^${family}(_bucket|_sum|_count)?(\\{([a-z]+="[^"\\\\]*",?)+\\})? [0-9.e+]+$`));
  }
});

test('what is counted is there', async () => {
  const { lines } = await scraped(metrics());
  expect(lines).toEqual(expect.arrayContaining([
    'offhook_calls{state="up"} 2',
    'offhook_calls_started_total 9',
    'offhook_calls_ended_total{cause="hung-up",answered="true",direction="internal"} 5',
    'offhook_calls_ended_total{cause="busy",answered="false",direction="outbound"} 1',
    'offhook_call_faults_total{kind="glare"} 2',
    'offhook_registered_contacts 4',
    'offhook_call_mos_bucket{le="4"} 3',
    'offhook_call_packet_loss_ratio_count 6',
    'offhook_call_jitter_seconds_sum 0.02',
    'offhook_trunk_up{trunk="provider"} 1',
    'offhook_trunk_up{trunk="gateway"} 0',
    'offhook_trunk_calls{trunk="provider"} 2',
    'offhook_trunk_spent_today{trunk="provider"} 1.5',
    'offhook_trunk_refused_total{trunk="provider"} 3',
    'offhook_alarm{alarm="trunk",subject="gateway",severity="critical"} 1',
    'offhook_event_listeners 2',
    'offhook_webhook_waiting{webhook="crm"} 3',
    'offhook_webhook_events_total{webhook="crm",outcome="given_up"} 1',
    'offhook_call_record_write_failures_total 6',
    'offhook_queue_waiting{queue="650"} 2',
    'offhook_queue_agents{queue="650",state="busy"} 2',
    'offhook_queue_callers_total{queue="650",outcome="abandoned"} 4',
    'offhook_call_records_total{outcome="dropped"} 2',
    'offhook_media_port_pairs{state="in_use"} 6',
    'offhook_media_ticks_late_total 2',
    'offhook_event_loop_delay_seconds{quantile="0.99"} 0.00125',
    'offhook_sip_messages_total{direction="sent",transport="tcp",method="REGISTER",kind="4xx"} 4',
    'offhook_sip_retransmissions_total{kind="requestsSent"} 3',
    'offhook_sip_timers_fired_total{timer="A"} 3',
    'offhook_sip_transactions_ended_total{kind="client",cause="done"} 9',
    'offhook_sip_connections{transport="tcp"} 1',
    'offhook_sip_events_total{layer="transport",event="malformed"} 1',
    'process_resident_memory_bytes 157286400',
  ]));
});

test('a histogram adds up from bucket to bucket', async () => {
  const { lines } = await scraped(metrics());
  expect(lines.filter((line) => line.startsWith('offhook_post_dial_delay_seconds'))).toEqual([
    'offhook_post_dial_delay_seconds_bucket{le="0.1"} 3',
    'offhook_post_dial_delay_seconds_bucket{le="1"} 4',
    'offhook_post_dial_delay_seconds_bucket{le="+Inf"} 6',
    'offhook_post_dial_delay_seconds_sum 12.5',
    'offhook_post_dial_delay_seconds_count 6',
  ]);
});

test('of an engine that is a server of its own nothing is said', async () => {
  const { lines } = await scraped(metrics({ engine: undefined }));
  expect(lines.some((line) => line.includes('offhook_sip_'))).toBe(false);
  expect(lines).toContain('offhook_calls{state="up"} 2');
});

test('a program of the user is counted where there is one', async () => {
  expect((await scraped(metrics())).lines.filter((line) => line.includes('offhook_app'))).toEqual([]);
  const { lines } = await scraped(metrics({ app: { handled: 5, failed: 2, judged: 9, unjudged: 1, restarts: 3, reloads: 4, refusedReloads: 6 } }));
  expect(lines.filter((line) => line.startsWith('offhook_app'))).toEqual([
    'offhook_app_calls_total{outcome="handled"} 3', 'offhook_app_calls_total{outcome="failed"} 2',
    'offhook_app_hook_total{outcome="judged"} 8', 'offhook_app_hook_total{outcome="failed"} 1',
    'offhook_app_loads_total{outcome="restarted"} 3', 'offhook_app_loads_total{outcome="changed"} 4', 'offhook_app_loads_total{outcome="refused"} 6',
  ]);
});
