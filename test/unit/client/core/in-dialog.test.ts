/** What happens in a call that is up: glare, session timers, UPDATE, keys, the way lost and found. One side a phone, the other a phone or a script. */
import type { Call } from '../../../../client/phone-types';
import type { FakeMedia } from './fake-media';
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;

beforeEach(async () => {
  stage = new PhoneStage();
  alice = await stage.phone('alice');
});

afterEach(async () => {
  await stage.close();
  expect(stage.parties.map(({ media }) => media.left)).toEqual(stage.parties.map(() => 0));
  expect(stage.clock.waiting).toBe(0);
  for (const party of stage.parties) expect(party.of('ended').length).toBe(party.media.all.length);
});

const sdp = (way = 'sendrecv'): string => `v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=${way}\r\n`;
const contact = 'Contact: <sip:peer@peer.test>';

/** A peer that answers each method with the next answer of a list, the last one again and again; undefined: says nothing. */
function script(answers: Record<string, Array<(request: string) => string | undefined>>): { got: string[]; send(text: string): void } {
  const got: string[] = [];
  stage.wire.host('peer.test', (text, from) => {
    got.push(text);
    const method = text.split(' ')[0]!;
    const list = answers[method];
    const answer = list && (list.length > 1 ? list.shift()! : list[0]!);
    const reply = answer ? answer(text) : method === 'BYE' || method === 'CANCEL' ? answerTo(text, '200 OK') : undefined;
    if (reply !== undefined) stage.wire.send('peer.test', from, reply);
  });
  return { got, send: (text) => stage.wire.send('peer.test', 'alice.test', text) };
}

const accept = (...headers: string[]) => (request: string): string => answerTo(request, '200 OK', [contact, ...headers], sdp());

async function call() {
  const out = await alice.phone.dial('peer@peer.test');
  await out.answered;
  await settle();
  return out;
}

