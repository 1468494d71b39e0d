/** Calls that end here: what we choose of an offer, what we offer ourselves, and what the plane is told of either. */
import { newLocal, parseSdp, pickAnswer, pickOffer, SdpError, terminate, terminateAnswer, terminateOffer, writeAnswer, writeOffer, type Direction, type MediaAddress } from '../../../media/sdp';
import { pcma, pcmu } from '../../../media/codec/g711';
import { g722 } from '../../../media/codec/g722';
import { opus } from '../../../media/codec/opus';
import type { CodecName } from '../../../media/frame';
import { packetTime } from '../../../media/sdp/sound';
import { baresip, linphone, sipp } from './sdp-offers';

const here: MediaAddress = { family: 4, address: '10.0.0.1', port: 40000, rtcpPort: 40001 };
const all: readonly CodecName[] = ['opus', 'G722', 'PCMU', 'PCMA'];
const offer = (formats: string, ...attributes: string[]) =>
  pickOffer(parseSdp(['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', `m=audio 6000 RTP/AVP ${formats}`, ...attributes, ''].join('\r\n')));
const maps = {
  opus: (n: number) => `a=rtpmap:${n} opus/48000/2`,
  keys: (n: number, rate = 8000) => `a=rtpmap:${n} telephone-event/${rate}`,
};

describe('the answer to an offer', () => {
  test.each<[string, string, CodecName[], string, number[]]>([
    // what is offered, what we can → what is spoken, the formats of our answer
    ['Linphone', linphone, [...all], 'opus 96', [96, 99]],
    ['baresip, which puts G.711 first', baresip, [...all], 'opus 96', [96, 101]],
    ['baresip, without Opus here', baresip, ['G722', 'PCMU', 'PCMA'], 'G722 9', [9, 101]],
    ['Linphone, with G.711 only here', linphone, ['PCMU', 'PCMA'], 'PCMU 0', [0, 101]],
    ['the order of the party, not ours', baresip, ['PCMA', 'PCMU'], 'PCMU 0', [0, 101]],
    ['one format', sipp, [...all], 'PCMU 0', [0]],
  ])('%s', (_, text, codecs, spoken, formats) => {
    const picked = pickOffer(parseSdp(text));
    const { spec, audio } = terminate(picked, { codecs });
    expect(`${audio.send?.codec} ${audio.send?.payloadType}`).toBe(spoken);
    expect(spec.codecs.map((c) => c.payloadType)).toEqual(formats);
    expect(audio.receive.map((f) => f.payloadType)).toEqual([formats[0]]);
    const [stream] = parseSdp(writeAnswer(newLocal('1'), picked.session, picked.index, here, spec).text).streams;
    expect(stream?.formats).toEqual(formats.map(String));
  });

  test('the parameters: the party\'s rule what we send, ours what it sends', () => {
    const picked = offer('111 110', maps.opus(111), 'a=fmtp:111 stereo=1;maxaveragebitrate=20000', maps.keys(110, 48000), 'a=fmtp:110 0-11');
    const { spec, audio } = terminate(picked, { codecs: all });
    expect(audio.send).toEqual({ codec: 'opus', payloadType: 111, fmtp: 'stereo=1;maxaveragebitrate=20000', ptimeMs: 20 });
    expect(audio.receive).toEqual([{ codec: 'opus', payloadType: 111, fmtp: 'useinbandfec=1' }]);
    expect(spec.codecs.map((c) => c.fmtp)).toEqual(['useinbandfec=1', '0-15']);
    expect(audio.telephoneEvent).toEqual({ send: { payloadType: 110, clockRate: 48000 }, receive: [{ payloadType: 110, clockRate: 48000 }] });
  });

  test('keys on the clock of the voice; at 8000 Hz when there are no others; of no other clock', () => {
    const keysOf = (...attributes: string[]) => terminate(offer('96 97 98', maps.opus(96), ...attributes), { codecs: all }).audio.telephoneEvent?.send;
    expect(keysOf(maps.keys(97), maps.keys(98, 48000))).toEqual({ payloadType: 98, clockRate: 48000 });
    expect(keysOf(maps.keys(97))).toEqual({ payloadType: 97, clockRate: 8000 });
    expect(keysOf(maps.keys(97, 16000))).toBeUndefined();
  });

  test('comfort noise goes with G.711 and not with Opus', () => {
    expect(terminate(offer('0 13'), { codecs: all })).toMatchObject({ spec: { codecs: [{ payloadType: 0 }, { payloadType: 13 }] }, audio: { comfortNoise: { send: 13, receive: 13 } } });
    const { spec, audio } = terminate(offer('0 13 96', maps.opus(96)), { codecs: all });
    expect([spec.codecs.length, audio.comfortNoise]).toEqual([1, null]);
  });

  test.each<[string, string[], CodecName, number]>([
    ['nothing said', [], 'PCMU', 20],
    ['30 ms', ['a=ptime:30'], 'PCMU', 30],
    ['what no codec has', ['a=ptime:25'], 'PCMU', 20],
    ['more than we pack', ['a=ptime:200'], 'PCMU', 60],
    ['less than we pack', ['a=ptime:5'], 'PCMU', 10],
    ['at most 10 ms', ['a=maxptime:10'], 'PCMU', 10],
    ['more at once than at most', ['a=ptime:60', 'a=maxptime:40'], 'PCMU', 40],
    ['30 ms, which Opus has not', ['a=ptime:30'], 'opus', 20],
  ])('packet time: %s', (_, attributes, codec, ptimeMs) => {
    const { spec, audio } = terminate(offer('0 96', maps.opus(96), ...attributes), { codecs: [codec] });
    expect([audio.send?.ptimeMs, spec.ptime]).toEqual([ptimeMs, ptimeMs]);
  });

  test.each<[Direction, Direction | undefined, Direction, boolean, boolean]>([
    // offered, what we want → answered; do we send, do we listen
    ['sendrecv', undefined, 'sendrecv', true, true],
    ['sendonly', undefined, 'recvonly', false, true],
    ['recvonly', undefined, 'sendonly', true, false],
    ['inactive', undefined, 'inactive', false, false],
    ['sendrecv', 'sendonly', 'sendonly', true, false],
    ['sendonly', 'sendonly', 'inactive', false, false],
  ])('%s, wanting %s: %s', (offered, direction, answered, sends, listens) => {
    const { spec, audio } = terminate(offer('0 13 101', maps.keys(101), `a=${offered}`), { codecs: all, direction });
    expect(spec.direction).toBe(answered);
    expect([audio.send !== null, audio.receive.length > 0]).toEqual([sends, listens]);
    expect([audio.telephoneEvent?.send !== null, audio.telephoneEvent?.receive.length !== 0]).toEqual([sends, listens]);
    expect([audio.comfortNoise?.send !== null, audio.comfortNoise?.receive !== null]).toEqual([sends, listens]);
  });

  test('nothing in common', () => {
    expect(() => terminate(offer('0 8'), { codecs: ['opus'] })).toThrow(SdpError);
    expect(() => terminate(offer('0 8'), { codecs: [] })).toThrow('no common codec: known are none');
  });
});

