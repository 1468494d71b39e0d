import {
  newLocal,
  ownOffer,
  parseSdp,
  payloadMap,
  pickAnswer,
  pickOffer,
  relayAnswer,
  relayOffer,
  sameDescription,
  SdpError,
  writeAnswer,
  writeOffer,
  abandon,
  type Codec,
  type Direction,
  type MediaAddress,
} from '../../../media/sdp';
import { flows, learn, renumber, reverse } from '../../../media/sdp';
import { baresip, chromium, deskPhone, linphone, linphoneSrtp, sipp } from './sdp-offers';

const here: MediaAddress = { family: 4, address: '10.0.0.1', port: 40000, rtcpPort: 40001 };
const there: MediaAddress = { family: 4, address: '10.0.0.1', port: 40002, rtcpPort: 40003 };
const none = new Map<number, string>();
const crlf = (text: string) => text.trim().split(/\n\s*/).join('\r\n') + '\r\n';

/** Offer of A → ours to B; answer of B → ours to A: both texts, and how the relay is wired. */
function exchange(offerOfA: string, answerOfB: string) {
  const a = pickOffer(parseSdp(offerOfA));
  const toldB = relayOffer(a, none);
  const toB = writeOffer(newLocal('11'), there, toldB);
  const b = pickAnswer(parseSdp(answerOfB), toB.state.active, toldB.codecs);
  const toldA = relayAnswer(a, b);
  const toA = writeAnswer(newLocal('22'), a.session, a.index, here, toldA);
  return {
    toB: toB.text,
    toA: toA.text,
    aToB: payloadMap({ told: toldA.codecs, heard: a.codecs }, { told: toldB.codecs, heard: b.codecs }),
    bToA: payloadMap({ told: toldB.codecs, heard: b.codecs }, { told: toldA.codecs, heard: a.codecs }),
    flowAB: flows(a.stream.direction, b.stream.direction),
    flowBA: flows(b.stream.direction, a.stream.direction),
  };
}

const failure = (fn: () => unknown): SdpError => {
  try {
    fn();
  } catch (err) {
    if (err instanceof SdpError) return err;
    throw err;
  }
  throw new Error('nothing was thrown');
};

