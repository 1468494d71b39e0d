/** What every store must do with recorded calls. */
import type { Recording, Store } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { freshStore, implementations } from './implementations';

const START = Date.UTC(2026, 0, 1);

const recording = (id: string, more: Partial<Recording> = {}): Recording => ({
  id, callId: id, from: '1001', to: '1002', startedAt: START, durationMs: 0, file: `recordings/2026/01/01/${id}.wav`, bytes: 0, state: 'recording', problem: null, ...more,
});

describe.each(implementations)('the store: $name', (implementation) => {
  unless(implementation.missing())('recordings', () => {
    let store: Store;
    freshStore(implementation, (opened) => void (store = opened));

    it('come back as they were added', async () => {
      const full = recording('a', { durationMs: 3 * 3600_000, bytes: 5_000_000_000, state: 'failed', problem: 'the disk is full' });
      await store.recordings.add(full);
      expect(await store.recordings.get('a')).toEqual(full);
      expect(await store.recordings.get('b')).toBeUndefined();
    });

    it('of one id there is one', async () => {
      await store.recordings.add(recording('a'));
      await expect(store.recordings.add(recording('a'))).rejects.toMatchObject({ code: 'store.failed' });
    });

    it('end', async () => {
      await store.recordings.add(recording('a'));
      expect(await store.recordings.end('a', { state: 'done', durationMs: 2000, bytes: 64_044, problem: null })).toBe(true);
      expect(await store.recordings.get('a')).toEqual(recording('a', { state: 'done', durationMs: 2000, bytes: 64_044 }));
      expect(await store.recordings.end('b', { state: 'done', durationMs: 1, bytes: 1, problem: null })).toBe(false);
    });

    it('are listed by number, time and state, the newest first', async () => {
      await store.recordings.add(recording('a'));
      await store.recordings.add(recording('b', { startedAt: START + 1000, state: 'done' }));
      await store.recordings.add(recording('c', { startedAt: START + 2000, from: '1003', to: '1001', state: 'done' }));
      const ids = async (filter?: Parameters<Store['recordings']['list']>[0]) => (await store.recordings.list(filter)).map(({ id }) => id).join(' ');
      expect(await ids()).toBe('c b a');
      expect(await ids({ from: '1001' })).toBe('b a');
      expect(await ids({ to: '1001' })).toBe('c');
      expect(await ids({ since: START + 1000 })).toBe('c b');
      expect(await ids({ before: START + 1000 })).toBe('a');
      expect(await ids({ state: 'done', limit: 1 })).toBe('c');
      expect(await ids({ from: '1001', state: 'recording' })).toBe('a');
    });

    it('are removed', async () => {
      await store.recordings.add(recording('a'));
      expect(await store.recordings.remove('a')).toBe(true);
      expect(await store.recordings.remove('a')).toBe(false);
      expect(await store.recordings.list()).toEqual([]);
    });

    it('take part in transactions', async () => {
      const gone = store.transaction(async ({ recordings }) => {
        await recordings.add(recording('a'));
        throw new Error('changed my mind');
      });
      await expect(gone).rejects.toThrow('changed my mind');
      expect(await store.recordings.list()).toEqual([]);
    });
  });
});
