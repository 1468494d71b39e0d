/** What is wrong with the system just now, and what was. */
import { z } from 'zod';
import type { Api } from '../routes';
import { isoTime } from '../schemas';

const alarm = z.object({
  name: z.enum(['engine', 'trunk', 'records', 'ports', 'disk', 'event-loop', 'media-late']),
  subject: z.string().describe('Which of its kind: a trunk’s name; empty: there is one'),
  severity: z.enum(['critical', 'warning']).describe('critical: calls, or what is kept of them, are lost'),
  text: z.string().describe('What is wrong and what to do'),
  since: z.string(),
});
export const alarmList = z.object({
  alarms: z.array(alarm).describe('Up now, the oldest first'),
  past: z.array(alarm.extend({ clearedAt: z.string() })).describe('The last hundred since the start, the newest first'),
});
export type AlarmList = z.output<typeof alarmList>;

type Shown = Omit<z.output<typeof alarm>, 'since'> & { since: number };

export interface AlarmsView {
  /** Times in Unix milliseconds. */
  up(): Shown[];
  past(): Array<Shown & { clearedAt: number }>;
}

export function alarmRoutes(api: Api, view: AlarmsView): void {
  api.get('/api/v1/alarms', { config: { scope: 'read' }, schema: { summary: 'What is wrong with the system just now, and what was', tags: ['alarms'], response: { 200: alarmList } } }, () => ({
    alarms: view.up().map((one) => ({ ...one, since: isoTime(one.since) })),
    past: view.past().map((one) => ({ ...one, since: isoTime(one.since), clearedAt: isoTime(one.clearedAt) })),
  }));
}
