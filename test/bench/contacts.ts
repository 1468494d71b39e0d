/**
 * 100,000 phones registered: what the server needs for them, and how long it takes to find where one is. They stand in the store when the server
 * starts, as after a restart; the lookup is measured in the server's own code, in a process of its own, with numbers in random order.
 */
import { fork } from 'node:child_process';
import { Locations } from '../../signaling/app/locations';
import { systemClock } from '../../signaling/clock';
import { ha1 } from '../../signaling/credentials';
import { silentLogger } from '../../signaling/log';
import type { Contact, Store } from '../../signaling/store/store';
import { CommandedChild } from './support/child';
import { residentBytes, sleep } from './support/process';
import type { BenchResult } from './support/report';
import { offhook, REALM } from './support/system';

const CONTACTS = 100_000;
const LOOKUPS = 1_000_000;
/** By then what the start has left behind is collected. */
const SETTLED_MS = 10_000;

const number = (i: number): string => String(1_000_000 + i);

/** As a Linphone registers. */
const contact = (i: number): Contact => ({
  extension: number(i),
  uri: `sip:${number(i)}@10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:5060;transport=udp`,
  source: `udp:10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:5060`,
  instance: `<urn:uuid:00000000-0000-4000-8000-${String(i).padStart(12, '0')}>`,
  regId: null,
  callId: `bench-${i}~aBcDeFgH`,
  cseq: 20 + (i % 100),
  expiresAt: Date.now() + 3_600_000,
  q: 1,
  userAgent: 'Linphone/5.1.0 (Debian GNU/Linux) LinphoneCore/5.1.65',
  path: null,
  updatedAt: Date.now(),
});

async function fill(store: Store, contacts: boolean): Promise<void> {
  const digests = ha1('1', REALM, 'bench');
  await store.transaction(async ({ extensions }) => {
    for (let i = 0; i < CONTACTS; i++) await extensions.add({ number: number(i), name: null, ha1: digests, media: 'anchored', srtp: 'off', recording: 'on-demand', createdAt: Date.now() });
  });
  if (contacts) await store.contacts.apply({ put: Array.from({ length: CONTACTS }, (_, i) => contact(i)), remove: [] });
}

async function megabytes(contacts: boolean): Promise<number> {
  const system = await offhook.start([], { fill: (store) => fill(store, contacts), readySeconds: 60 });
  try {
    await sleep(SETTLED_MS);
    return residentBytes(system.pids) / 2 ** 20;
  } finally {
    await system.stop();
  }
}

interface Found {
  micros: number;
  bytesEach: number;
}

/** In the child. */
async function lookUp(): Promise<Found> {
  const collect = (): number => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = collect();
  const locations = new Locations(
    { contacts: { all: async () => Array.from({ length: CONTACTS }, (_, i) => contact(i)), apply: async () => undefined }, extensions: { list: async () => [] } },
    { maxExpires: 7200 },
    { clock: systemClock, log: silentLogger },
  );
  await locations.start();
  const bytesEach = (collect() - before) / CONTACTS;
  // as from a request: no string that the map knows already
  const asked = Array.from({ length: LOOKUPS }, () => Buffer.from(number(Math.floor(Math.random() * CONTACTS))).toString());
  let bindings = 0;
  for (const one of asked) bindings += locations.lookup(one).length;
  const start = performance.now();
  for (const one of asked) bindings += locations.lookup(one).length;
  const micros = ((performance.now() - start) * 1000) / LOOKUPS;
  if (bindings !== 2 * LOOKUPS) throw new Error(`${bindings} of ${2 * LOOKUPS} were found`);
  await locations.close();
  return { micros, bytesEach };
}

export async function benchContacts(log: (line: string) => void): Promise<BenchResult> {
  log(`${CONTACTS} extensions, none registered`);
  const without = await megabytes(false);
  log(`${CONTACTS} extensions, all registered`);
  const full = await megabytes(true);
  const child = new CommandedChild(fork(__filename, { execArgv: ['--expose-gc'], stdio: 'inherit' }), 'the lookup');
  try {
    const { micros, bytesEach } = await child.ask<Found>({});
    return {
      name: 'contacts',
      what: `${CONTACTS} contacts, read back at the start`,
      rows: [
        {
          system: 'offhook',
          figures: {
            'MB, nobody registered': without.toFixed(0),
            [`MB, ${CONTACTS} registered`]: full.toFixed(0),
            'bytes of heap a contact': bytesEach.toFixed(0),
            'lookup µs': micros.toFixed(2),
          },
        },
      ],
      notes: [`${LOOKUPS} lookups in random order, after as many to warm up`],
    };
  } finally {
    await child.end();
  }
}

if (require.main === module) {
  process.on('message', ({ id }: { id: number }) => {
    lookUp().then(
      (value) => process.send?.({ id, value }),
      (err: unknown) => process.send?.({ id, error: String(err) }),
    );
  });
}
