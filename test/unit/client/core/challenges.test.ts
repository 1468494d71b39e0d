/** Requests that are challenged by a proxy and by the server behind it, one after the other, and again (RFC 3261 §22). */
import { digestAnswer } from '../../../../client/sip/digest';
import type { Challenge } from '../../../../client/sip/challenges';
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
/** What comes instead of the answer, in order; undefined: the answer. */
let refusals: Array<((request: string) => string) | undefined>;

const contact = 'Contact: <sip:peer@pbx.test>';
const sdp = 'v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n';
const proxy = (nonce: string, more = '', realm = 'proxy') => (request: string): string => answerTo(request, '407 Proxy Authentication Required', [`Proxy-Authenticate: Digest realm="${realm}", nonce="${nonce}", qop="auth"${more}`]);
const server = (nonce: string, more = '', realm = 'pbx') => (request: string): string => answerTo(request, '401 Unauthorized', [`WWW-Authenticate: Digest realm="${realm}", nonce="${nonce}", qop="auth"${more}`]);
const sent = (method: string): string[] => stage.wire.seen(`${method} `, 'alice.test');
const all = (text: string, name: string): string[] => text.split('\r\n').filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));

/** 'realm nonce count' of each of its credentials, after having checked them. */
function credentials(text: string): { authorization: string[]; proxy: string[] } {
  const [method, uri] = text.split(' ') as [string, string];
  const read = (value: string): string => {
    const get = (name: string): string => new RegExp(`\\b${name}="?([^",]*)`).exec(value)?.[1] ?? '';
    const challenge: Challenge = { algorithm: 'MD5', session: false, realm: get('realm'), nonce: get('nonce'), opaque: undefined, stale: false, qop: 'auth' };
    expect(value).toBe(digestAnswer(challenge, { authUser: 'alice', password: 'secret' }, { method, uri, body: text.split('\r\n\r\n')[1]! }, get('cnonce'), parseInt(get('nc'), 16)));
    return `${get('realm')} ${get('nonce')} ${parseInt(get('nc'), 16)}`;
  };
  return { authorization: all(text, 'Authorization').map(read), proxy: all(text, 'Proxy-Authorization').map(read) };
}

beforeEach(async () => {
  stage = new PhoneStage();
  refusals = [];
  stage.wire.host('pbx.test', (text, from) => {
    const reply = (answer: string): void => stage.wire.send('pbx.test', from, answer);
    const method = text.split(' ')[0]!;
    if (method === 'ACK' || method === 'SIP/2.0') return;
    if (method === 'SUBSCRIBE') return reply(answerTo(text, '489 Bad Event'));
    const refuse = refusals.shift();
    if (refuse) return reply(refuse(text));
    if (method === 'INVITE') return reply(answerTo(text, '200 OK', [contact], sdp));
    reply(answerTo(text, '200 OK', method === 'REGISTER' ? [`Contact: ${field(text, 'Contact')};expires=300`] : []));
  });
  alice = await stage.phone('alice', {}, 'pbx.test');
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
});

test('407 of a proxy, then 401 of the registrar: both get theirs, and no nonce is used twice with the same count', async () => {
  refusals = [proxy('p1'), server('s1')];
  await alice.phone.register();
  expect(sent('REGISTER').map(credentials)).toEqual([
    { authorization: [], proxy: [] },
    { authorization: [], proxy: ['proxy p1 1'] },
    { authorization: ['pbx s1 1'], proxy: ['proxy p1 2'] },
  ]);
  expect(sent('REGISTER').map((text) => field(text, 'CSeq'))).toEqual(['1 REGISTER', '2 REGISTER', '3 REGISTER']);
});

test('two proxies one behind the other: a header field for each realm', async () => {
  refusals = [proxy('a1', '', 'a'), proxy('b1', '', 'b')];
  await alice.phone.register();
  expect(credentials(sent('REGISTER')[2]!)).toEqual({ authorization: [], proxy: ['a a1 2', 'b b1 1'] });
});

test('both at once, in one answer', async () => {
  refusals = [(text) => server('s1')(text).replace('WWW-Authenticate', 'Proxy-Authenticate: Digest realm="proxy", nonce="p1", qop="auth"\r\nWWW-Authenticate')];
  await alice.phone.register();
  expect(sent('REGISTER').map(credentials).slice(1)).toEqual([{ authorization: ['pbx s1 1'], proxy: ['proxy p1 1'] }]);
});

test('a nonce that has become stale in between is replaced, the other one kept', async () => {
  refusals = [server('s1'), proxy('p1'), server('s2', ', stale=true')];
  await alice.phone.register();
  expect(credentials(sent('REGISTER')[3]!)).toEqual({ authorization: ['pbx s2 1'], proxy: ['proxy p1 2'] });
});

test.each<[string, () => Array<(request: string) => string>, number]>([
  ['the proxy does not take it', () => [proxy('p1'), proxy('p2')], 2],
  ['the proxy takes it, the registrar does not', () => [proxy('p1'), server('s1'), server('s2')], 3],
  ['stale without end', () => [1, 2, 3, 4, 5, 6].map((n) => server(`s${n}`, ', stale=true')), 3],
  ['stale, with the very nonce that we used', () => [server('s1'), server('s1', ', stale=true')], 2],
  ['another realm each time', () => [1, 2, 3, 4, 5, 6].map((n) => server(`s${n}`, '', `realm${n}`)), 5],
])('a wrong password ends, without a loop: %s', async (_name, make, tries) => {
  refusals = make();
  await expect(alice.phone.register()).rejects.toMatchObject({ code: 'registration-refused' });
  stage.clock.advance(600_000);
  await settle();
  expect(sent('REGISTER')).toHaveLength(tries);
  refusals = [];
});

test('a call that is challenged twice comes about; what follows in it has numbers of its own', async () => {
  refusals = [proxy('p1'), server('s1')];
  await alice.phone.connect();
  const out = await alice.phone.dial('1002');
  await out.answered;
  expect(credentials(sent('INVITE')[2]!)).toEqual({ authorization: ['pbx s1 1'], proxy: ['proxy p1 2'] });
  refusals = [proxy('p2'), undefined, proxy('p3'), undefined];
  await out.sendDigits('1', 'info');
  await out.hold();
  await out.sendDigits('2', 'info');
  const numbers = [...sent('INFO'), ...sent('INVITE').slice(3)].map((text) => parseInt(field(text, 'CSeq')!, 10));
  expect(new Set(numbers).size).toBe(5);
  expect(Math.min(...numbers)).toBe(4);
  expect(Math.max(...numbers)).toBe(8);
});

test('given up before the challenge came: it is not sent again', async () => {
  let challenge = (): void => undefined;
  refusals = [(text) => {
    challenge = () => stage.wire.send('pbx.test', 'alice.test', proxy('p1')(text));
    return answerTo(text, '100 Trying');
  }];
  await alice.phone.connect();
  const out = await alice.phone.dial('1002');
  await settle();
  await out.hangUp();
  await until(() => sent('CANCEL').length === 1);
  challenge();
  await settle();
  expect(sent('INVITE')).toHaveLength(1);
});