/** A request of the peer's in the call. */
function request(method: string, cseq: number, headers: string[] = [], body = ''): string {
  const invite = stage.wire.seen('INVITE', 'alice.test')[0]!;
  return [
    `${method} sip:alice@alice.test SIP/2.0`, `Via: SIP/2.0/TCP peer.test;branch=z9hG4bKpeer${cseq}${method}`, `From: ${field(invite, 'To')};tag=peer`, `To: ${field(invite, 'From')}`, `Call-ID: ${field(invite, 'Call-ID')}`,
    `CSeq: ${cseq} ${method}`, 'Max-Forwards: 70', contact, ...headers, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`, '', body,
  ].join('\r\n');
}

/** Until just before so many ms, when nothing may have been sent yet, and then the last one of them. */
async function after(ms: number, sent: () => number): Promise<void> {
  const before = sent();
  stage.clock.advance(ms - 1);
  await settle();
  expect(sent()).toBe(before);
  stage.clock.advance(1);
  await settle();
  expect(sent()).toBe(before + 1);
}

const invites = (): number => stage.wire.seen('INVITE', 'alice.test').length;
const pending = (text: string): string => answerTo(text, '491 Request Pending');

test('491: tried again after 2.1 to 4 s by whoever made the call (RFC 3261 §14.1)', async () => {
  script({ INVITE: [accept(), pending, accept()] });
  const out = await call();
  const holding = out.hold();
  await until(() => stage.wire.seen('SIP/2.0 491').length === 1);
  await settle();
  await after(3050, invites);
  await holding;
  expect(out.info.state).toBe('held');
  expect(alice.media.all[0]!.said).toEqual(['offer sendrecv', 'accept sendrecv', 'offer sendonly', 'rollback', 'offer sendonly', 'accept sendrecv']);
});

/** The peer calls. */
async function called(): Promise<Call<FakeMedia>> {
  const invite = ['INVITE sip:alice@alice.test SIP/2.0', 'Via: SIP/2.0/TCP peer.test;branch=z9hG4bKfirst', 'From: <sip:peer@peer.test>;tag=peer', 'To: <sip:alice@alice.test>', 'Call-ID: theirs', 'CSeq: 1 INVITE', 'Max-Forwards: 70', contact, 'Content-Type: application/sdp', `Content-Length: ${sdp().length}`, '', sdp()];
  stage.wire.send('peer.test', 'alice.test', invite.join('\r\n'));
  await alice.hears('incoming');
  const incoming = alice.phone.calls[0]!;
  await incoming.answer();
  const ok = (): string => stage.wire.seen('SIP/2.0 200', 'alice.test').find((text) => field(text, 'CSeq') === '1 INVITE')!;
  await until(() => ok() !== undefined);
  stage.wire.send('peer.test', 'alice.test', ['ACK sip:alice@alice.test SIP/2.0', 'Via: SIP/2.0/TCP peer.test;branch=z9hG4bKack', 'From: <sip:peer@peer.test>;tag=peer', `To: ${field(ok(), 'To')}`, 'Call-ID: theirs', 'CSeq: 1 ACK', 'Max-Forwards: 70', 'Content-Length: 0', '', ''].join('\r\n'));
  await settle();
  return incoming;
}

test('491: after 0 to 2 s by whoever was called', async () => {
  script({ INVITE: [pending, accept()] });
  const incoming = await called();
  const holding = incoming.hold();
  await until(() => stage.wire.seen('SIP/2.0 491').length === 1);
  await settle();
  await after(1000, invites);
  await holding;
  expect(incoming.info.state).toBe('held');
});

test('491 again and again: the hold fails at last, and the call goes on', async () => {
  script({ INVITE: [accept(), pending] });
  const out = await call();
  const failed = expect(out.hold()).rejects.toMatchObject({ code: 'refused', status: 491 });
  for (let s = 0; s < 30; s++) {
    stage.clock.advance(1000);
    await settle();
  }
  await failed;
  expect([invites(), out.info.state]).toEqual([1 + 6, 'up']);
});

test('both change something at once: theirs gets a 491 while ours waits for its answer', async () => {
  let answer = (): void => undefined;
  const { got, send } = script({ INVITE: [accept(), (text) => void (answer = () => send(accept()(text)))] });
  const out = await call();
  const holding = out.hold();
  await until(() => invites() === 2);
  await settle();
  send(request('INVITE', 1, [], sdp('sendonly')));
  send(request('UPDATE', 2, [], sdp('sendonly')));
  await until(() => got.filter((text) => text.startsWith('SIP/2.0 491')).length === 2);
  answer();
  await holding;
  expect([out.info.state, out.info.heldByFarEnd]).toEqual(['held', false]);
  send(request('ACK', 1));
});

test.each([
  ['503 Service Unavailable', ['Retry-After: 4 (maintenance)'], 4000],
  ['500 Server Internal Error', ['Retry-After: 7;duration=60'], 7000],
  ['503 Service Unavailable', [], 1000],
])('%s to a change, %j: tried again after that', async (line, headers, ms) => {
  script({ INVITE: [accept(), (text) => answerTo(text, line, headers), accept()] });
  const out = await call();
  const holding = out.hold();
  await until(() => stage.wire.seen(`SIP/2.0 ${line}`).length === 1);
  await settle();
  await after(ms, invites);
  await holding;
  expect(out.info.state).toBe('held');
});

test('503 for longer than anybody waits, or again and again: the hold fails, the call goes on', async () => {
  script({ INVITE: [accept(), (text) => answerTo(text, '503 Service Unavailable', ['Retry-After: 120']), (text) => answerTo(text, '503 Service Unavailable')] });
  const out = await call();
  await expect(out.hold()).rejects.toMatchObject({ code: 'refused', status: 503 });
  expect(invites()).toBe(2);
  const failed = expect(out.hold()).rejects.toMatchObject({ code: 'refused', status: 503 });
  for (let s = 0; s < 5; s++) {
    await settle();
    stage.clock.advance(1000);
  }
  await failed;
  expect([invites(), out.info.state]).toEqual([5, 'up']);
});

test('a hold that is refused leaves the call as it was; 481 ends it', async () => {
  script({ INVITE: [accept(), (text) => answerTo(text, '488 Not Acceptable Here'), (text) => answerTo(text, '481 Gone')] });
  const out = await call();
  await expect(out.hold()).rejects.toMatchObject({ code: 'refused', status: 488 });
  expect([out.info.state, alice.media.all[0]!.active]).toEqual(['up', true]);
  await expect(out.hold()).rejects.toMatchObject({ status: 481 });
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 481, answered: true }]);
});

test('session timer: we refresh at half of it', async () => {
  const { got } = script({ INVITE: [accept('Session-Expires: 200;refresher=uac', 'Require: timer')] });
  await call();
  expect(field(got[0]!, 'Session-Expires')).toBe('1800');
  stage.clock.advance(100_000);
  await settle();
  const invites = got.filter((text) => text.startsWith('INVITE'));
  expect(invites.map((text) => field(text, 'Session-Expires'))).toEqual(['1800', '200;refresher=uac']);
  stage.clock.advance(100_000);
  await settle();
  expect(got.filter((text) => text.startsWith('INVITE'))).toHaveLength(3);
});

test('session timer: a refresh that is refused is tried again before it runs out', async () => {
  const { got } = script({ INVITE: [accept('Session-Expires: 200;refresher=uac', 'Require: timer'), (text) => answerTo(text, '488 Not Acceptable Here')] });
  const out = await call();
  for (let s = 0; s < 200; s++) {
    stage.clock.advance(1000);
    await settle();
  }
  // after 100, 150, 175, 187.5 and 193.75 s
  expect(got.filter((text) => text.startsWith('INVITE'))).toHaveLength(1 + 5);
  expect(out.info.state).toBe('up');
});

test('session timer: the far end does not refresh, the call is ended', async () => {
  const { got } = script({ INVITE: [accept('Session-Expires: 90;refresher=uas')] });
  await call();
  stage.clock.advance(59_000);
  expect(alice.of('ended')).toHaveLength(0);
  stage.clock.advance(2_000);
  await settle();
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 408 }]);
  expect(got.filter((text) => text.startsWith('BYE'))).toHaveLength(1);
});

test('UPDATE without an offer refreshes, with one it holds; INVITE says that we take it', async () => {
  const { got, send } = script({ INVITE: [accept('Session-Expires: 90;refresher=uas')] });
  await call();
  expect(field(got[0]!, 'Allow')).toContain('UPDATE');
  stage.clock.advance(50_000);
  send(request('UPDATE', 1, ['Session-Expires: 90;refresher=uac', 'Supported: timer']));
  await until(() => got.some((text) => text.startsWith('SIP/2.0 200') && text.includes('CSeq: 1 UPDATE')));
  expect(field(got.at(-1)!, 'Session-Expires')).toBe('90;refresher=uac');
  stage.clock.advance(50_000);
  expect(alice.of('ended')).toHaveLength(0);
  send(request('UPDATE', 2, [], sdp('sendonly')));
  await alice.hears('held');
  await settle();
  expect(got.at(-1)).toContain('a=recvonly');
  // The same sequence number again is out of order (RFC 3261 §12.2.2).
  send(request('UPDATE', 2, ['X-Other: 1']).replace('branch=z9hG4bK', 'branch=z9hG4bKother'));
  await until(() => got.some((text) => text.startsWith('SIP/2.0 500')));
});

test('422: asked again with what the far end wants', async () => {
  const { got } = script({ INVITE: [(text) => answerTo(text, '422 Session Interval Too Small', ['Min-SE: 3600']), accept()] });
  await call();
  expect(got.filter((text) => text.startsWith('INVITE')).map((text) => [field(text, 'Session-Expires'), field(text, 'Min-SE')])).toEqual([['1800', undefined], ['3600', '3600']]);
});

test('488 to the first offer: offered once more in another way, and told when that is refused too', async () => {
  alice.media.otherWays = 1;
  const refuse = (text: string): string => answerTo(text, '488 Not Acceptable Here');
  const { got } = script({ INVITE: [refuse, accept(), refuse] });
  await call();
  const invites = got.filter((text) => text.startsWith('INVITE'));
  expect(invites.map((text) => field(text, 'CSeq'))).toEqual(['1 INVITE', '2 INVITE']);
  expect(new Set(invites.map((text) => field(text, 'Call-ID'))).size).toBe(1);
  expect(alice.media.all[0]!.said).toEqual(['offer sendrecv', 'rollback', 'other way', 'offer sendrecv', 'accept sendrecv']);
  // no way is left for the next call
  const second = await alice.phone.dial('peer@peer.test');
  await expect(second.answered).rejects.toMatchObject({ code: 'refused', status: 488 });
});

test('given up while it is offered once more: nothing more is sent', async () => {
  alice.media.otherWays = 1;
  const { got } = script({ INVITE: [(text) => answerTo(text, '488 Not Acceptable Here')] });
  const out = await alice.phone.dial('peer@peer.test');
  out.media.offer = async () => {
    await out.hangUp();
    return sdp();
  };
  await out.ended;
  await settle();
  expect(got.filter((text) => text.startsWith('INVITE'))).toHaveLength(1);
});

test('re-INVITE without an offer: ours is in the 200, theirs in the ACK', async () => {
  const { got, send } = script({ INVITE: [accept()] });
  await call();
  send(request('INVITE', 1));
  await until(() => got.some((text) => text.startsWith('SIP/2.0 200') && text.includes('CSeq: 1 INVITE')));
  expect(got.at(-1)).toContain('a=sendrecv');
  expect(field(got.at(-1)!, 'Contact')).toContain('alice.test');
  send(request('ACK', 1, [], sdp('sendonly')));
  await alice.hears('held', ({ by }) => by === 'remote');
});

test('a re-INVITE whose 200 is never confirmed ends the call', async () => {
  const { got, send } = script({ INVITE: [accept()] });
  await call();
  send(request('INVITE', 1, [], sdp()));
  await until(() => got.some((text) => text.startsWith('SIP/2.0 200') && text.includes('CSeq: 1 INVITE')));
  stage.clock.advance(32_000);
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 408 }]);
  await until(() => got.some((text) => text.startsWith('BYE')));
});

test('a re-INVITE that has nothing in common with us: 488, and the call goes on', async () => {
  const { got, send } = script({ INVITE: [accept()] });
  const out = await call();
  send(request('INVITE', 1, [], sdp().replace('PCMU', 'GSM')));
  await until(() => got.some((text) => text.startsWith('SIP/2.0 488')));
  expect(out.info.state).toBe('up');
});

test('keys: told when they come by INFO, sent by INFO, as events, as tones', async () => {
  const { got, send } = script({ INVITE: [accept()], INFO: [(text) => answerTo(text, '200 OK')] });
  const out = await call();
  send(request('INFO', 1).replace('Content-Length: 0\r\n\r\n', 'Content-Type: application/dtmf-relay\r\nContent-Length: 23\r\n\r\nSignal=11\r\nDuration=250'));
  expect(await alice.hears('digit')).toMatchObject({ digit: '#', durationMs: 250, by: 'info' });
  await out.sendDigits('1#', 'info');
  expect(got.filter((text) => text.startsWith('INFO')).map((text) => text.split('\r\n\r\n')[1])).toEqual(['Signal=1\r\nDuration=160\r\n', 'Signal=#\r\nDuration=160\r\n']);
  await out.sendDigits('5a');
  expect(alice.media.all[0]!.keys).toEqual(['auto 5A']);
  alice.media.rfc4733 = false;
  await expect(out.sendDigits('5', 'rfc4733')).rejects.toMatchObject({ code: 'not-supported' });
  await expect(out.sendDigits('x')).rejects.toMatchObject({ code: 'wrong-state' });
});

test('the way is lost and comes back: no BYE, and the far end learns where we are', async () => {
  const { got } = script({ INVITE: [accept()] });
  const out = await call();
  stage.wire.lose('alice.test');
  await settle();
  expect(out.info.state).toBe('up');
  stage.wire.restore('alice.test');
  await settle();
  expect(got.filter((text) => text.startsWith('INVITE'))).toHaveLength(2);
  expect(out.info.state).toBe('up');
});

test('the stream ends while a hold waits for its answer: it is asked again over the next one', async () => {
  const { got } = script({ INVITE: [accept(), () => '', accept()] });
  const out = await call();
  const holding = out.hold();
  await until(() => got.filter((text) => text.startsWith('INVITE')).length === 2);
  stage.wire.lose('alice.test');
  await settle();
  stage.wire.restore('alice.test');
  stage.clock.advance(1000);
  await holding;
  expect(out.info.state).toBe('held');
  expect(alice.of('ended')).toHaveLength(0);
});

test('the stream ends and stays away: the hold fails within seconds, the call does not', async () => {
  script({ INVITE: [accept(), () => '', accept()] });
  const out = await call();
  const holding = out.hold();
  const failed = expect(holding).rejects.toMatchObject({ code: 'not-connected' });
  await settle();
  stage.wire.lose('alice.test');
  for (let s = 0; s < 6; s++) {
    await settle();
    stage.clock.advance(1000);
  }
  await failed;
  expect(out.info.state).toBe('up');
  expect(alice.media.all[0]!.active).toBe(true);
});

test('early media, forked: what answers in the end counts', async () => {
  const { got } = script({
    INVITE: [
      (text) => {
        const early = (tag: string, line: string, body = ''): void => stage.wire.send('peer.test', 'alice.test', answerTo(text, line, [contact], body).replace(';tag=peer', `;tag=${tag}`));
        early('one', '183 Session Progress', sdp());
        early('two', '180 Ringing');
        return answerTo(text, '200 OK', [contact], sdp('sendonly')).replace(';tag=peer', ';tag=two');
      },
    ],
    BYE: [(text) => answerTo(text, '200 OK')],
  });
  const out = await alice.phone.dial('peer@peer.test');
  await out.answered;
  await settle();
  expect(alice.of('ringing').map(({ status, earlyMedia }) => [status, earlyMedia])).toEqual([[183, true], [180, true]]);
  expect(alice.of('held')).toMatchObject([{ by: 'remote' }]);
  expect(field(got.find((text) => text.startsWith('ACK'))!, 'To')).toContain('tag=two');
});

test('180 without Contact is heard all the same; 183 reliably is confirmed', async () => {
  const { got } = script({
    INVITE: [
      (text) => {
        stage.wire.send('peer.test', 'alice.test', answerTo(text, '180 Ringing'));
        return answerTo(text, '183 Session Progress', [contact, 'Require: 100rel', 'RSeq: 77'], sdp());
      },
    ],
    PRACK: [(text) => answerTo(text, '200 OK')],
  });
  const out = await alice.phone.dial('peer@peer.test');
  await alice.hears('ringing', ({ earlyMedia }) => earlyMedia);
  await until(() => got.some((text) => text.startsWith('PRACK')));
  expect(alice.of('ringing').map(({ status }) => status)).toEqual([180, 183]);
  expect(field(got.find((text) => text.startsWith('PRACK'))!, 'RAck')).toBe('77 1 INVITE');
  await out.hangUp();
});

test('redirected: followed once to each place, best first', async () => {
  const bob = await stage.phone('bob', { autoAnswerMs: 0 });
  const { got } = script({ INVITE: [(text) => answerTo(text, '302 Moved', ['Contact: <sip:nobody@nowhere.test>;q=0.1, <sip:bob@bob.test>;q=0.9'])] });
  const out = await alice.phone.dial('peer@peer.test');
  await bob.hears('incoming');
  stage.clock.advance(0);
  await out.answered;
  expect(got.filter((text) => text.startsWith('INVITE'))).toHaveLength(1);
  await out.hangUp();
  await bob.hears('ended');
});

test('redirected in a circle: reported', async () => {
  script({ INVITE: [(text) => answerTo(text, '302 Moved', ['Contact: <sip:peer@peer.test>'])] });
  const out = await alice.phone.dial('peer@peer.test');
  await expect(out.answered).rejects.toMatchObject({ status: 302 });
});

test('an answer that we cannot use: confirmed, ended, told', async () => {
  const { got } = script({ INVITE: [(text) => answerTo(text, '200 OK', [contact], sdp().replace('PCMU', 'GSM'))] });
  const out = await alice.phone.dial('peer@peer.test');
  await expect(out.answered).rejects.toMatchObject({ status: 488 });
  await until(() => got.some((text) => text.startsWith('BYE')));
});

test('Reason of a BYE is told', async () => {
  const { send } = script({ INVITE: [accept()] });
  await call();
  send(request('BYE', 1, ['Reason: Q.850;cause=16;text="Normal call clearing"']));
  expect(await alice.hears('ended')).toMatchObject({ by: 'remote', reason: 'Normal call clearing' });
});
