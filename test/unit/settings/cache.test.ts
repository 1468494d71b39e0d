import { SettingsCache } from '../../../signaling/settings/cache';
import type { KindName } from '../../../signaling/settings/values';
import type { Item } from '../../../signaling/store/store';
import { createLogger } from '../../../signaling/log';

const silent = createLogger({ level: 'silent' });
const team = 'team' as KindName;

it('has everything at hand, and reads it again when the store has changed', async () => {
  let items: Item[] = [{ kind: 'team', key: '5', value: { number: '5' }, updatedAt: 0 }, { kind: 'line', key: '5', value: 'x', updatedAt: 0 }];
  const cache = new SettingsCache({ all: async () => items }, silent);
  const heard: unknown[] = [];
  cache.onChanged(() => void heard.push(cache.all(team)));
  cache.onChanged(() => {
    throw new Error('one who fails harms nobody');
  });
  await cache.start();
  expect(cache.get(team, '5')).toEqual({ number: '5' });
  items = [{ kind: 'team', key: '6', value: { number: '6' }, updatedAt: 0 }];
  await cache.reload();
  expect([cache.get(team, '5'), cache.get(team, '6'), cache.all(team)]).toEqual([undefined, { number: '6' }, [{ number: '6' }]]);
  expect(heard).toEqual([[{ number: '5' }], [{ number: '6' }]]);
});

it('goes on with what it had when the store cannot be read', async () => {
  let fails = false;
  const cache = new SettingsCache({ all: async () => (fails ? Promise.reject(new Error('locked')) : [{ kind: 'team', key: '5', value: 1, updatedAt: 0 }]) }, silent);
  await cache.start();
  fails = true;
  await cache.reload();
  expect(cache.get(team, '5')).toBe(1);
});
