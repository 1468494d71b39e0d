/** What every store must do with events that wait for their webhooks. */
import type { Delivery, Store } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { freshStore, implementations } from './implementations';

const START = Date.UTC(2026, 0, 1);
const row = (event: number, more: Partial<Delivery> = {}): Delivery => ({ hook: 'crm', event, type: 'call.ended', body: '{"grüße":"你好"}', state: 'waiting', tries: 0, createdAt: START, endedAt: null, problem: null, ...more });
const dead = (event: number, more: Partial<Delivery> = {}): Delivery => row(event, { state: 'dead', tries: 3, endedAt: START + event, problem: 'it answered 400', ...more });

describe.each(implementations)('the store: $name', (implementation) => {
  unless(implementation.missing())('deliveries', () => {
    let store: Store;
    freshStore(implementation, (opened) => void (store = opened));
    const events = async (hook: string, state: Delivery['state'], more: { after?: number; limit?: number } = {}) => (await store.deliveries.list({ hook, state, limit: 100, ...more })).map(({ event }) => event);

    it('come back as they were written, the oldest first, in pages', async () => {
      const big = 1_795_000_000_000_123;
      await store.deliveries.write([row(big), row(3), dead(2), row(1, { hook: 'other' })], []);
      expect(await store.deliveries.list({ hook: 'crm', state: 'waiting', limit: 9 })).toEqual([row(3), row(big)]);
      expect(await store.deliveries.list({ hook: 'crm', state: 'dead', limit: 9 })).toEqual([dead(2)]);
      expect([await events('crm', 'waiting', { after: 3 }), await events('crm', 'waiting', { limit: 1 }), await store.deliveries.hooks()]).toEqual([[big], [3], ['crm', 'other']]);
    });

    it('are written again and removed, all or nothing', async () => {
      await store.deliveries.write([row(1), row(2), row(1, { hook: 'other' })], []);
      await store.deliveries.write([dead(2)], [{ hook: 'crm', event: 1 }, { hook: 'crm', event: 9 }]);
      expect([await events('crm', 'waiting'), await store.deliveries.list({ hook: 'crm', state: 'dead', limit: 9 }), await events('other', 'waiting')]).toEqual([[], [dead(2)], [1]]);
      await expect(store.deliveries.write([row(5), { ...row(6), body: null as unknown as string }], [{ hook: 'crm', event: 2 }])).rejects.toMatchObject({ code: 'store.failed' });
      expect([await events('crm', 'waiting'), await events('crm', 'dead')]).toEqual([[], [2]]);
    });

    it('are forgotten with their webhook; dead ones when they are old, or too many', async () => {
      await store.deliveries.write([...[1, 2, 3, 4, 5].map((event) => dead(event)), row(9), dead(1, { hook: 'other' }), dead(8, { hook: 'other' })], []);
      await store.deliveries.sweep(START + 2, 2);
      expect([await events('crm', 'dead'), await events('crm', 'waiting'), await events('other', 'dead')]).toEqual([[4, 5], [9], [8]]);
      await store.deliveries.forget('crm');
      expect([await events('crm', 'dead'), await events('crm', 'waiting'), await store.deliveries.hooks()]).toEqual([[], [], ['other']]);
    });
  });
});
