/** RFC 5626: the Path of clients that register over a flow of ours, and what comes by it. Over real sockets: `test/contract/engine/flows`. */
import { bindingOf } from '../../../../signaling/engine/core/registrations';
import { Marks } from '../../../../signaling/engine/core/proxy/marks';
import { parseNameAddr } from '../../../../signaling/engine/wire/name-addr';
import { parseUri } from '../../../../signaling/engine/wire/uri';
import { ProxyBench, settled, type Party } from './bench';

let sip: ProxyBench;
let phone: Party;
let registrar: Party;

beforeEach(() => {
  sip = new ProxyBench({ proxySecret: 'kept' });
  phone = sip.party(40123, 'tcp', '198.51.100.7');
  registrar = sip.party(6001);
});

afterEach(() => sip.expectNothingLeft());

const contact = '<sip:alice@phone.invalid>;+sip.instance="<urn:uuid:1>";reg-id=1';
const overTcp = { Via: 'SIP/2.0/TCP phone.invalid;branch=z9hG4bKreg' };

/** The Path the registrar is told. */
function path(lines: Record<string, string> = {}): string[] {
  sip.proxied(sip.request('REGISTER', { ...overTcp, Contact: contact, ...lines }), [6001], { remain: true }, phone);
  const values = registrar.lastRequest.headers.getList('path');
  registrar.answer(200);
  return values;
}

