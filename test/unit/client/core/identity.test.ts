/** Who is there now: what our server asserts (RFC 3325) changes whom a call is shown to be with; what anybody else asserts does not. */
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
/** Header fields of the answers to INVITE, in order. */
let answers: string[][];

const sdp = 'v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n';
const contact = 'Contact: <sip:pbx.test>';
const carol = { user: '1003', name: 'Carol', uri: 'sip:1003@pbx.test' };
const asserted = 'P-Asserted-Identity: "Carol" <sip:1003@pbx.test>, <tel:+1003>';
const remoteParty = 'Remote-Party-ID: "Carol" <sip:1003@pbx.test>;party=calling;screen=yes';

beforeEach(() => {
  stage = new PhoneStage();
  answers = [];
  const host = (text: string, from: string): void => {
    const method = text.split(' ')[0]!;
    if (method === 'INVITE') stage.wire.send('pbx.test', from, answerTo(text, '200 OK', [contact, ...(answers.shift() ?? [])], sdp));
    else if (method !== 'ACK' && method !== 'SIP/2.0') stage.wire.send('pbx.test', from, answerTo(text, '200 OK'));
  };
  stage.wire.host('pbx.test', host);
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
});

/** `server`: ours, which is trusted. */
async function phone(server = true): Promise<void> {
  alice = await stage.phone('alice', {}, server ? 'pbx.test' : undefined);
  if (server) await alice.phone.connect();
}

async function talking() {
  const out = await alice.phone.dial('1002@pbx.test');
  await out.answered;
  await settle();
  return out;
}

function request(method: string, cseq: number, headers: string[], body = ''): string {
  const invite = stage.wire.seen('INVITE', 'alice.test')[0]!;
  return [
    `${method} sip:alice@alice.test SIP/2.0`, `Via: SIP/2.0/TCP pbx.test;branch=z9hG4bKpbx${cseq}${method}`, `From: ${field(invite, 'To')};tag=peer`, `To: ${field(invite, 'From')}`, `Call-ID: ${field(invite, 'Call-ID')}`,
    `CSeq: ${cseq} ${method}`, 'Max-Forwards: 70', contact, ...headers, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`, '', body,
  ].join('\r\n');
}

const send = (text: string): void => stage.wire.send('pbx.test', 'alice.test', text);

test.each([
  ['a re-INVITE', asserted, 'INVITE', sdp],
  ['a re-INVITE', remoteParty, 'INVITE', sdp],
  ['an UPDATE', asserted, 'UPDATE', ''],
  ['an UPDATE, after its number', 'P-Asserted-Identity: <tel:+1003>, "Carol" <sip:1003@pbx.test>', 'UPDATE', ''],
  ['an UPDATE, in a second line', 'P-Asserted-Identity: <tel:+1003>\r\nP-Asserted-Identity: "Carol" <sip:1003@pbx.test>', 'UPDATE', ''],
  ['an UPDATE with an offer', remoteParty, 'UPDATE', sdp],
])('in %s: %s', async (_name, header, method, body) => {
  await phone();
  const out = await talking();
  expect(out.info.party.user).toBe('1002');
  send(request(method, 1, [header], body));
  expect((await alice.hears('party')).with).toEqual(carol);
  expect(out.info.party).toEqual(carol);
  if (method === 'INVITE') send(request('ACK', 1, []));
  // the same again is no news
  send(request('UPDATE', 2, [asserted]));
  await until(() => stage.wire.seen('SIP/2.0 200', 'alice.test').some((text) => field(text, 'CSeq') === '2 UPDATE'));
  expect(alice.of('party')).toHaveLength(1);
});

test('in the answer to an INVITE of ours, and to a later one', async () => {
  await phone();
  answers = [[asserted], ['P-Asserted-Identity: <sip:1004@pbx.test>']];
  const out = await talking();
  expect(alice.of('answered')[0]!.with).toEqual(carol);
  await out.hold();
  expect(alice.of('party')).toMatchObject([{ call: out.id, with: { user: '1004', name: '' } }]);
});

test('while it rings: in the INVITE, and in an UPDATE before it is answered', async () => {
  await phone();
  const invite = ['INVITE sip:alice@alice.test SIP/2.0', 'Via: SIP/2.0/TCP pbx.test;branch=z9hG4bKin', 'From: <sip:anonymous@anonymous.invalid>;tag=peer', 'To: <sip:alice@pbx.test>', 'Call-ID: in', 'CSeq: 1 INVITE', 'Max-Forwards: 70', contact, 'P-Asserted-Identity: "Bob" <sip:1002@pbx.test>', 'Content-Type: application/sdp', `Content-Length: ${sdp.length}`, '', sdp];
  send(invite.join('\r\n'));
  expect((await alice.hears('incoming')).from).toEqual({ user: '1002', name: 'Bob', uri: 'sip:1002@pbx.test' });
  const ring = stage.wire.seen('SIP/2.0 180', 'alice.test')[0]!;
  send(['UPDATE sip:alice@alice.test SIP/2.0', 'Via: SIP/2.0/TCP pbx.test;branch=z9hG4bKup', `From: ${field(ring, 'From')}`, `To: ${field(ring, 'To')}`, 'Call-ID: in', 'CSeq: 2 UPDATE', 'Max-Forwards: 70', contact, asserted, 'Content-Length: 0', '', ''].join('\r\n'));
  expect((await alice.hears('party')).with).toEqual(carol);
  expect(alice.phone.calls[0]!.info).toMatchObject({ state: 'incoming', party: carol });
});

test('what nobody vouches for counts for nothing: without a server of ours', async () => {
  await phone(false);
  const out = await talking();
  send(request('UPDATE', 1, [asserted]));
  await until(() => stage.wire.seen('SIP/2.0 200', 'alice.test').length > 0);
  expect(alice.of('party')).toEqual([]);
  expect(out.info.party.user).toBe('1002');
});

test.each(['P-Asserted-Identity: ', 'P-Asserted-Identity: <tel:+4930>', 'P-Asserted-Identity: "x', 'Remote-Party-ID: <sip:@pbx.test>'])('%j says nothing', async (header) => {
  await phone();
  const out = await talking();
  send(request('UPDATE', 1, [header]));
  await until(() => stage.wire.seen('SIP/2.0 200', 'alice.test').length > 0);
  expect([alice.of('party').length, out.info.party.user]).toEqual([0, '1002']);
});
