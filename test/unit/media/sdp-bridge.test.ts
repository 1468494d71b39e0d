/** Relay or room: one table over what two parties have agreed to; and the offers and answers that lead there. */
import { agreedFormats, bridgeAnswer, bridgeOf, bridgeOffer, leastCost, parseSdp, pickAnswer, pickOffer, SdpError, type Direction, type Picked } from '../../../media/sdp';
import type { CodecName } from '../../../media/frame';

const all: readonly CodecName[] = ['opus', 'G722', 'PCMU', 'PCMA'];
const maps: Record<string, string> = { 96: 'opus/48000/2', 97: 'telephone-event/48000', 101: 'telephone-event/8000', 111: 'opus/48000/2', 110: 'telephone-event/8000' };
const text = (formats: string, ...attributes: string[]) =>
  [
    'v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', `m=audio 6000 RTP/AVP ${formats}`,
    ...formats.split(' ').flatMap((n) => (maps[n] ? [`a=rtpmap:${n} ${maps[n]}`] : [])), ...attributes, '',
  ].join('\r\n');
const offerOf = (formats: string, ...attributes: string[]) => pickOffer(parseSdp(text(formats, ...attributes)));

interface Call {
  offer: Picked;
  answer: Picked;
  toldB: ReturnType<typeof bridgeOffer>;
  toldA: ReturnType<typeof bridgeAnswer>;
  bridge: ReturnType<typeof bridgeOf>;
}

/** A calls B: its offer, ours to B, B's answer, ours to A, and what becomes of the two. */
function call(formatsOfA: string | Picked, formatsOfB: string | [string, ...string[]], can: readonly CodecName[] = all): Call {
  const offer = typeof formatsOfA === 'string' ? offerOf(formatsOfA) : formatsOfA;
  const toldB = bridgeOffer(offer, new Map(), can);
  const answer = pickAnswer(parseSdp(typeof formatsOfB === 'string' ? text(formatsOfB) : text(...formatsOfB)), 0, toldB.codecs);
  const toldA = bridgeAnswer(offer, answer, can);
  const a = { told: toldA.codecs, heard: offer, agreed: 'sendrecv' as const, answer: toldA.codecs };
  const b = { told: toldB.codecs, heard: answer, agreed: 'sendrecv' as const, answer: answer.codecs };
  return { offer, answer, toldB, toldA, bridge: bridgeOf(a, b, can) };
}

describe('our offer', () => {
  test.each<[string, readonly CodecName[], string]>([
    ['0 8 101', all, '0 8 96 9 101 97'],
    ['0', all, '0 96 9 8'],
    ['96 97 101', all, '96 9 0 8 97 101'],
    ['0 101', ['PCMU', 'PCMA'], '0 8 101'],
    ['96 97', all, '96 9 0 8 97 101'],
    ['0 101', [], '0 101'],
    // what we cannot hear cannot be turned into anything
    ['96 97', ['PCMU', 'PCMA'], '96 97'],
  ])('of %s, able to do %j: %s', (formats, can, expected) => {
    expect(bridgeOffer(offerOf(formats), new Map(), can).codecs.map((c) => c.payloadType).join(' ')).toBe(expected);
  });

  test('formats of ours get numbers that are free', () => {
    const offer = offerOf('0 96', 'a=rtpmap:96 telephone-event/8000');
    const session = { ...offer, codecs: offer.codecs.map((c) => (c.payloadType === 96 ? { payloadType: 96, name: 'telephone-event', clockRate: 8000, channels: 1 } : c)) };
    const numbers = bridgeOffer(session, new Map([[97, 'telephone-event/16000/1']]), all).codecs.map((c) => `${c.payloadType} ${c.name}`);
    expect(numbers).toEqual(['0 PCMU', '98 opus', '9 G722', '8 PCMA', '96 telephone-event', '99 telephone-event']);
  });
});

