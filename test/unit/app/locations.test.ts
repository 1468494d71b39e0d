import type { Binding } from '../../../signaling/app/binding';
import { Locations, type LocationEvent } from '../../../signaling/app/locations';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';
import { MemoryStore } from './fakes';

class Site {
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  readonly locations: Locations;

  constructor(readonly store = new MemoryStore('1001', '1002')) {
    this.locations = new Locations(store, { maxExpires: 3600 }, { clock: this.clock, log: silentLogger });
    this.locations.onEvent((e: LocationEvent) => this.events.push(`${e.type} ${e.binding.uri}`));
  }

  binding(change: Partial<Binding> = {}): Binding {
    return {
      extension: '1001',
      uri: 'sip:a@h',
      source: { protocol: 'udp', address: '192.0.2.7', port: 5060 },
      instance: null,
      regId: null,
      callId: 'c',
      cseq: 1,
      q: 1,
      userAgent: null,
      path: null,
      expiresAt: this.clock.now() + 60_000,
      updatedAt: this.clock.now(),
      ...change,
    };
  }

  put(change: Partial<Binding> = {}): void {
    const binding = this.binding(change);
    this.locations.apply(binding.extension, { put: [binding], remove: [] });
  }

  uris(extension = '1001'): string[] {
    return this.locations.lookup(extension).map((b) => b.uri);
  }
}

test('preferred first: by q, then the newest', () => {
  const site = new Site();
  site.put({ uri: 'sip:old@h' });
  site.put({ uri: 'sip:same@h' });
  site.clock.advance(1);
  site.put({ uri: 'sip:new@h' });
  site.put({ uri: 'sip:low@h', q: 0.5 });
  expect(site.uris()).toEqual(['sip:new@h', 'sip:same@h', 'sip:old@h', 'sip:low@h']);
  site.clock.advance(1);
  site.put({ uri: 'sip:old@h', cseq: 2 });
  expect(site.uris()[0]).toBe('sip:old@h');
});

test('extensions do not see each other, and nobody is an empty list', () => {
  const site = new Site();
  site.put();
  expect(site.uris('1002')).toEqual([]);
  expect(site.uris('9999')).toEqual([]);
});

test('a binding ends when its time is over, to the millisecond for those who ask', () => {
  const site = new Site();
  site.put({ expiresAt: 1500 });
  site.clock.advance(1499);
  expect(site.uris()).toEqual(['sip:a@h']);
  site.clock.advance(1);
  expect(site.uris()).toEqual([]);
  site.clock.advance(1000);
  expect(site.events).toEqual(['registered sip:a@h', 'expired sip:a@h']);
  expect(site.locations.stats()).toMatchObject({ contacts: 0, extensions: 0 });
});

test('a refresh prolongs, and leaves nothing of the old one', () => {
  const site = new Site();
  for (let i = 0; i < 100; i++) {
    site.put({ cseq: i });
    site.clock.advance(30_000);
  }
  expect(site.locations.stats()).toMatchObject({ contacts: 1, extensions: 1 });
  expect(site.events.slice(0, 3)).toEqual(['registered sip:a@h', 'refreshed sip:a@h', 'refreshed sip:a@h']);
  site.clock.advance(31_000);
  expect(site.events.at(-1)).toBe('expired sip:a@h');
});

test('one change puts and removes', () => {
  const site = new Site();
  site.put({ uri: 'sip:a@h' });
  site.locations.apply('1001', { put: [site.binding({ uri: 'sip:b@h' })], remove: site.locations.lookup('1001') });
  expect(site.uris()).toEqual(['sip:b@h']);
  expect(site.events).toEqual(['registered sip:a@h', 'unregistered sip:a@h', 'registered sip:b@h']);
});

describe('a dead flow', () => {
  test('is forgotten', () => {
    const site = new Site();
    site.put();
    const [binding] = site.locations.lookup('1001');
    expect(site.locations.forget(binding as Binding)).toBe(true);
    expect(site.uris()).toEqual([]);
    expect(site.locations.forget(binding as Binding)).toBe(false);
    expect(site.events.at(-1)).toBe('dropped sip:a@h');
  });

  test('not when the phone registered again meanwhile', () => {
    const site = new Site();
    site.put();
    const [binding] = site.locations.lookup('1001');
    site.put({ cseq: 2, source: { protocol: 'tcp', address: '192.0.2.7', port: 40000 } });
    expect(site.locations.forget(binding as Binding)).toBe(false);
    expect(site.uris()).toEqual(['sip:a@h']);
  });
});

