/** Calls to us from a script, and what is no call: limits, offers in the ACK, PRACK, Replaces, messages, lamps, presence, nonsense. */
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
let got: string[];

const sdp = (way = 'sendrecv'): string => `v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=${way}\r\n`;

beforeEach(async () => {
  stage = new PhoneStage();
  got = [];
  stage.wire.host('peer.test', (text, from) => {
    got.push(text);
    if (/^(BYE|NOTIFY)/.test(text)) stage.wire.send('peer.test', from, answerTo(text, '200 OK'));
  });
});

afterEach(async () => {
  await stage.close();
  expect(stage.parties.map(({ media }) => media.left)).toEqual(stage.parties.map(() => 0));
  expect(stage.clock.waiting).toBe(0);
  for (const party of stage.parties) expect(party.of('ended').length).toBe(party.media.all.length);
});

const send = (text: string): void => stage.wire.send('peer.test', 'alice.test', text);

function request(method: string, { cseq = 1, call = 'c1', to = '', headers = [], body = '', type = 'application/sdp' }: { cseq?: number; call?: string; to?: string; headers?: string[]; body?: string; type?: string } = {}): string {
  return [
    `${method} sip:alice@alice.test SIP/2.0`, `Via: SIP/2.0/TCP peer.test;branch=z9hG4bK${call}${cseq}${method === 'CANCEL' ? 'INVITE' : method}`, 'From: "Peer" <sip:peer@peer.test>;tag=peer', `To: <sip:alice@alice.test>${to && `;tag=${to}`}`,
    `Call-ID: ${call}`, `CSeq: ${cseq} ${method}`, 'Max-Forwards: 70', 'Contact: <sip:peer@peer.test>', ...headers, ...(body ? [`Content-Type: ${type}`] : []), `Content-Length: ${Buffer.byteLength(body)}`, '', body,
  ].join('\r\n');
}

const answers = (start: string, method = 'INVITE'): string[] => got.filter((text) => text.startsWith(`SIP/2.0 ${start}`) && text.includes(` ${method}\r\n`));
const tag = (text: string): string => /;tag=([^\r\n;]+)/.exec(field(text, 'To')!)![1]!;

test('INVITE without an offer: ours in the 200, theirs in the ACK', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE'));
  await alice.hears('incoming');
  await alice.phone.calls[0]!.answer();
  await until(() => answers('200').length === 1);
  expect(answers('200')[0]).toContain('a=sendrecv');
  send(request('ACK', { to: tag(answers('200')[0]!), body: sdp() }));
  await settle();
  expect(alice.media.all[0]!.said).toEqual(['offer sendrecv', 'accept sendrecv']);
});

test('100rel required and no offer: ours in the 180, theirs in PRACK, none in the 200', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { headers: ['Require: 100rel'] }));
  await until(() => answers('180').length === 1);
  expect(answers('180')[0]).toContain('a=sendrecv');
  const ring = answers('180')[0]!;
  const answering = alice.phone.calls[0]!.answer();
  await settle();
  expect(answers('200')).toHaveLength(0);
  send(request('PRACK', { cseq: 2, to: tag(ring), headers: ['RAck: 1 1 INVITE'] }));
  await until(() => answers('481', 'PRACK').length === 1);
  send(request('PRACK', { cseq: 3, to: tag(ring), headers: [`RAck: ${field(ring, 'RSeq')} 1 INVITE`], body: sdp() }));
  await answering;
  await until(() => answers('200').length === 1);
  expect(answers('200')[0]).not.toContain('m=audio');
  send(request('ACK', { to: tag(ring) }));
  await settle();
  expect(alice.media.all[0]!.said).toEqual(['offer sendrecv', 'accept sendrecv']);
});

test('an offer in PRACK: 488, and the call goes on', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { headers: ['Require: 100rel'], body: sdp() }));
  await until(() => answers('180').length === 1);
  const ring = answers('180')[0]!;
  send(request('PRACK', { cseq: 2, to: tag(ring), headers: [`RAck: ${field(ring, 'RSeq')} 1 INVITE`], body: sdp('sendonly') }));
  await until(() => answers('488', 'PRACK').length === 1);
  await alice.phone.calls[0]!.answer();
  await until(() => answers('200').length === 1);
  expect(answers('200')[0]).toContain('a=sendrecv');
  send(request('ACK', { to: tag(ring) }));
  await settle();
  // it is confirmed all the same: nothing is repeated
  stage.clock.advance(10_000);
  await settle();
  expect([answers('180').length, alice.phone.calls[0]!.info.state]).toEqual([1, 'up']);
  expect(alice.media.all[0]!.said).toEqual(['answer sendrecv']);
});