/** An INVITE that the registrar sends to the phone's Contact by this Route. */
const invite = (route: string, uri = 'sip:alice@phone.invalid') => sip.request('INVITE', { Via: 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKinv', Route: route, 'Call-ID': 'call2', Contact: '<sip:bob@198.51.100.9:6001>' }, { uri });

test('a client that asks for outbound gets a Path with its flow; it leads back over that, and we stay in the call', () => {
  const [entry = '', ...none] = path();
  expect(none).toEqual([]);
  expect(entry).toMatch(/^<sip:[\w-]+\.[\w-]{14}@192\.0\.2\.1:5060;lr;ob>$/);
  sip.proxied(invite(entry), ['sip:alice@phone.invalid'], {}, registrar);
  expect(phone.lastRequest).toMatchObject({ method: 'INVITE', uri: 'sip:alice@phone.invalid' });
  expect(phone.lastRequest.headers.has('route')).toBe(false);
  expect(phone.lastRequest.headers.getList('record-route')).toHaveLength(2);
  phone.answer(200, { lines: [['Contact', '<sip:alice@phone.invalid>']] });
  const routes = registrar.lastResponse.headers.getList('record-route').reverse();
  expect(routes[1]).toContain(';flow=tcp:198.51.100.7:40123');
  registrar.say(sip.request('BYE', { Via: 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKbye', 'Call-ID': 'call2', To: registrar.lastResponse.headers.get('to'), CSeq: '2 BYE', Route: routes.join(', ') }, { uri: 'sip:alice@phone.invalid' }));
  expect(phone.lastRequest.method).toBe('BYE');
  phone.answer(200);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['no reg-id', { Contact: '<sip:alice@phone.invalid>;+sip.instance="<urn:uuid:1>"' }, /^<sip:192\.0\.2\.1:5060;lr>$/],
  ['a reg-id without an instance', { Contact: '<sip:alice@phone.invalid>;reg-id=1' }, /^<sip:192\.0\.2\.1:5060;lr>$/],
  ['another proxy before us', { Via: `${overTcp.Via}, SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKfirst` }, /^<sip:192\.0\.2\.1:5060;lr>$/],
])('a Path without a token: %s', (_what, lines, expected) => {
  expect(path(lines)).toEqual([expect.stringMatching(expected)]);
});

test('the flow is gone: 430, whatever else the URI would lead to', async () => {
  const [entry = ''] = path();
  phone.open = false;
  sip.proxied(invite(entry), ['sip:alice@phone.invalid'], {}, registrar);
  await settled();
  expect(registrar.finals).toEqual([430]);
  registrar.say(sip.request('ACK', { Via: 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKinv', 'Call-ID': 'call2', To: registrar.lastResponse.headers.get('to') }, { uri: 'sip:alice@phone.invalid' }));
});

test('a token that was not made here: 403, and no application is asked', () => {
  const [entry = ''] = path();
  const asked = sip.app.requests.length;
  const stranger = new Marks('another', () => Buffer.alloc(20)).token(phone.id);
  const forged = [entry.replace(/\.(.)/, (_all, one: string) => `.${one === 'A' ? 'B' : 'A'}`), entry.replace(/:(.)/, (_all, one: string) => `:${one === 'A' ? 'B' : 'A'}`), `<sip:${stranger}@192.0.2.1:5060;lr;ob>`, '<sip:x@192.0.2.1:5060;lr;ob>'];
  for (const [n, route] of forged.entries()) {
    sip.caller.say(sip.request('MESSAGE', { Route: route, 'Call-ID': `forged${n}` }, { uri: 'sip:alice@phone.invalid' }));
    expect(sip.caller.lastResponse).toMatchObject({ status: 403, reason: 'Invalid Flow Token' });
  }
  expect(sip.app.requests).toHaveLength(asked);
  expect(phone.requests).toEqual([]);
  expect(sip.core.stats().counters.forgedTokens).toBe(forged.length);
});

test('a Route of ours without `ob`, or of somebody else, is no token of ours', () => {
  for (const [n, route] of ['<sip:pbx@192.0.2.1:5060;lr>', '<sip:x@203.0.113.1;lr;ob>', '<sip:192.0.2.1:5060;lr;ob>'].entries()) {
    sip.caller.say(sip.request('MESSAGE', { Route: route, 'Call-ID': `plain${n}` }));
    expect(sip.app.last.message.callId).toBe(`plain${n}`);
    sip.proxy([6001]);
    registrar.answer(200);
  }
});

test('the client itself names its edge (RFC 5626 §5.3.1), and an application that sends it elsewhere: the token is only taken off', () => {
  const [entry = ''] = path();
  sip.proxied(sip.request('MESSAGE', { Via: 'SIP/2.0/TCP phone.invalid;branch=z9hG4bKout', Route: entry, 'Call-ID': 'out' }, { uri: 'sip:bob@198.51.100.9:6001' }), ['sip:bob@198.51.100.9:6001'], {}, phone);
  expect(registrar.lastRequest.method).toBe('MESSAGE');
  expect(registrar.lastRequest.headers.has('route')).toBe(false);
  registrar.answer(200);
  sip.proxied(sip.request('MESSAGE', { Route: entry, 'Call-ID': 'divert' }, { uri: 'sip:alice@phone.invalid' }), [6002]);
  expect(sip.party(6002).lastRequest.headers.has('route')).toBe(false);
  sip.party(6002).answer(200);
  expect(phone.requests).toEqual([]);
});

test('a sips URI is not sent over a flow without TLS', () => {
  const [entry = ''] = path();
  sip.proxied(sip.request('MESSAGE', { Route: entry, 'Call-ID': 'sips' }, { uri: 'sips:alice@phone.invalid' }), ['sips:alice@phone.invalid']);
  expect(sip.caller.finals).toEqual([500]);
  expect(phone.requests).toEqual([]);
});

test('tokens hold with the secret, and only with it', () => {
  const random = (): Buffer => Buffer.alloc(20);
  const marks = new Marks('kept', random);
  for (const id of ['tcp:192.0.2.7:40312#12', 'udp:2001:db8::1:5060@:::5060']) {
    const token = marks.token(id);
    expect(parseUri(`sip:${token}@192.0.2.1`).user).toBe(token);
    expect(new Marks('kept', random).flowOf(token)).toBe(id);
    expect(new Marks('other', random).flowOf(token)).toBeUndefined();
  }
  for (const text of ['', '.', 'alice', 'a.b', `.${'A'.repeat(14)}`]) expect(marks.flowOf(text)).toBeUndefined();
});

test.each([
  ['<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=1', true],
  ['<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=0', false],
  ['<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=x', false],
  ['<sip:a@b>;+sip.instance="<urn:uuid:1>"', false],
  ['<sip:a@b>;reg-id=1', false],
])('%s has a binding of its own: %s', (value, expected) => {
  expect(bindingOf(parseNameAddr(value)) !== '').toBe(expected);
});
