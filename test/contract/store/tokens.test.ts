/** What every store must do with tokens. */
import type { Store, Token } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { code, freshStore, implementations, type Place } from './implementations';

const token = (name: string, more: Partial<Token> = {}): Token => ({ name, scope: 'read', digest: name.padEnd(64, '0'), createdAt: Date.UTC(2026, 0, 1), ...more });

describe.each(implementations)('tokens in the store: $name', (implementation) => {
  unless(implementation.missing())('contract', () => {
    let place: Place;
    let store: Store;
    freshStore(implementation, (opened, where) => {
      store = opened;
      place = where;
    });

    it('come back as they were added, by name, and are found by their digest', async () => {
      expect(await store.tokens.list()).toEqual([]);
      await store.tokens.add(token('zeta', { scope: 'admin' }));
      await store.tokens.add(token('alpha'));
      expect(await store.tokens.list()).toEqual([token('alpha'), token('zeta', { scope: 'admin' })]);
      expect(await store.tokens.byDigest('zeta'.padEnd(64, '0'))).toEqual(token('zeta', { scope: 'admin' }));
      expect(await store.tokens.byDigest('zeta')).toBeUndefined();
    });

    it('are not added twice', async () => {
      await store.tokens.add(token('ci'));
      expect(await code(store.tokens.add(token('ci', { digest: 'f'.repeat(64) })))).toBe('store.token-exists');
      expect(await store.tokens.list()).toEqual([token('ci')]);
      expect(await code(store.tokens.add(token('other', { digest: token('ci').digest })))).toBe('store.failed');
    });

    it('are removed once, which another process sees', async () => {
      const other = await place.open();
      await store.tokens.add(token('ci'));
      expect(await other.tokens.byDigest(token('ci').digest)).toEqual(token('ci'));
      expect([await other.tokens.remove('ci'), await store.tokens.remove('ci')]).toEqual([true, false]);
      expect(await store.tokens.byDigest(token('ci').digest)).toBeUndefined();
      await other.close();
    });

    it('are part of a transaction', async () => {
      await expect(store.transaction(async (parts) => {
        await parts.tokens.add(token('ci'));
        throw new Error('no');
      })).rejects.toThrow('no');
      expect(await store.tokens.list()).toEqual([]);
    });
  });
});