describe('what becomes of two parties', () => {
  test.each<[string, string, string, string, string]>([
    // A's offer, B's answer → our answer to A, what happens
    ['the same codec', '0 8 101', '0 101', '0 101', 'relay'],
    ['another order', '0 8 101', '8 0 101', '8 0 101', 'relay'],
    ['another number', '96 97', '111 97', '96 97', 'relay'],
    ['no keys on either side', '0 8', '0', '0', 'relay'],
    ['comfort noise passes', '0 13 101', '0 13 101', '0 13 101', 'relay'],
    ['one of our codecs beside a common one', '0 101', '0 96 101', '0 101', 'relay'],
    ['G.711 of two kinds', '0 101', '8 101', '0 101', 'codec: PCMU/0 - PCMA/8'],
    ['Opus to G.711', '96 97 101', '8 101', '96 97', 'codec: opus/96 - PCMA/8'],
    ['G.711 to Opus', '0 101', '96 101', '0 101', 'codec: PCMU/0 - opus/96'],
    ['B would rather have Opus', '0 101', '96 0 101', '0 101', 'codec: PCMU/0 - opus/96'],
    ['B has no keys', '0 101', '0', '0 101', 'keys: PCMU/0 - PCMU/0'],
    ['keys on another clock', '96 97', '96 101', '96 97', 'keys: opus/96 - opus/96'],
    ['Opus alone to G.711', '96 97', '0 101', '96 97', 'codec: opus/96 - PCMU/0'],
  ])('%s: %s and %s', (_, offered, answered, toA, expected) => {
    const { toldA, bridge } = call(offered, answered);
    expect(toldA.codecs.map((c) => c.payloadType).join(' ')).toBe(toA);
    const said = bridge.kind === 'relay' ? 'relay' : `${bridge.why}: ${bridge.a.send?.codec}/${bridge.a.send?.payloadType} - ${bridge.b.send?.codec}/${bridge.b.send?.payloadType}`;
    expect(said).toBe(expected);
  });

  test('keys on different clocks are turned into each other', () => {
    const codecs = { a: offerOf('0 97'), b: offerOf('0 101') };
    const party = (heard: Picked) => ({ told: heard.codecs, heard, agreed: 'sendrecv' as const });
    expect(bridgeOf(party(codecs.a), party(codecs.b), all)).toMatchObject({ kind: 'mix', why: 'keys', tones: { a: false, b: false } });
  });

  test('whoever has no keys is listened to for tones', () => {
    expect(call('0 101', '0').bridge).toMatchObject({ kind: 'mix', why: 'keys', tones: { a: false, b: true }, a: { telephoneEvent: { send: { payloadType: 101 } } }, b: { telephoneEvent: null } });
  });

  test.each<[string, string[], string[], string]>([
    ['nothing said', [], [], 'relay'],
    ['both say 20', ['a=ptime:20'], ['a=ptime:20'], 'relay'],
    ['B asks for longer than A takes', ['a=maxptime:20'], ['a=ptime:40'], 'mix'],
    ['A asks for longer than B takes', ['a=ptime:60'], ['a=maxptime:30'], 'mix'],
    ['longer, but A takes it', ['a=maxptime:60'], ['a=ptime:40'], 'relay'],
  ])('packet times: %s', (_, ofA, ofB, kind) => {
    const { bridge } = call(offerOf('0 101', ...ofA), ['0 101', ...ofB]);
    expect(bridge.kind).toBe(kind);
    if (bridge.kind === 'mix') expect(bridge.why).toBe('packet time');
  });

  test('the room uses the packet time that each asks for', () => {
    const { bridge } = call(offerOf('0 101', 'a=maxptime:20'), ['0 101', 'a=ptime:40']);
    expect(bridge).toMatchObject({ a: { send: { ptimeMs: 20 } }, b: { send: { ptimeMs: 40 } } });
  });

  test('what we cannot decode is relayed or refused, as if there were no codecs here', () => {
    expect(call('0 101', '0', []).bridge).toEqual({ kind: 'relay' });
    expect(call('96 97 101', '96 97', ['PCMU']).bridge).toEqual({ kind: 'relay' });
    expect(() => call('0 101', '8 101', [])).toThrow(SdpError);
  });

  test('directions are those of each party', () => {
    const party = (heard: Picked, agreed: Direction) => ({ told: heard.codecs, heard, agreed });
    const bridge = bridgeOf(party(offerOf('0 101'), 'sendonly'), party(offerOf('8 101'), 'recvonly'), all);
    expect(bridge).toMatchObject({ kind: 'mix', a: { send: null, receive: [{ payloadType: 0 }] }, b: { send: { payloadType: 8 }, receive: [] } });
  });
});

test.each<[CodecName[], CodecName, readonly CodecName[], CodecName | undefined]>([
  // offered, what the other side speaks, what we can → chosen
  [['PCMU', 'PCMA'], 'opus', all, 'PCMU'],
  [['PCMA', 'PCMU'], 'opus', all, 'PCMA'],
  [['opus', 'PCMA'], 'PCMU', all, 'PCMA'],
  [['opus', 'G722'], 'PCMU', all, 'G722'],
  [['PCMU', 'G722'], 'opus', all, 'G722'],
  [['PCMU', 'opus'], 'G722', all, 'opus'],
  [['PCMU', 'opus'], 'G722', ['PCMU', 'G722'], 'PCMU'],
  [['opus'], 'PCMU', ['PCMU'], undefined],
  [[], 'PCMU', all, undefined],
])('least cost of %j towards %s, able to do %j: %s', (offered, other, can, expected) => {
  expect(leastCost(offered, other, can)).toBe(expected);
});

test('what is agreed is what both named, in the order of the answer', () => {
  const heard = offerOf('0 8 96 101');
  const formats = agreedFormats({ told: offerOf('111 0').codecs, heard, agreed: 'sendrecv' });
  expect(formats.map((c) => c.payloadType)).toEqual([96, 0]);
});