describe('reading', () => {
  test('Linphone: what the relay needs, and nothing else', () => {
    const [stream] = parseSdp(linphone).streams;
    expect(stream).toMatchObject({ kind: 'audio', port: 24200, transport: 'RTP/AVP', direction: 'sendrecv', family: 4, rtcpMux: false });
    expect(stream?.remote).toEqual({ family: 4, address: '192.168.7.20', port: 24200, rtcpPort: 24201 });
    // 18 (G729) has a static number, but not one that we know
    expect(stream?.codecs.map((c) => `${c.payloadType} ${c.name}/${c.clockRate}`)).toEqual([
      '96 opus/48000', '97 speex/16000', '98 speex/8000', '0 PCMU/8000', '8 PCMA/8000',
      '99 telephone-event/48000', '100 telephone-event/16000', '101 telephone-event/8000',
    ]);
    expect(pickOffer(parseSdp(linphone)).codecs.map((c) => c.payloadType)).toEqual([96, 0, 8, 99, 100, 101]);
  });

  test('c= and direction of the stream win over those of the session; blanks in the o= user name; a=rtcp', () => {
    const session = parseSdp(deskPhone);
    expect(session.origin).toEqual({ sessionId: '7', sessionVersion: '8' });
    expect(session.streams.map((s) => s.direction)).toEqual(['sendonly', 'sendonly', 'sendonly']);
    const picked = pickOffer(session);
    expect(picked.index).toBe(1);
    expect(picked.stream.remote).toEqual({ family: 6, address: '2001:db8::8', port: 30000, rtcpPort: 30011 });
    expect(picked.codecs.map((c) => c.payloadType)).toEqual([8, 101]);
  });

  test.each<[string, string, Direction]>([
    ['nothing said', '', 'sendrecv'],
    ['media level', 'a=recvonly', 'recvonly'],
    ['trailing blank', 'a=inactive ', 'inactive'],
  ])('direction: %s', (_, attribute, direction) => {
    expect(parseSdp(`${sipp}${attribute}\r\n`).streams[0]?.direction).toBe(direction);
  });

  test.each<[string, Direction, Direction]>([
    ['0.0.0.0', 'sendrecv', 'sendonly'],
    ['0.0.0.0', 'recvonly', 'inactive'],
    ['phone.invalid', 'sendrecv', 'sendonly'],
  ])('the old hold: c= %s with %s means %s', (address, written, meant) => {
    const [stream] = parseSdp(`${sipp.replace('c=IN IP4 127.0.0.3', `c=IN IP4 ${address}`)}a=${written}\r\n`).streams;
    expect(stream?.direction).toBe(meant);
    expect(stream?.remote).toBeUndefined();
  });

  test('c=IN IP6 :: is a hold too', () => {
    expect(parseSdp(sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP6 ::')).streams[0]).toMatchObject({ direction: 'sendonly', family: 6 });
  });

  test('a host name is kept out: packets will tell the address', () => {
    const [stream] = parseSdp(sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP4 phone.example.com')).streams;
    expect(stream).toMatchObject({ direction: 'sendrecv', port: 6000 });
    expect(stream?.remote).toBeUndefined();
  });

  test('an rtpmap wins over the static meaning; ports with counts; bare line feeds; no s= and t=', () => {
    const text = 'v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1/127\nm=audio 6000/2 RTP/AVP 0 8\na=rtpmap:0 opus/48000/2\n';
    const [stream] = parseSdp(text).streams;
    expect(stream?.port).toBe(6000);
    expect(stream?.codecs.map((c) => c.name)).toEqual(['opus', 'PCMA']);
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['only line ends', '\r\n\r\n'],
    ['not SDP', 'hello'],
    ['a start other than v=0', 'o=- 1 1 IN IP4 192.0.2.1\r\n'],
    ['another version', sipp.replace('v=0', 'v=1')],
    ['no o= line', sipp.replace(/o=.*\r\n/, '')],
    ['a short o= line', sipp.replace(/o=.*\r\n/, 'o=- 1 1\r\n')],
    ['two o= lines', sipp.replace('s=-', 'o=- 1 1 IN IP4 192.0.2.1')],
    ['a c= line of another net', sipp.replace('c=IN IP4', 'c=ATM IP4')],
    ['an address of the other family', sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP4 2001:db8::1')],
    ['an address that is none', sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP4 <script>')],
    ['a zone in an address', sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP6 fe80::1%eth0')],
    ['no c= line', sipp.replace(/c=.*\r\n/, '')],
    ['a port that is too large', sipp.replace('6000', '66000')],
    ['a port that is a word', sipp.replace('6000', 'six')],
    ['an m= line without formats', sipp.replace('RTP/AVP 0', 'RTP/AVP')],
    ['too many streams', sipp + 'm=audio 0 RTP/AVP 0\r\n'.repeat(16)],
    ['too many lines', sipp + 'a=x\r\n'.repeat(1000)],
    ['too much text', sipp + `a=${'x'.repeat(70_000)}`],
    ['a line that is not x=value', sipp + 'hello\r\n'],
  ])('refuses %s', (_, text) => {
    expect(failure(() => parseSdp(text)).code).toBe('syntax');
  });
});

describe('choosing the stream of an offer', () => {
  test.each<[string, string, number, RegExp]>([
    ['SRTP only', linphone.replace('RTP/AVP', 'RTP/SAVP'), 302, /RTP\/SAVP is not supported/],
    ['WebRTC', chromium, 302, /UDP\/TLS\/RTP\/SAVPF is not supported/],
    ['video only', sipp.replace('m=audio', 'm=video'), 304, /no audio/],
    ['audio removed', sipp.replace('6000', '0'), 304, /no audio/],
    ['no stream at all', sipp.replace(/m=[\s\S]*/, ''), 304, /no audio/],
    ['unknown codecs', sipp.replace('AVP 0', 'AVP 97').replace('0 PCMU/8000', '97 iLBC/8000'), 305, /offered were iLBC/],
    ['only events', sipp.replace('AVP 0', 'AVP 97').replace('0 PCMU/8000', '97 telephone-event/8000'), 305, /no common codec/],
    ['opus with one channel', sipp.replace('AVP 0', 'AVP 97').replace('0 PCMU/8000', '97 opus/48000'), 305, /no common codec/],
    ['fax', sipp.replace(/m=[\s\S]*/, 'm=image 6000 udptl t38\r\n'), 304, /no audio/],
  ])('%s: %i', (_, text, warning, message) => {
    const err = failure(() => pickOffer(parseSdp(text)));
    expect(err).toMatchObject({ code: 'unacceptable', warning });
    expect(err.message).toMatch(message);
  });

  test('an offer of SRTP and plain RTP: the plain one', () => {
    const picked = pickOffer(parseSdp(linphoneSrtp));
    expect(picked.index).toBe(1);
    expect(picked.codecs.map((c) => c.name)).toEqual(['opus', 'PCMU']);
  });

  test('AVPF without feedback is plain RTP', () => {
    expect(pickOffer(parseSdp(sipp.replace('RTP/AVP', 'RTP/AVPF'))).index).toBe(0);
  });
});

describe('passing an offer on', () => {
  test('Linphone to B: order, numbers and parameters kept; the rest gone; our address', () => {
    const a = pickOffer(parseSdp(linphone));
    expect(writeOffer(newLocal('42'), there, relayOffer(a, none)).text).toBe(
      crlf(`v=0
        o=- 42 1 IN IP4 10.0.0.1
        s=-
        c=IN IP4 10.0.0.1
        t=0 0
        m=audio 40002 RTP/AVP 96 0 8 99 100 101
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:99 telephone-event/48000
        a=rtpmap:100 telephone-event/16000
        a=rtpmap:101 telephone-event/8000
        a=sendrecv`),
    );
  });

  test('baresip to B: ptime and fmtp go along, label, ssrc and tool do not', () => {
    const { text } = writeOffer(newLocal('42'), there, relayOffer(pickOffer(parseSdp(baresip)), none));
    expect(text).toContain('m=audio 40002 RTP/AVP 0 8 96 9 101\r\n');
    expect(text).toContain('a=fmtp:96 stereo=1;sprop-stereo=1;useinbandfec=1\r\n');
    expect(text).toContain('a=fmtp:101 0-15\r\n');
    expect(text).toContain('a=ptime:20\r\n');
    expect(text).not.toMatch(/label|ssrc|tool|minptime|127\.0\.0\.1|187921655/);
  });

  test('parameters that are not understood stay behind', () => {
    const text = baresip.replace('stereo=1;', 'x-host=192.168.0.9;stereo=1;').replace('101 0-15', '101 see sip:me@192.168.0.9');
    const out = writeOffer(newLocal('42'), there, relayOffer(pickOffer(parseSdp(text)), none)).text;
    expect(out).toContain('a=fmtp:96 stereo=1;sprop-stereo=1;useinbandfec=1\r\n');
    expect(out).not.toMatch(/192\.168|fmtp:101/);
  });

  test('RTCP that is not on the next port is said; IPv6', () => {
    const { text } = writeOffer(newLocal('42'), { family: 6, address: '2001:db8::1', port: 40002, rtcpPort: 41000 }, { codecs: ownOffer, direction: 'sendrecv', maxptime: 40 });
    expect(text).toContain('o=- 42 1 IN IP6 2001:db8::1\r\n');
    expect(text).toContain('c=IN IP6 2001:db8::1\r\n');
    expect(text).toContain('a=rtcp:41000\r\n');
    expect(text).toContain('a=maxptime:40\r\n');
  });
});

describe('answering', () => {
  const answerOfB = crlf(`v=0
    o=- 5 5 IN IP4 192.168.9.9
    s=-
    c=IN IP4 192.168.9.9
    t=0 0
    m=audio 7000 RTP/AVP 0 101
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15
    a=ptime:30`);

  test('A hears the numbers it offered and what B chose', () => {
    const done = exchange(linphone, answerOfB);
    expect(done.toA).toBe(
      crlf(`v=0
        o=- 22 1 IN IP4 10.0.0.1
        s=-
        c=IN IP4 10.0.0.1
        t=0 0
        m=audio 40000 RTP/AVP 0 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:30
        a=sendrecv`),
    );
    expect(done).toMatchObject({ aToB: {}, bToA: {}, flowAB: true, flowBA: true });
    expect(done.toB + done.toA).not.toMatch(/192\.168/);
  });

  test('refused streams stay in place with port 0', () => {
    const answer = answerOfB.replace('RTP/AVP 0 101', 'RTP/AVP 8 101').replace('ptime:30', 'recvonly');
    const { toA, flowAB, flowBA } = exchange(deskPhone, answer);
    expect(toA.match(/m=.*/g)).toEqual(['m=video 0 RTP/AVP 34', 'm=audio 40000 RTP/AVP 8 101', 'm=audio 0 RTP/AVP 0']);
    expect(toA).toContain('a=recvonly');
    expect({ flowAB, flowBA }).toEqual({ flowAB: true, flowBA: false });
  });

  test('B answers with numbers of its own: the relay renumbers both ways', () => {
    const answer = answerOfB.replace('RTP/AVP 0 101', 'RTP/AVP 111 126').replace('a=rtpmap:101', 'a=rtpmap:111 OPUS/48000/2\r\na=rtpmap:126').replace('fmtp:101', 'fmtp:126');
    const done = exchange(linphone, answer);
    expect(done.toA).toContain('m=audio 40000 RTP/AVP 96 101\r\n');
    expect(done.aToB).toEqual({ 96: 111, 101: 126 });
    // 111 and 126 only from a phone that sends with its own numbers
    expect(done.bToA).toEqual({ 111: 96, 126: 101 });
  });

  test('an answer that leaves out the rtpmap of a number we offered means ours', () => {
    const answer = answerOfB.replace(/m=audio[\s\S]*/, 'm=audio 7000 RTP/AVP 96\r\n');
    expect(exchange(linphone, answer).toA).toContain('a=rtpmap:96 opus/48000/2\r\n');
  });

  test.each([
    ['port 0', answerOfB.replace('7000', '0'), /refused/],
    ['no stream', answerOfB.replace(/m=[\s\S]*/, ''), /refused/],
    ['a codec that was not offered', answerOfB.replace('AVP 0 101', 'AVP 9 101'), /no codec of the offer/],
    ['only events', answerOfB.replace('AVP 0 101', 'AVP 101'), /no codec of the offer/],
  ])('an answer with %s is no answer', (_, answer, message) => {
    const err = failure(() => exchange(linphone, answer));
    expect(err.code).toBe('unacceptable');
    expect(err.message).toMatch(message);
  });

  test.each<[Direction, Direction, Direction, boolean, boolean]>([
    // A offers, B answers → our answer to A, A→B flows, B→A flows
    ['sendrecv', 'sendrecv', 'sendrecv', true, true],
    ['sendonly', 'recvonly', 'recvonly', true, false],
    ['recvonly', 'sendonly', 'sendonly', false, true],
    ['inactive', 'inactive', 'inactive', false, false],
    ['sendrecv', 'inactive', 'inactive', false, false],
    ['sendrecv', 'recvonly', 'recvonly', true, false],
    // a phone that answers more than was offered gets no more than was offered
    ['sendonly', 'sendrecv', 'recvonly', true, false],
    ['inactive', 'sendrecv', 'inactive', false, false],
  ])('direction %s answered %s: %s', (offered, answered, told, ab, ba) => {
    const done = exchange(`${linphone}a=${offered}\r\n`, `${answerOfB}a=${answered}\r\n`);
    expect(done.toB).toContain(`a=${offered}\r\n`);
    expect(done.toA).toContain(`a=${told}\r\n`);
    expect([done.flowAB, done.flowBA]).toEqual([ab, ba]);
  });

  test('a format that the receiver does not know is dropped', () => {
    const opus = ownOffer[0] as Codec;
    const pcmu = ownOffer[2] as Codec;
    expect(payloadMap({ told: [opus, pcmu], heard: [] }, { told: [], heard: [pcmu] })).toEqual({ 96: -1 });
  });

  test('media that does not pass through us keeps the numbers of who receives it', () => {
    const a = pickOffer(parseSdp(linphone));
    const b = pickAnswer(parseSdp(answerOfB.replace(/m=audio[\s\S]*/, 'm=audio 7000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n')), 0, a.codecs);
    expect(relayAnswer(a, b, true).codecs.map((c) => c.payloadType)).toEqual([111]);
    expect(relayAnswer(a, b).codecs.map((c) => c.payloadType)).toEqual([96]);
  });
});

describe('our side over time', () => {
  const spec = { codecs: ownOffer, direction: 'sendrecv' as const };

  test('the version goes up with a change and stays with a refresh', () => {
    const first = writeOffer(newLocal('9'), here, spec);
    const again = writeOffer(first.state, here, spec);
    const held = writeOffer(again.state, here, { ...spec, direction: 'sendonly' });
    const moved = writeOffer(held.state, there, { ...spec, direction: 'sendonly' });
    expect(again.text).toBe(first.text);
    expect([first, again, held, moved].map((w) => /o=- 9 (\d+)/.exec(w.text)?.[1])).toEqual(['1', '1', '2', '3']);
  });

  test('what was refused is forgotten, but its version is not used again', () => {
    const first = writeOffer(newLocal('9'), here, spec);
    const refused = writeOffer(first.state, there, spec);
    const state = abandon(first.state, refused);
    expect(writeOffer(state, here, spec).text).toBe(first.text);
    expect(writeOffer(state, here, { ...spec, direction: 'inactive' }).text).toContain('o=- 9 3 ');
  });

  test('a later offer to a peer keeps the m= lines it once offered', () => {
    const a = pickOffer(parseSdp(deskPhone));
    const answered = writeAnswer(newLocal('9'), a.session, a.index, here, { codecs: a.codecs, direction: 'recvonly' });
    const later = writeOffer(answered.state, here, { codecs: a.codecs, direction: 'sendrecv' });
    expect(later.text.match(/m=.*/g)).toEqual(['m=video 0 RTP/AVP 34', 'm=audio 40000 RTP/AVP 8 101', 'm=audio 0 RTP/AVP 0']);
  });

  test('a number keeps its codec for the whole session (RFC 3264 §8.3.2)', () => {
    const bound = new Map([[96, 'telephone-event/8000/1'], [0, 'pcmu/8000/1'], [111, 'g722/8000/1']]);
    const codecs: Codec[] = [
      { payloadType: 96, name: 'opus', clockRate: 48000, channels: 2 },
      { payloadType: 101, name: 'telephone-event', clockRate: 8000, channels: 1 },
      { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 },
      { payloadType: 9, name: 'G722', clockRate: 8000, channels: 1 },
    ];
    expect(renumber(codecs, bound).map((c) => c.payloadType)).toEqual([97, 96, 0, 111]);
    expect(renumber(codecs, none)).toEqual(codecs);
  });

  test('a session that has used up its numbers cannot take another codec', () => {
    const bound = new Map(Array.from({ length: 128 }, (_, n) => [n, `codec-${n}/8000/1`]));
    expect(failure(() => relayOffer(pickOffer(parseSdp(linphone)), bound)).code).toBe('unacceptable');
  });

  test('a refresh is told from a change', () => {
    const session = parseSdp(sipp);
    expect(sameDescription(session, parseSdp(sipp))).toBe(true);
    expect(sameDescription(session, parseSdp(sipp.replace('2353687637', '2353687638')))).toBe(false);
    // phones that forget to count
    expect(sameDescription(session, parseSdp(`${sipp}a=sendonly\r\n`))).toBe(false);
    expect(sameDescription(session, parseSdp(sipp.replace('m=audio 6000', 'm=audio 6002')))).toBe(false);
    expect(sameDescription(session, parseSdp(sipp.replace('c=IN IP4 127.0.0.3', 'c=IN IP4 127.0.0.4')))).toBe(false);
  });

  test.each<[Direction, Direction]>([['sendrecv', 'sendrecv'], ['sendonly', 'recvonly'], ['recvonly', 'sendonly'], ['inactive', 'inactive']])('%s is %s from the other side', (d, r) => {
    expect(reverse(d)).toBe(r);
  });

  test.each<[Direction, Direction, Direction, Direction]>([
    // wanted before, allowed by the offer, answered → wants now
    ['sendrecv', 'recvonly', 'recvonly', 'sendrecv'],
    ['sendrecv', 'sendrecv', 'sendonly', 'sendonly'],
    ['sendonly', 'sendrecv', 'sendrecv', 'sendrecv'],
    ['sendonly', 'recvonly', 'inactive', 'sendonly'],
    ['sendrecv', 'inactive', 'inactive', 'sendrecv'],
  ])('wants %s, may %s, answers %s: wants %s', (before, allowed, answered, after) => {
    expect(learn(before, allowed, answered)).toBe(after);
  });
});
