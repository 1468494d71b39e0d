/** The systems under measurement, alike from outside: a SIP port, users `N` with password `pwN`, processes to measure. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ha1 } from '../../../signaling/credentials';
import { openStore, type Store } from '../../../signaling/store/store';
import { answersOptions, kamailioInstalled, startKamailio } from './kamailio';
import { start, until } from './process';
import type { BenchRow } from './report';

export const REALM = 'offhook';

export interface System {
  name: string;
  port: number;
  pids: number[];
  stop(): Promise<void>;
}

export interface SystemKind {
  name: string;
  /** Why it cannot take part, or null. */
  missing(): string | null;
  start(users: string[], options?: { media?: { portMin: number; portMax: number } }): Promise<System>;
}

export const entry = [resolve(__dirname, '../../../signaling/cli/offhook.js'), resolve(__dirname, '../../../dist/signaling/cli/offhook.js')];

export interface OffhookOptions {
  media?: { portMin: number; portMax: number };
  /** Writes what else is to be there. */
  fill?: (store: Store) => Promise<void>;
  readySeconds?: number;
}

export const offhook = {
  name: 'offhook',
  missing: () => null,
  async start(users: string[], options: OffhookOptions = {}): Promise<System> {
    const data = mkdtempSync(join(tmpdir(), 'offhook-bench-'));
    const store = await openStore({ dataDir: data });
    await store.meta.set('realm', REALM);
    for (const number of users) {
      await store.extensions.add({ number, name: null, ha1: ha1(number, REALM, `pw${number}`), media: 'anchored', srtp: 'off', recording: 'on-demand', createdAt: Date.now() });
    }
    await options.fill?.(store);
    await store.close();
    const port = 15060;
    const media = options.media ?? { portMin: 30000, portMax: 39999 };
    const bin = entry.find((f) => existsSync(f));
    if (!bin) throw new Error('the server is not built: run `npm run build` first');
    const server = start(process.execPath, [
      bin, 'serve', '--data', data, '--sip', `127.0.0.1:${port}`, '--set', `media.portMin=${media.portMin}`, '--set', `media.portMax=${media.portMax}`,
    ]);
    await until('offhook ready', (options.readySeconds ?? 15) * 1000, () => {
      if (server.child.exitCode !== null) throw new Error(`offhook ended: ${server.output()}`);
      return /^ready \{/m.test(server.output());
    });
    await until('offhook answering', 5_000, () => answersOptions(port));
    return {
      name: 'offhook',
      port,
      pids: [server.pid],
      async stop() {
        await server.stop();
        rmSync(data, { recursive: true, force: true });
      },
    };
  },
} satisfies SystemKind;

export const kamailio: SystemKind = {
  name: 'kamailio+rtpengine',
  missing: () => (kamailioInstalled() ? null : 'kamailio and rtpengine-daemon are not installed (apt-get install kamailio rtpengine-daemon)'),
  async start(_users, options = {}) {
    const port = 15160;
    const media = options.media ?? { portMin: 30000, portMax: 39999 };
    const system = await startKamailio(port, { ngPort: 12223, ...media });
    return { name: 'kamailio+rtpengine', port, pids: system.pids, stop: system.stop };
  },
};

/** Measures the systems one after the other, each started with `users`; one that is not installed is named in the notes. */
export async function sideBySide(
  users: string[],
  measure: (system: System) => Promise<Record<string, string>>,
): Promise<{ rows: BenchRow[]; notes: string[] }> {
  const rows: BenchRow[] = [];
  const notes: string[] = [];
  for (const kind of [offhook, kamailio]) {
    const missing = kind.missing();
    if (missing) {
      notes.push(`${kind.name} left out: ${missing}`);
      continue;
    }
    const system = await kind.start(users);
    try {
      rows.push({ system: kind.name, figures: await measure(system) });
    } finally {
      await system.stop();
    }
  }
  return { rows, notes };
}
