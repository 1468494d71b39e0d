import { meta, timeOfDay } from '../../../../signaling/engine/control/meta';

test.each([
  ['2026-11-23T00:00:00.000Z', '00:00:00.000000'],
  ['2026-11-23T23:59:59.999Z', '23:59:59.999000'],
  ['2026-11-23T23:59:59.009Z', '23:59:59.009000'],
  ['2026-11-24T00:00:00.010Z', '00:00:00.010000'],
  ['1969-12-31T23:59:59.999Z', '23:59:59.999000'],
])('%s is %s to an application', (time, told) => {
  expect(timeOfDay(new Date(time))).toBe(told);
});

test('the text counts in bytes where the envelope says no size', () => {
  const wall = new Date('2026-11-23T12:00:00.000Z');
  const envelope = { source: 'application', protocol: 'udp', address: '192.0.2.1', port: 5060 } as const;
  expect(meta(envelope, 'añ', wall)).toBe('application|3|udp|192.0.2.1|5060|12:00:00.000000');
  expect(meta({ ...envelope, bytes: 7 }, 'añ', wall)).toBe('application|7|udp|192.0.2.1|5060|12:00:00.000000');
});
