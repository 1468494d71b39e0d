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

describe('who waits for the store', () => {
  test('alone is served at once; those who come soon after share a transaction', async () => {
    const { clock, store, journal } = make({ gatherMs: 25 });
    const told: string[] = [];
    journal.put(binding('sip:a@h'));
    journal.whenStored((stored) => told.push(`a ${stored}`));
    clock.advance(0);
    await settle();
    expect([store.batches, told]).toEqual([[1], ['a true']]);

    for (const name of ['b', 'c', 'd']) {
      clock.advance(5);
      journal.put(binding(`sip:${name}@h`));
      journal.whenStored((stored) => told.push(`${name} ${stored}`));
    }
    clock.advance(9);
    await settle();
    expect(store.batches).toEqual([1]);
    clock.advance(1);
    await settle();
    expect([store.batches, told]).toEqual([[1, 3], ['a true', 'b true', 'c true', 'd true']]);
    expect(clock.waiting).toBe(0);
  });

  test('is told when its own changes are written, however many batches there are', async () => {
    const { clock, store, journal } = make({ gatherMs: 25, maxBatch: 2 });
    const told: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      journal.put(binding(`sip:${name}@h`));
      journal.whenStored(() => told.push(`${name} ${store.kept.has(`1001 sip:${name}@h`)}`));
    }
    // written over, it keeps its place: who waited for the first waits for the second, and those behind it are not told before their time
    journal.put(binding('sip:c@h', 2));
    journal.whenStored(() => told.push(`c2 ${store.kept.get('1001 sip:c@h')?.cseq}`));
    for (const [ms, expected] of [[0, 2], [20, 4], [25, 6]] as const) {
      clock.advance(ms);
      await settle();
      expect(told).toHaveLength(expected);
    }
    expect(told).toEqual(['a true', 'b true', 'c true', 'd true', 'e true', 'c2 2']);
  });

  test('of what changes while it is written, nothing is told too soon', async () => {
    const { clock, store, journal } = make({ gatherMs: 25 });
    let release = (): void => undefined;
    const apply = store.contacts.apply;
    store.contacts.apply = async (changes) => {
      await new Promise<void>((resolve) => (release = resolve));
      return apply(changes);
    };
    const told: string[] = [];
    journal.put(binding('sip:a@h', 1));
    journal.whenStored(() => told.push('first'));
    clock.advance(0);
    journal.put(binding('sip:a@h', 2));
    journal.whenStored(() => told.push(`second ${store.kept.get('1001 sip:a@h')?.cseq}`));
    release();
    await settle();
    expect(told).toEqual(['first']);
    clock.advance(25);
    release();
    await settle();
    expect(told).toEqual(['first', 'second 2']);
  });

  test('nothing to write: at once', () => {
    const { journal } = make();
    let told: boolean | undefined;
    journal.whenStored((stored) => (told = stored));
    expect(told).toBe(true);
  });

  test('one that throws does not keep the others waiting', async () => {
    const { clock, journal } = make();
    let told = false;
    journal.put(binding('sip:a@h'));
    journal.whenStored(() => {
      throw new Error('gone');
    });
    journal.whenStored(() => (told = true));
    clock.advance(0);
    await settle();
    expect(told).toBe(true);
  });

  test('a store that fails: told so, and tried again within a second for whoever comes next', async () => {
    const { clock, store, journal } = make();
    const told: boolean[] = [];
    store.fail = new Error('disk full');
    journal.put(binding('sip:a@h'));
    journal.whenStored((stored) => told.push(stored));
    clock.advance(0);
    await settle();
    expect(told).toEqual([false]);
    // the interval is two seconds now, then four
    clock.advance(1000);
    await settle();
    expect(journal.stats().failures).toBe(2);
    store.fail = undefined;
    journal.put(binding('sip:b@h'));
    journal.whenStored((stored) => told.push(stored));
    clock.advance(999);
    await settle();
    expect(told).toEqual([false]);
    clock.advance(1);
    await settle();
    expect([told, store.kept.size]).toEqual([[false, true], 2]);
  });

  test('closed: what waits is written and told, who comes later is told no', async () => {
    const { journal } = make();
    const told: boolean[] = [];
    journal.put(binding('sip:a@h'));
    journal.whenStored((stored) => told.push(stored));
    await journal.close();
    journal.put(binding('sip:b@h'));
    journal.whenStored((stored) => told.push(stored));
    expect(told).toEqual([true, false]);
  });
});
