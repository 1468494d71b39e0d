/** What every store must do with records of calls. */
import type { CallFilter, CallRow, Store } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { callRow, START } from '../../support/call-row';
import { freshStore, implementations } from './implementations';

describe.each(implementations)('the store: $name', (implementation) => {
  unless(implementation.missing())('records of calls', () => {
    let store: Store;
    freshStore(implementation, (opened) => void (store = opened));
    const ids = async (filter?: CallFilter) => (await store.records.list(filter)).map(({ id }) => id).join(' ');

    it('come back as they were added, with their phones', async () => {
      const full = callRow('a', { tenant: 'acme.example', service: 'queue', details: { ...callRow('a').details, trunk: 'carrier', cost: { amount: 0.12, currency: 'EUR' } } });
      await store.records.add([full]);
      expect(await store.records.get('a')).toEqual(full);
      expect(await store.records.get('b')).toBeUndefined();
    });

    it('of one id there is one, the first', async () => {
      await store.records.add([callRow('a')]);
      await store.records.add([callRow('a', { cause: 'busy' }), callRow('b')]);
      expect([await ids(), (await store.records.get('a'))?.cause, await store.records.count()]).toEqual(['b a', 'hung-up', 2]);
    });

    it('come in any number at once', async () => {
      await store.records.add([]);
      await store.records.add(Array.from({ length: 333 }, (_, n) => callRow(`c${n}`, { startedAt: START + n })));
      expect([await store.records.count(), await ids({ limit: 2 })]).toEqual([333, 'c332 c331']);
    });

    it('are listed by what they were, the newest first', async () => {
      await store.records.add([
        callRow('a'),
        callRow('b', { startedAt: START + 1000, answeredAt: null, cause: 'busy', to: '1003' }),
        callRow('c', { startedAt: START + 2000, from: '1003', to: '1001', service: 'voicemail', details: { ...callRow('c').details, reason: '100%_sure \\ "of it"' } }),
        callRow('d', { startedAt: START + 2000, from: '1004@acme.example', tenant: 'acme.example' }),
      ]);
      const asked: Array<[CallFilter | undefined, string]> = [
        [undefined, 'd c b a'],
        [{ from: '1001' }, 'b a'],
        [{ to: '1002' }, 'd a'],
        [{ number: '1003' }, 'c b'],
        [{ since: START + 1000, until: START + 2000 }, 'b'],
        [{ cause: 'busy' }, 'b'],
        [{ answered: true }, 'd c a'],
        [{ answered: false }, 'b'],
        [{ service: 'voicemail' }, 'c'],
        [{ tenant: 'acme.example' }, 'd'],
        [{ text: '%_SURE' }, 'c'],
        [{ text: 'acme' }, 'd'],
        [{ text: 'agent of 1001' }, 'd c b a'],
        [{ behind: { startedAt: START + 2000, id: 'd' }, limit: 2 }, 'c b'],
      ];
      for (const [filter, expected] of asked) expect([filter, await ids(filter)]).toEqual([filter, expected]);
    });

    it('are forgotten, the oldest first', async () => {
      await store.records.add(Array.from({ length: 5 }, (_, n) => callRow(`c${n}`, { startedAt: START + n })));
      expect([await store.records.forget(START + 3, 2), await ids()]).toEqual([2, 'c4 c3 c2']);
      expect([await store.records.forget(START + 3, 9), await ids()]).toEqual([1, 'c4 c3']);
      expect(await store.records.forget(START + 3, 9)).toBe(0);
    });

    it('take part in transactions', async () => {
      const gone = store.transaction(async ({ records }) => {
        await records.add([callRow('a')] as CallRow[]);
        throw new Error('changed my mind');
      });
      await expect(gone).rejects.toThrow('changed my mind');
      expect(await store.records.count()).toBe(0);
    });
  });
});
