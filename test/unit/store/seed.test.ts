import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ha1 } from '../../../signaling/credentials';
import { addExtension, checkRealm, realmFor, seedFirstExtensions } from '../../../signaling/store/seed';
import { openStore, type Store } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';

const config = { sip: { realm: 'offhook' } };
const clock = new FakeClock(Date.UTC(2026, 5, 1));

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-seed-'));
  store = await openStore({ dataDir: folder });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the first start', () => {
  it('makes 1001 and 1002, whose passwords are kept only as digests', async () => {
    const made = await seedFirstExtensions(store, config, { clock });
    expect(made.map((one) => one.number)).toEqual(['1001', '1002']);
    expect(made[0]!.password).not.toBe(made[1]!.password);
    const kept = await store.extensions.list();
    expect(kept).toEqual(made.map(({ number, password }) => ({ number, name: null, media: 'anchored', srtp: 'optional', recording: 'on-demand', createdAt: Date.UTC(2026, 5, 1), ha1: ha1(number, 'offhook', password) })));
    expect(await store.meta.get('realm')).toBe('offhook');
  });

  it('happens once, even when the extensions are removed', async () => {
    await seedFirstExtensions(store, config, { clock });
    await store.extensions.remove('1001');
    await store.extensions.remove('1002');
    expect(await seedFirstExtensions(store, config, { clock })).toEqual([]);
    expect(await store.extensions.count()).toBe(0);
  });

  it('leaves a store alone that has, or had, extensions of its own', async () => {
    await addExtension(store, config, { number: '2000', password: 'secret', createdAt: 0 });
    expect(await seedFirstExtensions(store, config, { clock })).toEqual([]);
    await store.extensions.remove('2000');
    expect(await seedFirstExtensions(store, config, { clock })).toEqual([]);
  });

  it('is all or nothing', async () => {
    const random = () => {
      throw new Error('no entropy');
    };
    await expect(seedFirstExtensions(store, config, { clock, random })).rejects.toThrow('no entropy');
    expect((await seedFirstExtensions(store, config, { clock })).length).toBe(2);
  });

  it('of two servers at once makes them once', async () => {
    const other = await openStore({ dataDir: folder });
    const made = await Promise.all([seedFirstExtensions(store, config, { clock }), seedFirstExtensions(other, config, { clock })]);
    expect(made.flat()).toHaveLength(2);
    await other.close();
  });
});

describe('the realm', () => {
  it('is that of the settings at first, and then the one that passwords were made for', async () => {
    expect(await realmFor(store, config)).toBe('offhook');
    expect(await realmFor(store, { sip: { realm: 'other' } })).toBe('offhook');
  });

  it('may change as long as there are no passwords', async () => {
    await checkRealm(store, config);
    await checkRealm(store, { sip: { realm: 'other' } });
    expect(await store.meta.get('realm')).toBe('other');
  });

  it('may not change once there are, and what to do is said', async () => {
    await addExtension(store, config, { number: '2000', password: 'secret', createdAt: 0 });
    await checkRealm(store, config);
    const refused = checkRealm(store, { sip: { realm: 'other' } });
    await expect(refused).rejects.toMatchObject({ code: 'store.realm-changed', exitCode: 2 });
    await expect(refused).rejects.toThrow('Set sip.realm to “offhook”');
  });

  it('of a later extension is that of the store, whatever the settings say', async () => {
    await checkRealm(store, config);
    const added = await addExtension(store, { sip: { realm: 'other' } }, { number: '2000', password: 'secret', name: 'Ann', media: 'direct', createdAt: 7 });
    expect(added).toEqual({ number: '2000', name: 'Ann', media: 'direct', srtp: 'optional', recording: 'on-demand', createdAt: 7, ha1: ha1('2000', 'offhook', 'secret') });
    expect(await store.extensions.get('2000')).toEqual(added);
  });
});
