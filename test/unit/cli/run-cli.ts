/** Runs the command line in this process, with its output collected. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../signaling/cli/context';
import { main } from '../../../signaling/cli/program';
import { FakeClock } from '../../support/fake-clock';

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export const NOW = Date.UTC(2026, 0, 1);

/** `env` is empty and relative folders are relative to `cwd` unless `overrides` say otherwise. */
export async function offhook(cwd: string, argv: string[], overrides: Partial<Context> = {}): Promise<Outcome> {
  let [out, err] = ['', ''];
  const code = await main(argv, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    clock: new FakeClock(NOW),
    env: {},
    cwd,
    ...overrides,
  });
  return { code, out, err };
}

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'offhook-cli-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
