import { bestCause, causeOf, reasonHeader, refusalHeaders, refuse, relayedStatus, type Cause } from '../../../signaling/app/reasons';

test.each<[number, boolean, Cause]>([
  [486, true, 'busy'], [600, true, 'busy-everywhere'], [603, true, 'declined'], [607, true, 'declined'],
  [488, false, 'no-codec'], [415, false, 'no-codec'], [606, false, 'no-codec'], [403, false, 'refused'],
  [408, true, 'no-answer'], [408, false, 'unreachable'],
  [480, true, 'unreachable'], [404, false, 'unreachable'], [410, false, 'unreachable'], [401, false, 'unreachable'],
  [302, false, 'unreachable'], [500, true, 'unreachable'], [503, false, 'unreachable'], [487, true, 'unreachable'], [0, false, 'unreachable'],
])('a phone that says %i (rang: %s) means %s', (status, rang, cause) => {
  expect(causeOf({ status, rang })).toBe(cause);
});

test.each<[Cause[], Cause]>([
  [['unreachable'], 'unreachable'],
  [['unreachable', 'busy'], 'busy'],
  [['no-answer', 'busy', 'unreachable'], 'busy'],
  [['unreachable', 'no-answer'], 'no-answer'],
  [['unreachable', 'no-codec'], 'no-codec'],
  [['declined', 'busy'], 'declined'],
  [['cancelled'], 'cancelled'],
  [[], 'unreachable'],
])('of %j the caller hears %s', (causes, best) => {
  expect(bestCause(causes)).toBe(best);
});

test.each<[Cause, number]>([
  ['busy', 486], ['no-answer', 408], ['unreachable', 480], ['not-registered', 480], ['unknown-number', 404], ['no-codec', 488], ['declined', 603],
  ['too-many-calls', 503], ['no-ports', 503],
])('%s is %i to the caller', (cause, status) => {
  expect(refuse(cause, '1002').status).toBe(status);
});

test('a reason is for people and for machines', () => {
  const refusal = refuse('busy', '1002');
  expect(refusal.reason).toBe('1002 is busy');
  expect(reasonHeader(refusal)).toBe('Q.850;cause=17;text="1002 is busy"');
  expect(refusalHeaders(refusal)).toEqual({ Reason: 'Q.850;cause=17;text="1002 is busy"' });
  expect(refusalHeaders(refuse('too-many-calls', ''))).toMatchObject({ 'Retry-After': '5' });
});

test('nothing breaks out of a reason, and no replacement pattern works in it', () => {
  expect(refuse('unknown-number', '1"\\\r\nX: y\u00e9').reason).toBe('there is no number 1????X: y?');
  expect(refuse('unknown-number', '$&$1').reason).toBe('there is no number $&$1');
  expect(refuse('ended-by-engine', 'x'.repeat(300)).reason).toHaveLength(80);
});

test.each<[number, number]>([
  [200, 200], [202, 202], [204, 200], [491, 491], [488, 488], [408, 504], [401, 500], [407, 500], [302, 500], [199, 500],
  [469, 400], [494, 400], [599, 500], [699, 600], [481, 481], [503, 503],
])('a phone that answers %i to something inside a call: %i', (status, told) => {
  expect(relayedStatus(status)).toBe(told);
});
