/** The same INVITE by two ways (RFC 3261 §8.2.2.2, §16): one call for who answers it, two for a proxy. */
import type { SipRequest } from '../../../../signaling/engine/wire/message';
import { ProxyBench } from './bench';

let sip: ProxyBench;

beforeEach(() => {
  sip = new ProxyBench();
});

afterEach(() => sip.expectNothingLeft());

/** A proxy before us has forked to three names that are all ours. */
function forks(): SipRequest[] {
  return ['bob', 'carol', 'dave'].map((user) => sip.request('INVITE', {}, { uri: `sip:${user}@example.com` }));
}

const finals = (invite: SipRequest): number[] => sip.caller.responses.filter((one) => one.topVia.branch === invite.topVia.branch && one.cseq.method === 'INVITE' && one.status >= 200).map(({ status }) => status);
const asked = (): string[] => sip.app.requests.map(({ message }) => `${(message as SipRequest).method} ${(message as SipRequest).uri}`);
const answer = (port: number, status: number): void => void sip.party(port).answer(status);

test('proxied: each is delivered when the one before has been sent on, and goes its own way', () => {
  const all = forks();
  for (const invite of all) sip.caller.say(invite);
  expect(sip.caller.responses.map(({ status }) => status)).toEqual([100, 100, 100]);
  expect(asked()).toEqual(['INVITE sip:bob@example.com']);
  sip.proxy([6001]);
  expect(asked()).toEqual(['INVITE sip:bob@example.com', 'INVITE sip:carol@example.com']);
  sip.proxy([6002]);
  sip.proxy([6003]);
  expect(asked()).toHaveLength(3);
  expect(new Set(sip.app.requests.map(({ transactionId }) => transactionId)).size).toBe(3);
  answer(6001, 486);
  answer(6002, 200);
  answer(6003, 404);
  expect(all.map(finals)).toEqual([[486], [200], [404]]);
  expect(sip.core.stats().counters.merged).toBe(0);
});

test.each([180, 486])('answered %d: the others are one call too many', (status) => {
  const all = forks();
  for (const invite of all) sip.caller.say(invite);
  sip.respond(status);
  expect(all.map(finals)).toEqual([status < 200 ? [] : [status], [482], [482]]);
  if (status < 200) {
    sip.caller.say(sip.request('INVITE'));
    expect(sip.caller.finals).toEqual([482, 482, 482]);
    sip.respond(486);
  }
  expect(asked()).toHaveLength(1);
  expect(sip.core.stats().counters.merged).toBe(status < 200 ? 3 : 2);
});

test('one that waits can be cancelled, and is passed over then', () => {
  const [first, second, third] = forks() as [SipRequest, SipRequest, SipRequest];
  for (const invite of [first, second, third]) sip.caller.say(invite);
  sip.cancel(second);
  expect(finals(second)).toEqual([487]);
  sip.proxy([6001]);
  expect(asked()).toEqual(['INVITE sip:bob@example.com', 'INVITE sip:dave@example.com']);
  sip.respond(404);
  answer(6001, 486);
  expect([first, second, third].map(finals)).toEqual([[486], [487], [404]]);
});

test('the first is not sent on after all: so the others are not either', () => {
  const all = forks();
  for (const invite of all) sip.caller.say(invite);
  sip.proxy(['sip:x@198.51.100.9;transport=sctp']);
  expect(all.map(finals)).toEqual([[500], [482], [482]]);
});

test('the next one of the same call is no fork', () => {
  sip.caller.say(sip.request('INVITE'));
  sip.caller.say(sip.request('INVITE', { CSeq: '2 INVITE' }));
  expect(sip.caller.finals).toEqual([482]);
  sip.respond(486);
});
