/** Max-Breadth (RFC 5393 §5): what a forked request may fork into further down, and what may not be forked at all. */
import { Headers } from '../../../../signaling/engine/wire/headers';
import { ProxyBench } from './bench';

let sip: ProxyBench;

beforeEach(() => {
  sip = new ProxyBench();
});

afterEach(() => sip.expectNothingLeft());

const ports = (count: number): number[] => Array.from({ length: count }, (_, n) => 6001 + n);
const breadthAt = (port: number): string | undefined => sip.party(port).lastRequest.headers.get('max-breadth');
const answerAll = (count: number): void => ports(count).forEach((port) => void sip.party(port).answer(200));

test.each([
  [undefined, 3, ['20', '20', '20']],
  ['7', 3, ['3', '2', '2']],
  ['2', 2, ['1', '1']],
  ['1', 1, ['1']],
  // What is let in is bounded here, whatever the sender believes.
  ['4000000000', 2, ['30', '30']],
])('Max-Breadth %s over %d targets at once', (given, count, parts) => {
  sip.proxied(sip.request('OPTIONS', { 'Max-Breadth': given }), ports(count), { simultaneous: true });
  expect(ports(count).map(breadthAt)).toEqual(parts);
  answerAll(count);
});

test('the bound is an option', () => {
  sip = new ProxyBench({ maxBreadth: 5 });
  sip.proxied(sip.request('OPTIONS'), ports(2), { simultaneous: true });
  expect(ports(2).map(breadthAt)).toEqual(['3', '2']);
  answerAll(2);
});

test.each([
  ['1', 2, 440, /^refused: Rejected with 440 Max-Breadth Exceeded: 2 at once are more than the 1 it may have$/],
  ['0', 1, 440, /^refused: Rejected with 440 /],
  ['wide', 1, 400, /^refused: Rejected with 400 Bad Request: Max-Breadth is not a number$/],
])('Max-Breadth %s for %d targets at once: %d, and nobody is called', (given, count, status, words) => {
  const told = sip.proxied(sip.request('OPTIONS', { 'Max-Breadth': given }), ports(count), { simultaneous: true });
  expect(sip.caller.finals).toEqual([status]);
  expect(told.story).toEqual([expect.stringMatching(words)]);
  expect(ports(count).flatMap((port) => sip.party(port).heard)).toEqual([]);
  expect(sip.core.stats().counters.tooBroad).toBe(status === 440 ? 1 : 0);
});

test('one after the other each has all of it', () => {
  sip.proxied(sip.request('OPTIONS', { 'Max-Breadth': '3' }), ports(2));
  expect(breadthAt(6001)).toBe('3');
  sip.party(6001).answer(404);
  expect(breadthAt(6002)).toBe('3');
  sip.party(6002).answer(200);
});

test('targets of a redirect have what the redirecting one had; those it is too little for wait', () => {
  const told = sip.proxied(sip.request('OPTIONS', { 'Max-Breadth': '2' }), ports(2), { simultaneous: true, followRedirects: true });
  sip.party(6001).answer(302, { lines: [['Contact', '<sip:a@198.51.100.9:6011>, <sip:b@198.51.100.9:6012>']] });
  expect(breadthAt(6011)).toBe('1');
  expect(sip.party(6012).heard).toEqual([]);
  sip.party(6011).answer(404);
  expect(breadthAt(6012)).toBe('1');
  sip.party(6012).answer(404);
  sip.party(6002).answer(404);
  expect(told.story).toEqual(['started', '302', '404', '404', '404', 'done']);
});

test('an application cannot set it, and within a call it is passed on', () => {
  const headers = new Headers();
  headers.append('Max-Breadth', '500');
  sip.proxied(sip.request('INVITE', { 'Max-Breadth': '9' }), ports(1), { remain: true, headers });
  expect(sip.party(6001).lastRequest.headers.getAll('max-breadth')).toEqual(['9']);
  sip.party(6001).answer(200, { lines: [['Contact', '<sip:bob@198.51.100.9:6001>']] });
  const route = sip.caller.lastResponse.headers.get('record-route');
  const within = (seq: number, breadth: string): void =>
    sip.caller.say(sip.request('INFO', { To: '<sip:bob@example.com>;tag=tag6001', CSeq: `${seq} INFO`, Route: route, 'Max-Breadth': breadth }, { uri: 'sip:bob@198.51.100.9:6001' }));
  within(2, '4');
  expect(breadthAt(6001)).toBe('4');
  sip.party(6001).answer(200);
  within(3, '0');
  expect(sip.caller.finals).toEqual([200, 200, 440]);
});
