/** Recorded calls as they are shown. */
import { join } from 'node:path';
import type { Recording } from '../store/store';
import { columns } from './columns';
import { lasting, toTheSecond } from './times';

/** `data`: the data folder. */
export function recordingJson({ id, callId, from, to, startedAt, durationMs, file, bytes, state, problem }: Recording, data: string): Record<string, unknown> {
  return { id, call: callId, from, to, startedAt: new Date(startedAt).toISOString(), durationMs, file: join(data, file), bytes, state, problem };
}

export function recordingTable(recordings: readonly Recording[]): string {
  if (recordings.length === 0) return 'There are no such recordings.\n';
  const rows = recordings.map((one) => [one.id, toTheSecond(one.startedAt), one.from, one.to, one.state === 'recording' ? '-' : lasting(one.durationMs), one.state]);
  return columns([['ID', 'STARTED', 'FROM', 'TO', 'LASTS', 'STATE'], ...rows]);
}

export function recordingDetails(recording: Recording, data: string): string {
  const { id, callId, from, to, startedAt, durationMs, file, bytes, state, problem } = recording;
  return columns([
    ['id', id],
    ['call', callId],
    ['from', `${from} (left)`],
    ['to', `${to} (right)`],
    ['started', new Date(startedAt).toISOString()],
    ['lasts', state === 'recording' ? '-' : lasting(durationMs)],
    ['state', state],
    ...(problem === null ? [] : [['problem', problem]]),
    ['bytes', state === 'recording' ? '-' : String(bytes)],
    ['file', join(data, file)],
  ]);
}
