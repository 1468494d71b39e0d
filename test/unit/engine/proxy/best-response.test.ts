/** Which response goes upstream, as a table (RFC 3261 §16.7 step 6). */
import { bestResponse, challengesIn, mergeChallenges } from '../../../../signaling/engine/core/proxy/best-response';
import { SipResponse } from '../../../../signaling/engine/wire/message';

const response = (status: number, ...lines: Array<[string, string]>): SipResponse => {
  const made = new SipResponse(status, 'x');
  for (const [name, value] of lines) made.headers.append(name, value);
  return made;
};

const table: Array<[string, number[], number | undefined]> = [
  ['nobody answered', [], undefined],
  ['one', [486], 486],
  ['6xx before everything', [302, 404, 401, 603, 500], 603],
  ['the lowest class: 3xx', [500, 404, 302], 302],
  ['4xx before 5xx', [500, 404], 404],
  ['what tells the caller how to ask again', [404, 486, 415], 415],
  ['a challenge first of those', [420, 484, 407], 407],
  ['401 and 407: the first', [407, 401], 407],
  ['of equals the first', [486, 480, 404], 486],
  ['an answer rather than none', [408, 480], 480],
  ['an answer rather than the end of a CANCEL', [487, 486], 486],
  ['408 rather than 5xx', [500, 408], 408],
  ['503 only when there is no other', [503, 504], 504],
  ['503 alone', [503, 503], 503],
];

test.each(table)('%s: %j', (_what, statuses, expected) => {
  expect(bestResponse(statuses.map((status) => response(status)))?.status).toBe(expected);
});

test.each([
  [[486, 487], 487],
  [[401, 487], 487],
  [[486], 486],
  [[603, 487], 603],
])('when the caller has given up, 487 is what it waits for: %j', (statuses, expected) => {
  expect(bestResponse(statuses.map((status) => response(status)), true)?.status).toBe(expected);
});

test('challenges of all 401 and 407 are put together, each once', () => {
  const best = response(407, ['Proxy-Authenticate', 'Digest realm="a"']);
  const others = [
    response(401, ['WWW-Authenticate', 'Digest realm="b"'], ['WWW-Authenticate', 'Digest realm="c"']),
    response(407, ['Proxy-Authenticate', 'Digest realm="a"'], ['Proxy-Authenticate', 'Digest realm="d"']),
    response(486, ['WWW-Authenticate', 'Digest realm="not a challenge"']),
  ];
  mergeChallenges(best, others);
  expect(best.headers.getAll('proxy-authenticate')).toEqual(['Digest realm="a"', 'Digest realm="d"']);
  expect(best.headers.getAll('www-authenticate')).toEqual(['Digest realm="b"', 'Digest realm="c"']);
  expect(challengesIn(best)).toHaveLength(4);
});

test('nothing is added to a response that is no challenge', () => {
  const best = response(486);
  mergeChallenges(best, [response(401, ['WWW-Authenticate', 'Digest realm="b"'])]);
  expect([...best.headers]).toEqual([]);
  expect(challengesIn(best)).toEqual([]);
});
