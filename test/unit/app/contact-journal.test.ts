import type { Binding } from '../../../signaling/app/binding';
import { ContactJournal, type JournalOptions } from '../../../signaling/app/contact-journal';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';
import { MemoryStore } from './fakes';

function make(options: Partial<JournalOptions> = {}): { clock: FakeClock; store: MemoryStore; journal: ContactJournal } {
  const clock = new FakeClock();
  const store = new MemoryStore('1001');
  return { clock, store, journal: new ContactJournal(store, { flushMs: 250, ...options }, { clock, log: silentLogger }) };
}

function binding(uri: string, cseq = 1): Binding {
  return {
    extension: '1001',
    uri,
    source: { protocol: 'udp', address: '192.0.2.7', port: 5060 },
    instance: null,
    regId: null,
    callId: 'c',
    cseq,
    q: 1,
    userAgent: null,
    path: null,
    expiresAt: 60_000,
    updatedAt: 0,
  };
}

/** Lets promises settle; the fake clock does not. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('writes once for all that came in flushMs, in unix time', async () => {
  const { clock, store, journal } = make();
  journal.put(binding('sip:a@h'));
  clock.advance(200);
  journal.put(binding('sip:b@h'));
  expect(store.batches).toEqual([]);
  clock.advance(50);
  await settle();
  expect(store.batches).toEqual([2]);
  expect(store.kept.get('1001 sip:a@h')).toEqual({
    ...binding('sip:a@h'),
    source: 'udp:192.0.2.7:5060',
    expiresAt: Date.UTC(2026, 0, 1) + 60_000,
    updatedAt: Date.UTC(2026, 0, 1),
  });
  clock.advance(10_000);
  await settle();
  expect(store.batches).toEqual([2]);
  expect(clock.waiting).toBe(0);
});

test('the last change of a contact counts', async () => {
  const { store, journal } = make();
  journal.put(binding('sip:a@h', 1));
  journal.put(binding('sip:a@h', 2));
  journal.put(binding('sip:b@h'));
  journal.remove(binding('sip:b@h'));
  journal.remove(binding('sip:c@h'));
  journal.put(binding('sip:c@h'));
  await journal.flush();
  expect(store.batches).toEqual([3]);
  expect([...store.kept.values()].map((c) => [c.uri, c.cseq])).toEqual([
    ['sip:a@h', 2],
    ['sip:c@h', 1],
  ]);
});

test('a large change is written in parts, soon after one another', async () => {
  const { clock, store, journal } = make({ maxBatch: 10 });
  for (let i = 0; i < 25; i++) journal.put(binding(`sip:${i}@h`));
  clock.advance(250);
  await settle();
  expect(store.batches).toEqual([10]);
  clock.advance(20);
  await settle();
  expect(store.batches).toEqual([10, 10]);
  clock.advance(250);
  await settle();
  expect(store.batches).toEqual([10, 10, 5]);
});

test('flush writes everything, also what comes while it writes', async () => {
  const { store, journal } = make({ maxBatch: 2 });
  for (let i = 0; i < 5; i++) journal.put(binding(`sip:${i}@h`));
  const first = journal.flush();
  journal.put(binding('sip:late@h'));
  await Promise.all([first, journal.flush()]);
  expect(store.kept.size).toBe(6);
  expect(journal.stats()).toMatchObject({ waiting: 0, written: 6, failures: 0 });
});

test('flush waits for a write that is under way', async () => {
  const { clock, store, journal } = make();
  let release: () => void = () => undefined;
  const apply = store.contacts.apply;
  store.contacts.apply = async (changes) => {
    await new Promise<void>((resolve) => (release = resolve));
    return apply(changes);
  };
  journal.put(binding('sip:a@h'));
  clock.advance(250);
  let flushed = false;
  const flushing = journal.flush().then(() => (flushed = true));
  await settle();
  expect(flushed).toBe(false);
  release();
  await flushing;
  expect(store.kept.size).toBe(1);
});

describe('a store that fails', () => {
  test('is tried again, at growing intervals, with the newest of every contact', async () => {
    const { clock, store, journal } = make();
    store.fail = new Error('disk full');
    journal.put(binding('sip:a@h', 1));
    journal.remove(binding('sip:x@h'));
    clock.advance(250);
    await settle();
    expect(journal.stats()).toMatchObject({ failures: 1, waiting: 2 });
    journal.put(binding('sip:a@h', 2));
    clock.advance(999);
    await settle();
    expect(journal.stats().failures).toBe(1);
    clock.advance(1);
    await settle();
    expect(journal.stats().failures).toBe(2);
    clock.advance(1999);
    await settle();
    expect(journal.stats().failures).toBe(2);
    store.fail = undefined;
    clock.advance(1);
    await settle();
    expect(store.kept.get('1001 sip:a@h')?.cseq).toBe(2);
    expect(journal.stats()).toMatchObject({ waiting: 0, failures: 2 });
    // and the next change does not wait for the longer interval
    journal.put(binding('sip:b@h'));
    clock.advance(250);
    await settle();
    expect(store.kept.size).toBe(2);
    // nor does the next failure count on from the last
    store.fail = new Error('disk full');
    journal.put(binding('sip:c@h'));
    clock.advance(250);
    await settle();
    clock.advance(1000);
    await settle();
    expect(journal.stats().failures).toBe(4);
  });

  test('what changed while the failing write was under way is not set back', async () => {
    const { store, journal } = make();
    store.fail = new Error('locked');
    journal.put(binding('sip:a@h', 1));
    const flushing = journal.flush();
    journal.put(binding('sip:a@h', 2));
    await flushing;
    store.fail = undefined;
    await journal.flush();
    expect(store.kept.get('1001 sip:a@h')?.cseq).toBe(2);
  });

  test('does not hold flush or close up', async () => {
    const { clock, store, journal } = make({ maxBatch: 1 });
    store.fail = new Error('gone');
    journal.put(binding('sip:a@h'));
    journal.put(binding('sip:b@h'));
    await journal.close();
    expect(journal.stats()).toMatchObject({ waiting: 2, failures: 1 });
    expect(clock.waiting).toBe(0);
  });

  test('makes at most maxRemovals wait', async () => {
    const { store, journal } = make({ maxRemovals: 3 });
    store.fail = new Error('gone');
    for (let i = 0; i < 5; i++) journal.remove(binding(`sip:${i}@h`));
    await journal.flush();
    expect(journal.stats()).toMatchObject({ waiting: 3, discarded: 2 });
    // a contact that is put again makes room
    journal.put(binding('sip:0@h'));
    journal.remove(binding('sip:9@h'));
    expect(journal.stats()).toMatchObject({ waiting: 4, discarded: 2 });
  });
});

test('closed, it writes the rest and nothing after', async () => {
  const { clock, store, journal } = make();
  journal.put(binding('sip:a@h'));
  await journal.close();
  expect(store.kept.size).toBe(1);
  journal.put(binding('sip:b@h'));
  clock.advance(1000);
  await settle();
  expect(store.kept.size).toBe(1);
});