test.each([
  ['one that has nothing in common with us', 488, () => sdp().replace('PCMU', 'GSM')],
  ['none', 400, () => ''],
])('our offer in the 180, and for an answer in PRACK %s: it rings no more, and both are told', async (_name, status, body) => {
  alice = await stage.phone('alice');
  send(request('INVITE', { headers: ['Require: 100rel'] }));
  await until(() => answers('180').length === 1);
  const ring = answers('180')[0]!;
  const answering = alice.phone.calls[0]!.answer();
  send(request('PRACK', { cseq: 2, to: tag(ring), headers: [`RAck: ${field(ring, 'RSeq')} 1 INVITE`], body: body() }));
  await expect(answering).rejects.toMatchObject({ code: 'wrong-state' });
  await settle();
  expect([answers(String(status), 'PRACK').length, answers(String(status)).length]).toEqual([1, 1]);
  expect(alice.of('ended')).toMatchObject([{ answered: false, status }]);
  send(request('ACK', { to: tag(ring) }));
});

test('no PRACK comes: 180 is repeated, then 504', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { headers: ['Require: 100rel'], body: sdp() }));
  await until(() => answers('180').length === 1);
  stage.clock.advance(1600);
  await settle();
  expect(answers('180')).toHaveLength(3);
  stage.clock.advance(64_000);
  await until(() => answers('504').length === 1);
  expect(await alice.hears('ended')).toMatchObject({ answered: false, status: 504 });
});

test('busy: do not disturb, too many calls; waiting: during a call', async () => {
  alice = await stage.phone('alice', { maxCalls: 2 });
  alice.phone.doNotDisturb = true;
  send(request('INVITE', { call: 'a', body: sdp() }));
  await until(() => answers('486').length === 1);
  alice.phone.doNotDisturb = false;
  send(request('INVITE', { call: 'b', body: sdp() }));
  await alice.hears('incoming');
  await alice.phone.calls[0]!.answer();
  await until(() => answers('200').length === 1);
  send(request('ACK', { call: 'b', to: tag(answers('200')[0]!) }));
  send(request('INVITE', { call: 'c', body: sdp() }));
  expect(await alice.hears('incoming', ({ call }) => call === '2')).toMatchObject({ waiting: true });
  send(request('INVITE', { call: 'd', body: sdp() }));
  await until(() => answers('486').length === 2);
  expect(alice.media.all.map(({ active }) => active)).toEqual([true, false]);
});

test('hung up before the ACK came: BYE waits for it', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { body: sdp() }));
  await alice.hears('incoming');
  const call = alice.phone.calls[0]!;
  await call.answer();
  await call.hangUp();
  await settle();
  expect(got.filter((text) => text.startsWith('BYE'))).toHaveLength(0);
  send(request('ACK', { to: tag(answers('200')[0]!) }));
  await until(() => got.some((text) => text.startsWith('BYE')));
});

test('answered elsewhere', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { body: sdp() }));
  await alice.hears('incoming');
  send(request('CANCEL', { headers: ['Reason: SIP;cause=200;text="Call completed elsewhere"'] }));
  expect(await alice.hears('ended')).toMatchObject({ by: 'remote', answered: false, reason: 'Call completed elsewhere', problem: null });
});

test('nothing in common: 488, and why', async () => {
  alice = await stage.phone('alice');
  send(request('INVITE', { body: sdp().replace('PCMU', 'GSM') }));
  await alice.hears('incoming');
  await expect(alice.phone.calls[0]!.answer()).rejects.toMatchObject({ code: 'media', status: 488 });
  await until(() => answers('488').length === 1);
});

