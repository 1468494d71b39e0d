/** Which places are tried last, and for how long (RFC 3263 §4.3, RFC 3261 §21.5.4). */
import { FailedPlaces } from '../../../../signaling/engine/resolve/failed-places';
import type { Place } from '../../../../signaling/engine/resolve/places';
import { restOf } from '../../../../signaling/engine/transaction/elsewhere';
import { SipResponse } from '../../../../signaling/engine/wire/message';
import { FakeClock } from '../../../support/fake-clock';

const places: Place[] = [1, 2, 3].map((n) => ({ protocol: 'udp', address: `192.0.2.${n}`, port: 5060 }));
const order = (failed: FailedPlaces): string => failed.inOrder(places).map(({ address }) => address.slice(-1)).join('');

test.each([
  ['that said nothing about it', undefined, 60],
  ['that asked for two minutes', 120_000, 120],
  ['that asked for no time at all', 0, 0],
  ['that asked for a year', 31_536_000_000, 3600],
])('one %s is tried last for as long', (_what, ms, seconds) => {
  const clock = new FakeClock();
  const failed = new FailedPlaces(clock);
  failed.add(places[0]!, ms);
  if (seconds > 0) {
    clock.advance(seconds * 1000 - 1);
    expect(order(failed)).toBe('231');
    clock.advance(1);
  }
  expect(order(failed)).toBe('123');
});

test('what was reached again has not failed', () => {
  const failed = new FailedPlaces(new FakeClock());
  failed.add(places[0]!, 120_000);
  failed.remove(places[0]!);
  expect(order(failed)).toBe('123');
});

test.each([
  ['120', 120_000],
  ['18000;duration=3600', 18_000_000],
  ['120 (in a meeting)', 120_000],
  ['0', 0],
  ['soon', undefined],
  ['1.5', undefined],
  ['-3', undefined],
  [undefined, undefined],
])('Retry-After: %s', (value, ms) => {
  const response = new SipResponse(503, 'Service Unavailable');
  if (value !== undefined) response.headers.append('Retry-After', value);
  expect(restOf(response)).toBe(ms);
});
