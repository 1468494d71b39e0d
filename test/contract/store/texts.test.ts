/** What every store must do with short messages that wait for a phone. */
import type { Store, TextMessage } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { freshStore, implementations } from './implementations';

const START = Date.UTC(2026, 0, 1);
const MANY = { each: 100, bySender: 100 };

const text = (id: string, more: Partial<TextMessage> = {}): TextMessage => ({
  id, from: '1001', fromName: 'Ann', to: '1002', contentType: 'text/plain;charset=utf-8', body: 'grüße 你好', state: 'queued', tries: 0, receivedAt: START, endedAt: null, ...more,
});

describe.each(implementations)('the store: $name', (implementation) => {
  unless(implementation.missing())('short messages', () => {
    let store: Store;
    let texts: Store['texts'];
    freshStore(implementation, (opened) => {
      store = opened;
      texts = opened.texts;
    });
    const ids = async (filter?: Parameters<Store['texts']['list']>[0]) => (await texts.list(filter)).map(({ id }) => id).join(' ');

    it('come back as they were added, once', async () => {
      const full = text('a', { from: '1001@acme.example', fromName: null, tries: 3, receivedAt: START + 5 });
      expect(await texts.add(full, MANY)).toBe(true);
      expect([await texts.get('a'), await texts.get('b')]).toEqual([full, undefined]);
      await expect(texts.add(full, MANY)).rejects.toMatchObject({ code: 'store.failed' });
    });

    it('are queued in order, for each number by itself, as many as may be', async () => {
      for (const id of ['b', 'a', 'c']) await texts.add(text(id), MANY);
      await texts.add(text('d', { to: '1003', from: '1004' }), MANY);
      expect(await texts.add(text('e'), { each: 3, bySender: 100 })).toBe(false);
      expect(await texts.add(text('e', { to: '1005' }), { each: 100, bySender: 3 })).toBe(false);
      expect([(await texts.next('1002'))?.id, (await texts.next('1003'))?.id, await texts.next('1005'), (await texts.waiting()).sort()]).toEqual(['a', 'd', undefined, ['1002', '1003']]);
    });

    it('are tried, and end', async () => {
      await texts.add(text('a'), MANY);
      await texts.add(text('b'), MANY);
      expect(await texts.tried('a')).toBe(true);
      expect(await texts.tried('a', { state: 'delivered', endedAt: START + 9 })).toBe(true);
      expect(await texts.get('a')).toEqual(text('a', { state: 'delivered', tries: 2, endedAt: START + 9 }));
      expect([await texts.tried('a'), (await texts.next('1002'))?.id]).toEqual([false, 'b']);
    });

    it('are listed, the newest first', async () => {
      await texts.add(text('a'), MANY);
      await texts.add(text('b', { from: '1003' }), MANY);
      await texts.add(text('c', { to: '1003' }), MANY);
      await texts.tried('a', { state: 'failed', endedAt: START });
      expect(await Promise.all([ids(), ids({ from: '1001' }), ids({ to: '1002' }), ids({ state: 'failed' }), ids({ after: 'c', limit: 1 })])).toEqual(['c b a', 'c a', 'b a', 'a', 'b']);
    });

    it('expire, and are forgotten', async () => {
      await texts.add(text('a'), MANY);
      await texts.add(text('b', { receivedAt: START + 1000 }), MANY);
      expect(await texts.expire(START + 1, START + 2000)).toEqual([text('a', { state: 'expired', endedAt: START + 2000 })]);
      expect((await texts.next('1002'))?.id).toBe('b');
      await texts.forget(START + 2000);
      expect(await ids()).toBe('b a');
      await texts.forget(START + 2001);
      expect(await ids()).toBe('b');
    });

    it('that wait go with their extension; what became of others stays', async () => {
      await store.extensions.add({ number: '1002', name: null, ha1: { md5: 'a'.repeat(32), sha256: 'b'.repeat(64) }, media: 'anchored', srtp: 'off', recording: 'never', createdAt: START });
      await texts.add(text('a'), MANY);
      await texts.add(text('b'), MANY);
      await texts.tried('a', { state: 'delivered', endedAt: START });
      await store.extensions.remove('1002');
      expect(await ids()).toBe('a');
    });
  });
});