test('nothing in common, seen before it rings: 488 at once, and what there was of it is told', async () => {
  alice = await stage.phone('alice', { autoAnswerMs: 0 });
  alice.media.checks = true;
  send(request('INVITE', { body: sdp().replace('PCMU', 'GSM') }));
  await until(() => answers('488').length === 1);
  expect(answers('180')).toEqual([]);
  expect(alice.of('incoming')).toEqual([]);
  expect(await alice.hears('ended')).toMatchObject({ answered: false, status: 488, problem: expect.stringMatching(/in common/) });
});

test('a session that is too short: 422; one that we are to refresh', async () => {
  alice = await stage.phone('alice', { autoAnswerMs: 0 });
  send(request('INVITE', { call: 'a', headers: ['Supported: timer', 'Session-Expires: 30'], body: sdp() }));
  await until(() => answers('422').length === 1);
  expect(field(answers('422')[0]!, 'Min-SE')).toBe('90');
  send(request('INVITE', { call: 'b', headers: ['Session-Expires: 200'], body: sdp() }));
  await alice.hears('incoming');
  stage.clock.advance(0);
  await until(() => answers('200').length === 1);
  expect(field(answers('200')[0]!, 'Session-Expires')).toBe('200;refresher=uas');
  send(request('ACK', { call: 'b', to: tag(answers('200')[0]!) }));
  await settle();
  stage.clock.advance(100_000);
  await until(() => got.some((text) => text.startsWith('INVITE')));
  send(answerTo(got.find((text) => text.startsWith('INVITE'))!, '200 OK', ['Contact: <sip:peer@peer.test>'], sdp()));
  await until(() => got.some((text) => text.startsWith('ACK')));
});

test('INVITE with Replaces for a call that we made and that rings there: the new one is answered, the old one given up', async () => {
  alice = await stage.phone('alice');
  stage.wire.host('other.test', (text, from) => {
    if (text.startsWith('INVITE')) stage.wire.send('other.test', from, answerTo(text, '180 Ringing', ['Contact: <sip:x@other.test>']));
    if (text.startsWith('CANCEL')) stage.wire.send('other.test', from, answerTo(text, '200 OK'));
  });
  await alice.phone.dial('x@other.test');
  await alice.hears('ringing');
  const invite = stage.wire.seen('INVITE', 'alice.test')[0]!;
  const ours = /;tag=(\S+)/.exec(field(invite, 'From')!)![1]!;
  send(request('INVITE', { headers: [`Replaces: ${field(invite, 'Call-ID')};to-tag=${ours};from-tag=peer`], body: sdp() }));
  await until(() => answers('200').length === 1);
  send(request('ACK', { to: tag(answers('200')[0]!) }));
  expect(alice.of('ended')).toMatchObject([{ call: '1', answered: false, reason: 'replaced' }]);
  expect(alice.phone.calls.map(({ id, info }) => [id, info.state])).toEqual([['2', 'up']]);
  await until(() => stage.wire.seen('CANCEL').length === 1);
});

test('messages, both ways', async () => {
  alice = await stage.phone('alice');
  const bob = await stage.phone('bob');
  await alice.phone.message('bob@bob.test', 'Grüße');
  expect(bob.of('message')).toMatchObject([{ from: { user: 'alice' }, text: 'Grüße', contentType: 'text/plain' }]);
  await expect(alice.phone.message('nobody@bob.test', 'x')).rejects.toMatchObject({ status: 404 });
  expect(alice.of('message-sent').map(({ ok, status }) => [ok, status])).toEqual([[true, 200], [false, 404]]);
});

test('voicemail that was not asked for', async () => {
  alice = await stage.phone('alice');
  send(request('NOTIFY', { headers: ['Event: message-summary', 'Subscription-State: active'], type: 'application/simple-message-summary', body: 'Messages-Waiting: yes\r\nVoice-Message: 2/8 (1/0)\r\n' }));
  expect(await alice.hears('voicemail')).toEqual({ event: 'voicemail', waiting: true, newMessages: 2, oldMessages: 8, urgentNew: 1, account: null });
});

