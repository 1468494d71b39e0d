/** In whose name calls go outside, and what that one may. */
import type { Extension } from '../../../../signaling/store/store';
import { Outside, type OutsideDeps, type RouteSettings } from '../../../../signaling/app/trunks/outside';
import { FakeClock } from '../../../support/fake-clock';
import { extension } from '../call-fakes';

const route = { name: 'abroad', enabled: true, patterns: ['00X.'], class: 'international', trunks: ['one'], costPerMinute: 0, order: 0, strip: 0, prepend: '' } as unknown as RouteSettings;

function outside(permissions: OutsideDeps['settings']['permissions']): Outside {
  const people = new Map<string, Extension>([['1001', extension('1001')], ['1002', extension('1002', { settings: { permissions: ['international'] } })], ['1003', extension('1003', { settings: { permissions: [] } })]]);
  const one = new Outside({
    settings: { country: null, international: '00', national: '0', emergency: [], permissions },
    routes: () => [route],
    peer: () => undefined,
    peers: () => [],
    owns: (id) => id === '600',
    directory: { find: async (number) => people.get(number) },
    limits: {} as OutsideDeps['limits'],
    clock: new FakeClock(),
    random: (bytes) => Buffer.alloc(bytes),
    refused: () => undefined,
  });
  one.changed();
  return one;
}

// there is no trunk: who may call is told so
it.each<[string, string, 'no-trunk' | 'not-permitted', 'no-trunk' | 'not-permitted']>([
  ['an extension for which nothing is set', '1001', 'no-trunk', 'not-permitted'],
  ['one that may', '1002', 'no-trunk', 'no-trunk'],
  ['one that may not', '1003', 'not-permitted', 'not-permitted'],
  ['a group or a queue, as an extension for which nothing is set', '600', 'no-trunk', 'not-permitted'],
  ['a caller from outside', '+4930123', 'not-permitted', 'not-permitted'],
])('%s', async (_name, payer, permitted, otherwise) => {
  const cause = async (one: Outside): Promise<unknown> => {
    const to = await one.find('+4930123', payer, '0033123456', []);
    return to?.kind === 'nobody' ? to.refusal.cause : to;
  };
  expect([await cause(outside(['international'])), await cause(outside([]))]).toEqual([permitted, otherwise]);
});
