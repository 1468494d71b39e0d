/** What every store must do with what can be set. */
import type { Item, Store } from '../../../signaling/store/store';
import { taken, whoHas } from '../../../signaling/store/who-has';
import { unless } from '../../support/peers';
import { code, freshStore, implementations, type Place } from './implementations';

const item = (kind: string, key: string, value: unknown = { key }): Item => ({ kind, key, value, updatedAt: Date.UTC(2026, 0, 1) });

describe.each(implementations)('items in the store: $name', (implementation) => {
  unless(implementation.missing())('contract', () => {
    let place: Place;
    let store: Store;
    freshStore(implementation, (opened, where) => {
      store = opened;
      place = where;
    });

    it('come back as they were put, the shorter keys first, page by page', async () => {
      for (const key of ['90', '800', '801', '1', 'x']) await store.items.put(item('group', key, { key, deep: { list: [1, null, 'ü'] } }), false);
      await store.items.put(item('menu', '2'), false);
      expect((await store.items.list('group')).map(({ key }) => key)).toEqual(['1', 'x', '90', '800', '801']);
      expect((await store.items.list('group', { after: 'x', limit: 2 })).map(({ key }) => key)).toEqual(['90', '800']);
      expect((await store.items.list('group', { after: '801' }))).toEqual([]);
      expect(await store.items.get('group', '90')).toEqual(item('group', '90', { key: '90', deep: { list: [1, null, 'ü'] } }));
      expect([await store.items.get('menu', '90'), await store.items.get('group', '2')]).toEqual([undefined, undefined]);
      expect((await store.items.all()).map(({ kind, key }) => `${kind} ${key}`)).toEqual(['group 1', 'group x', 'group 90', 'group 800', 'group 801', 'menu 2']);
    });

    it('take the place of what was there', async () => {
      await store.items.put(item('group', '800', { name: 'a' }), true);
      await store.items.put({ ...item('group', '800', { name: 'b' }), updatedAt: 5 }, true);
      expect(await store.items.list('group')).toEqual([{ kind: 'group', key: '800', value: { name: 'b' }, updatedAt: 5 }]);
    });

    it('share one set of numbers, those that can be dialled', async () => {
      await store.items.put(item('group', '800'), true);
      await store.items.put(item('trunk', '800'), false);
      expect(await code(store.items.put(item('queue', '800'), true))).toBe('store.failed');
      expect(await store.items.dialled('800')).toEqual(item('group', '800'));
      expect(await store.items.dialled('801')).toBeUndefined();
      expect([await whoHas(store, '800'), await whoHas(store, '8000'), await whoHas(store, '801')]).toEqual(['group', 'conference room', undefined]);
      expect([await taken(store, '800', 'queue'), await taken(store, '800', 'group'), await taken(store, '8000', 'extension')]).toEqual(['it is the number of a group', undefined, 'it is the number of a conference room']);
    });

    it('are removed once, which another process sees', async () => {
      const other = await place.open();
      await store.items.put(item('group', '800'), true);
      expect(await other.items.get('group', '800')).toEqual(item('group', '800'));
      expect([await other.items.remove('group', '800'), await store.items.remove('group', '800')]).toEqual([true, false]);
      expect(await store.changed()).toBe(true);
      await other.close();
    });

    it('are part of a transaction', async () => {
      await expect(store.transaction(async (parts) => {
        await parts.items.put(item('group', '800'), true);
        throw new Error('no');
      })).rejects.toThrow('no');
      expect(await store.items.all()).toEqual([]);
    });
  });
});