describe('over a restart', () => {
  test('bindings come back with the time they have left', async () => {
    const first = new Site();
    first.put({ uri: 'sip:a@h', instance: '<urn:x>', regId: 2, q: 0.3, userAgent: 'Phone 1', path: '<sip:p;lr>', source: { protocol: 'tcp', address: '2001:db8::1', port: 40000 } });
    first.put({ extension: '1002', uri: 'sip:gone@h', expiresAt: 1000 });
    await first.locations.close();
    expect(first.store.kept.size).toBe(2);

    const second = new Site(first.store);
    // the new process's monotonic clock starts anywhere; the time of day went on by 20 s
    second.clock.advance(20_000);
    expect(await second.locations.start()).toEqual({ loaded: 1, discarded: 1 });
    const [binding] = second.locations.lookup('1001');
    expect(binding).toMatchObject({ uri: 'sip:a@h', instance: '<urn:x>', regId: 2, q: 0.3, userAgent: 'Phone 1', path: '<sip:p;lr>', expiresAt: 60_000 });
    expect(binding?.source).toEqual({ protocol: 'tcp', address: '2001:db8::1', port: 40000 });
    second.clock.advance(41_000);
    expect(second.uris()).toEqual([]);
    await second.locations.close();
    expect(first.store.kept.size).toBe(0);
  });

  test('a time too far ahead is cut to the longest allowed', async () => {
    const store = new MemoryStore('1001');
    const first = new Site(store);
    first.put({ expiresAt: 1e9 });
    await first.locations.close();
    const second = new Site(store);
    await second.locations.start();
    second.clock.advance(3_600_000);
    expect(second.uris()).toEqual([]);
  });

  test('what cannot be read is discarded', async () => {
    const store = new MemoryStore('1001');
    const first = new Site(store);
    first.put();
    await first.locations.close();
    for (const contact of store.kept.values()) contact.source = 'nonsense';
    const second = new Site(store);
    expect(await second.locations.start()).toEqual({ loaded: 0, discarded: 1 });
    await second.locations.close();
    expect(store.kept.size).toBe(0);
  });

  test('every change reaches the store', async () => {
    const site = new Site();
    site.put({ uri: 'sip:a@h' });
    site.put({ uri: 'sip:b@h' });
    await site.locations.flush();
    expect([...site.store.kept.values()].map((c) => c.uri)).toEqual(['sip:a@h', 'sip:b@h']);
    site.locations.apply('1001', { put: [], remove: [site.binding({ uri: 'sip:a@h' })] });
    await site.locations.flush();
    expect([...site.store.kept.values()].map((c) => c.uri)).toEqual(['sip:b@h']);
  });
});

describe('removed extensions', () => {
  test('lose their bindings', async () => {
    const site = new Site();
    site.put({ uri: 'sip:a@h' });
    site.put({ uri: 'sip:b@h' });
    site.put({ extension: '1002', uri: 'sip:c@h' });
    site.store.rows.delete('1001');
    expect(await site.locations.dropRemovedExtensions()).toBe(2);
    expect(site.uris('1001')).toEqual([]);
    expect(site.uris('1002')).toEqual(['sip:c@h']);
  });

  test('not those added while the store is asked', async () => {
    const site = new Site();
    const list = site.store.extensions.list;
    site.store.extensions.list = async () => {
      const rows = await list();
      site.store.rows.set('1003', { ...rows[0]!, number: '1003' });
      site.put({ extension: '1003', uri: 'sip:new@h' });
      return rows;
    };
    expect(await site.locations.dropRemovedExtensions()).toBe(0);
    expect(site.uris('1003')).toEqual(['sip:new@h']);
  });

  test('nothing is dropped when the store cannot be read', async () => {
    const site = new Site();
    site.put();
    site.store.extensions.list = async () => {
      throw new Error('locked');
    };
    expect(await site.locations.dropRemovedExtensions()).toBe(0);
    expect(site.uris()).toEqual(['sip:a@h']);
  });
});

test('a listener that throws harms neither the others nor the change', () => {
  const site = new Site();
  const locations = new Locations(site.store, { maxExpires: 3600 }, { clock: site.clock, log: silentLogger });
  const heard: string[] = [];
  locations.onEvent(() => {
    throw new Error('broken');
  });
  locations.onEvent((e) => heard.push(e.type));
  locations.apply('1001', { put: [site.binding()], remove: [] });
  expect(heard).toEqual(['registered']);
  expect(locations.lookup('1001')).toHaveLength(1);
});

test('one timer for all bindings', () => {
  const site = new Site();
  for (let i = 0; i < 100; i++) site.put({ uri: `sip:${i}@h` });
  // the wheel's and the journal's
  expect(site.clock.waiting).toBe(2);
});