describe('an offer of ours', () => {
  const answered = (spec: ReturnType<typeof terminateOffer>, formats: string, ...attributes: string[]) => {
    const text = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', `m=audio 6000 RTP/AVP ${formats}`, ...attributes, ''].join('\r\n');
    return terminateAnswer(pickAnswer(parseSdp(text), 0, spec.codecs), spec);
  };

  test('what it says', () => {
    const { text } = writeOffer(newLocal('1'), here, terminateOffer({ codecs: all }));
    expect(text).toContain('m=audio 40000 RTP/AVP 96 9 0 8 97 101\r\n');
    expect(terminateOffer({ codecs: ['PCMU'] }).codecs.map((c) => c.payloadType)).toEqual([0, 101]);
    expect(terminateOffer({ codecs: ['opus'], direction: 'sendonly' })).toMatchObject({ direction: 'sendonly', codecs: [{ name: 'opus' }, { payloadType: 97, clockRate: 48000 }] });
  });

  test('numbers that mean something else in this session are left alone', () => {
    const bound = new Map([[96, 'telephone-event/8000/1'], [111, 'opus/48000/2']]);
    expect(terminateOffer({ codecs: ['opus', 'PCMU'] }, bound).codecs.map((c) => `${c.payloadType} ${c.name}/${c.clockRate}`)).toEqual([
      '111 opus/48000', '0 PCMU/8000', '97 telephone-event/48000', '96 telephone-event/8000',
    ]);
  });

  test('the first format of the answer is spoken; whatever it names may come, under either number', () => {
    const audio = answered(terminateOffer({ codecs: all }), '8 111 110', maps.opus(111), maps.keys(110));
    expect(audio.send).toEqual({ codec: 'PCMA', payloadType: 8, ptimeMs: 20 });
    expect(audio.receive).toEqual([
      { codec: 'opus', payloadType: 96, fmtp: 'useinbandfec=1' },
      { codec: 'PCMA', payloadType: 8 },
      { codec: 'opus', payloadType: 111, fmtp: 'useinbandfec=1' },
    ]);
    expect(audio.telephoneEvent).toEqual({ send: { payloadType: 110, clockRate: 8000 }, receive: [{ payloadType: 101, clockRate: 8000 }] });
  });

  test('silence need not be sent where we ask for that, in offers and in answers', () => {
    expect(terminateOffer({ codecs: ['opus'], dtx: true }).codecs[0]).toMatchObject({ name: 'opus', fmtp: 'useinbandfec=1;usedtx=1' });
    const offer = pickOffer(parseSdp(writeOffer(newLocal('1'), here, terminateOffer({ codecs: all })).text));
    expect(terminate(offer, { codecs: all, dtx: true }).spec.codecs[0]!.fmtp).toBe('useinbandfec=1;usedtx=1');
    expect(terminate(offer, { codecs: all }).spec.codecs[0]!.fmtp).toBe('useinbandfec=1');
  });

  test('the directions of both count', () => {
    expect(answered(terminateOffer({ codecs: all }), '0', 'a=recvonly')).toMatchObject({ send: { codec: 'PCMU' }, receive: [] });
    expect(answered(terminateOffer({ codecs: all, direction: 'sendonly' }), '0', 'a=recvonly')).toMatchObject({ send: { codec: 'PCMU' }, receive: [] });
    expect(answered(terminateOffer({ codecs: all, direction: 'sendonly' }), '0', 'a=inactive')).toMatchObject({ send: null, receive: [] });
  });
});

test.each([g722, opus, pcma, pcmu])('packet times of $name are those that its codec has', ({ name, ptimes }) => {
  for (const ms of [10, 20, 30, 40, 60, 100]) {
    expect(packetTime(name, { ptime: ms })).toBe(ptimes.filter((p) => p <= ms).at(-1));
  }
});
