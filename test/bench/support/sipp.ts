/** One SIPp run of a benchmark scenario: what it was asked, what came of it. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { finished, start, type Started } from './process';

// compiled files live in dist/test/bench/support, the scenarios stay where they were written
const scenarios = [join(__dirname, '../scenarios'), resolve(__dirname, '../../../../test/bench/scenarios')];

export function scenarioFile(name: string): string {
  for (const folder of scenarios) {
    try {
      readFileSync(join(folder, name));
      return join(folder, name);
    } catch {
      // the other folder, then
    }
  }
  throw new Error(`no scenario ${name} in ${scenarios.join(' or ')}`);
}

export interface SippRun {
  scenario: string;
  remote?: { host: string; port: number };
  local: { host: string; port: number; mediaPort?: number };
  rate?: number;
  calls?: number;
  /** Limit of calls at once. */
  atOnce?: number;
  /** What a `<pause/>` lasts, ms. */
  pauseMs?: number;
  rows?: string[][];
  timeoutMs: number;
  rtt?: boolean;
  extra?: string[];
}

export interface SippOutcome {
  exitCode: number | null;
  successful: number;
  failed: number;
  retransmissions: number;
  /** ms from INVITE with credentials to 180, one per call, when asked for. */
  responseMs: number[];
  output: string;
}

export interface SippHandle {
  process: Started;
  outcome(): Promise<SippOutcome>;
  stop(): Promise<void>;
}

export function startSipp(run: SippRun): SippHandle {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-bench-sipp-'));
  const args = ['-sf', scenarioFile(run.scenario), '-i', run.local.host, '-p', String(run.local.port), '-nostdin', '-trace_stat', '-stf', join(dir, 'stat.csv'), '-fd', '1'];
  if (run.local.mediaPort) args.push('-mp', String(run.local.mediaPort));
  if (run.remote) args.unshift(`${run.remote.host}:${run.remote.port}`);
  if (run.rate) args.push('-r', String(run.rate));
  if (run.calls) args.push('-m', String(run.calls));
  if (run.atOnce) args.push('-l', String(run.atOnce));
  if (run.pauseMs !== undefined) args.push('-d', String(run.pauseMs));
  if (run.rows) {
    const file = join(dir, 'rows.csv');
    writeFileSync(file, `SEQUENTIAL\n${run.rows.map((r) => r.join(';')).join('\n')}\n`);
    args.push('-inf', file);
  }
  if (run.rtt) args.push('-trace_rtt', '-rtt_freq', '1');
  const process_ = start('/usr/bin/sipp', [...args, ...(run.extra ?? [])], { cwd: dir });
  const hard = setTimeout(() => process_.child.kill('SIGKILL'), run.timeoutMs);
  const ended = finished(process_);
  return {
    process: process_,
    async outcome() {
      const exitCode = await ended;
      clearTimeout(hard);
      const stat = lastRow(join(dir, 'stat.csv'));
      const rttFile = readdirSync(dir).find((f) => f.endsWith('_rtt.csv'));
      const responseMs = rttFile
        ? readFileSync(join(dir, rttFile), 'utf8').split('\n').slice(1).filter(Boolean).map((line) => Number(line.split(';')[1]))
        : [];
      const result: SippOutcome = {
        exitCode,
        successful: Number(stat['SuccessfulCall(C)'] ?? 0),
        failed: Number(stat['FailedCall(C)'] ?? 0),
        retransmissions: Number(stat['Retransmissions(C)'] ?? 0),
        responseMs,
        output: process_.output(),
      };
      rmSync(dir, { recursive: true, force: true });
      return result;
    },
    async stop() {
      clearTimeout(hard);
      await process_.stop('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function lastRow(file: string): Record<string, string> {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const names = lines[0]?.split(';') ?? [];
    const values = lines[lines.length - 1]?.split(';') ?? [];
    return Object.fromEntries(names.map((n, i) => [n, values[i] ?? '']));
  } catch {
    return {};
  }
}

export const credentials = (user: string): string => `[authentication username=${user} password=pw${user}]`;

export function percentile(values: number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}
