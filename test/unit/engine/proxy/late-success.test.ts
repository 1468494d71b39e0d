/** A 2xx behind another final response of the same branch: a proxy further down has cancelled too late (RFC 3261 §16.7 step 5, RFC 6026). */
import { ProxyBench, settled } from './bench';

let sip: ProxyBench;

beforeEach(() => {
  sip = new ProxyBench();
});

afterEach(() => sip.expectNothingLeft());

const target = (protocol: 'udp' | 'tcp'): string => `sip:x@198.51.100.9:6001${protocol === 'tcp' ? ';transport=tcp' : ''}`;
const answered = (): number[] => sip.caller.finals;

test.each(['udp', 'tcp'] as const)('over %s, after the refusal has gone up: it goes up as well, each time it comes', (protocol) => {
  const invite = sip.request('INVITE');
  const told = sip.proxied(invite, [target(protocol)]);
  const party = sip.party(6001, protocol);
  party.answer(603);
  sip.ack(invite);
  expect(party.whats).toEqual(['INVITE', 'ACK']);
  for (let n = 0; n < 2; n++) {
    const late = party.answer(200, { tag: 'late' });
    expect(late.headers.getAll('via')).toHaveLength(2);
  }
  expect(answered()).toEqual([603, 200, 200]);
  expect(sip.caller.lastResponse.toTag).toBe('late');
  expect(sip.caller.lastResponse.headers.getAll('via')).toHaveLength(1);
  // The application was told the end; it has no further part in this.
  expect(told.story).toEqual(['started', '603', 'done']);
});

test('while the next one rings: it is the answer, and the other is cancelled', () => {
  const told = sip.proxied(sip.request('INVITE'), [6001, 6002]);
  sip.party(6001).answer(486);
  sip.party(6002).answer(180);
  sip.party(6001).answer(200, { tag: 'late' });
  expect(answered()).toEqual([200]);
  expect(sip.party(6002).whats).toEqual(['INVITE', 'CANCEL']);
  sip.party(6002).answer(200, { to: sip.party(6002).lastRequest });
  sip.party(6002).answer(487);
  expect(told.story).toEqual(['started', '486', '200', 'done']);
});

test('from a server that was left for the next one of its name', async () => {
  const [first, second] = [sip.party(6001), sip.party(6002)];
  const rests: Array<number | undefined> = [];
  first.next = (restMs) => {
    rests.push(restMs);
    return Promise.resolve(second);
  };
  const invite = sip.request('INVITE');
  sip.proxied(invite, [6001]);
  first.answer(503, { lines: [['Retry-After', '7']] });
  expect(rests).toEqual([7000]);
  await settled();
  expect(second.whats).toEqual(['INVITE']);
  second.answer(486);
  sip.ack(invite);
  first.answer(200, { tag: 'late', to: first.requests[0]! });
  expect(answered()).toEqual([486, 200]);
});

test('when 64*T1 are over it belongs to nothing', () => {
  const invite = sip.request('INVITE');
  sip.proxied(invite, [6001]);
  sip.party(6001).answer(603);
  sip.ack(invite);
  sip.clock.advance(32_001);
  sip.party(6001).answer(200);
  expect(answered()).toEqual([603]);
});