test('presence: dialog-info where there is no presence, renewed, ended', async () => {
  alice = await stage.phone('alice');
  const asked: string[] = [];
  stage.wire.host('pbx.test', (text, from) => {
    if (!text.startsWith('SUBSCRIBE')) return;
    asked.push(text);
    const event = field(text, 'Event')!;
    if (event === 'presence') return stage.wire.send('pbx.test', from, answerTo(text, '489 Bad Event'));
    const expires = field(text, 'Expires')!;
    stage.wire.send('pbx.test', from, answerTo(text, '200 OK', [`Expires: ${expires}`, 'Contact: <sip:pbx.test>']));
    const body = '<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:x@pbx.test"><dialog id="1"><state>early</state></dialog></dialog-info>';
    stage.wire.send('pbx.test', from, [
      'NOTIFY sip:alice@alice.test SIP/2.0', `Via: SIP/2.0/TCP pbx.test;branch=z9hG4bKn${asked.length}`, `From: ${field(text, 'To')!.replace(/;tag=.*/, '')};tag=peer`, `To: ${field(text, 'From')}`, `Call-ID: ${field(text, 'Call-ID')}`, `CSeq: ${asked.length} NOTIFY`,
      'Contact: <sip:pbx.test>', `Event: ${event}`, `Subscription-State: ${expires === '0' ? 'terminated;reason=timeout' : `active;expires=${expires}`}`, 'Content-Type: application/dialog-info+xml', `Content-Length: ${body.length}`, '', body,
    ].join('\r\n'));
  });
  alice.phone.watch('x@pbx.test');
  expect(await alice.hears('presence')).toEqual({ event: 'presence', of: 'x@pbx.test', state: 'ringing', note: '' });
  await settle();
  stage.clock.advance(541_000);
  await settle();
  expect(asked.map((text) => field(text, 'Event'))).toEqual(['presence', 'dialog', 'dialog']);
  alice.phone.unwatch('x@pbx.test');
  await settle();
  expect(field(asked.at(-1)!, 'Expires')).toBe('0');
});

test('nonsense does not end the phone', async () => {
  alice = await stage.phone('alice');
  for (const text of [
    'INVITE', '\r\n', request('INVITE', { call: 'x' }).replace('Contact: <sip:peer@peer.test>\r\n', ''), request('INVITE', { call: 'y' }).replace('Contact: <sip:peer@peer.test>', 'Contact: ???'), request('UPDATE'), request('UPDATE', { to: 'nobody' }),
    request('PRACK', { to: 'nobody' }), request('REFER'), request('SUBSCRIBE'), request('NOTIFY', { headers: ['Event: refer'] }), request('FROB'), request('INVITE', { call: 'z', headers: ['Replaces: ;;;'] }), request('OPTIONS'),
  ]) send(text);
  await settle(200);
  await Promise.all(alice.phone.calls.map((call) => call.hangUp()));
  const bob = await stage.phone('bob', { autoAnswerMs: 0 });
  const out = await alice.phone.dial('bob@bob.test');
  await bob.hears('incoming');
  stage.clock.advance(0);
  await out.answered;
});

test('no sound to be had: told, 500 to whoever calls', async () => {
  alice = await stage.phone('alice');
  alice.media.failOpen = true;
  await expect(alice.phone.dial('x@peer.test')).rejects.toMatchObject({ code: 'media' });
  send(request('INVITE', { body: sdp() }));
  await until(() => answers('500').length === 1);
  alice.media.failOpen = false;
  alice.media.failOffers = true;
  await expect(alice.phone.dial('x@peer.test')).rejects.toMatchObject({ code: 'media' });
});

test.each<[string, string, string[], string]>([
  ['a receipt, which Linphone sends deflated', 'message/imdn+xml', ['Content-Encoding: deflate'], '200'],
  ['that somebody is writing', 'application/im-iscomposing+xml', [], '200'],
  ['text that is packed', 'text/plain', ['Content-Encoding: deflate'], '415'],
  ['a picture', 'image/png', [], '415'],
])('a MESSAGE that is no text is not shown: %s', async (_what, type, headers, status) => {
  alice = await stage.phone('alice');
  send(request('MESSAGE', { body: 'x\x9c\x03', type, headers }));
  await until(() => answers(status, 'MESSAGE').length === 1);
  if (status === '415') expect(answers(status, 'MESSAGE')[0]).toMatch(/\r\nAccept: text\/plain\r\nAccept-Encoding: identity\r\n/);
  expect(alice.of('message')).toEqual([]);
});
