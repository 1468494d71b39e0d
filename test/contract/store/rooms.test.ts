/** What every store must do with conference rooms. */
import type { Room, Store } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { code, freshStore, implementations, type Place } from './implementations';

const room = (number: string, more: Partial<Room> = {}): Room => ({
  number, name: null, pin: null, moderatorPin: null, maxMembers: 10, announce: false, simple: false, startMuted: false, waitForModerator: false, record: false, createdAt: Date.UTC(2026, 0, 1),
  ...more,
});

describe.each(implementations)('rooms in the store: $name', (implementation) => {
  unless(implementation.missing())('contract', () => {
    let place: Place;
    let store: Store;
    freshStore(implementation, (opened, where) => {
      store = opened;
      place = where;
    });

    it('begin with the party line, open to everybody', async () => {
      expect(await store.rooms.list()).toEqual([
        { number: '8000', name: 'Party line', pin: null, moderatorPin: null, maxMembers: 300, announce: false, simple: true, startMuted: false, waitForModerator: false, record: false, createdAt: 0 },
      ]);
    });

    it('come back as they were added, in the order of their numbers', async () => {
      const full = room('501', { name: 'Vertrieb 电话', pin: '0012', moderatorPin: '9876543210', maxMembers: 2000, announce: true, simple: true, startMuted: true, waitForModerator: true, record: true });
      await store.rooms.add(full);
      await store.rooms.add(room('90'));
      expect(await store.rooms.get('501')).toEqual(full);
      expect((await store.rooms.list()).map(({ number }) => number)).toEqual(['90', '501', '8000']);
      expect(await store.rooms.get('502')).toBeUndefined();
      expect((await store.rooms.list({ after: '90', limit: 1 })).map(({ number }) => number)).toEqual(['501']);
    });

    it('are not added twice', async () => {
      await store.rooms.add(room('501', { name: 'first' }));
      expect(await code(store.rooms.add(room('501')))).toBe('store.room-exists');
      expect((await store.rooms.get('501'))?.name).toBe('first');
    });

    it.each<[keyof Room, string | number | boolean]>([
      ['name', 'x'], ['pin', '123'], ['moderatorPin', '456'], ['maxMembers', 3], ['announce', true], ['simple', true], ['startMuted', true], ['waitForModerator', true], ['record', true],
    ])('are updated field by field: %s', async (field, value) => {
      await store.rooms.add(room('501'));
      await store.rooms.update('501', { [field]: value });
      expect(await store.rooms.get('501')).toEqual(room('501', { [field]: value }));
      await store.rooms.update('501', {});
      await store.rooms.update('501', { [field]: room('501')[field] });
      expect(await store.rooms.get('501')).toEqual(room('501'));
    });

    it('that do not exist cannot be updated or removed', async () => {
      expect([await code(store.rooms.update('501', {})), await store.rooms.remove('501')]).toEqual(['store.room-not-found', false]);
    });

    it('are removed, and seen by others', async () => {
      const other = await place.open();
      await store.rooms.add(room('501'));
      await other.changed();
      expect(await store.rooms.remove('501')).toBe(true);
      expect([await other.changed(), (await other.rooms.list()).length]).toEqual([true, 1]);
      await other.close();
    });
  });
});
