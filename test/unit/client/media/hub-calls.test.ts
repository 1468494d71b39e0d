/** Calls between two hubs over real UDP on loopback, judged by ear: every party speaks a tone of its own. */
import type { CodecName } from '../../../../media/frame';
import { hears, hearsNothing, mark } from '../../../support/ears';
import { cutOut, judge } from '../../../support/tone';
import { eventually } from '../../../support/wait';
import { call, closeAll, exchange, newEnd, open } from './support/two-hubs';

afterEach(closeAll);

const A = 700;
const B = 1100;

describe.each<[CodecName]>([['PCMU'], ['PCMA'], ['G722'], ['opus']])('%s', (codec) => {
  test.each(['off', 'optional', 'required'] as const)('both hear each other, SRTP %s', async (srtp) => {
    const a = newEnd('a', A, { codecs: [codec], srtp });
    const b = newEnd('b', B, { codecs: [codec], srtp });
    const { from, to } = await call(a, b);
    const encrypted = srtp !== 'off';
    expect(from.media.state).toEqual({ codec, encrypted, direction: 'sendrecv' });
    expect(to.media.state).toEqual({ codec, encrypted, direction: 'sendrecv' });
    await Promise.all([hears(a.device, B, { not: [A] }), hears(b.device, A, { not: [B] })]);
  });
});

test('held, the far end hears nothing; resumed, it hears again, from either side', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'] });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const { from, to } = await call(a, b);
  await hears(b.device, A, { not: [B], seconds: 0.4 });

  await exchange(from, to, 'sendonly');
  expect([from.media.state.direction, to.media.state.direction]).toEqual(['sendonly', 'recvonly']);
  await hearsNothing(a.device, 0.5);

  await exchange(to, from, 'inactive');
  expect([from.media.state.direction, to.media.state.direction]).toEqual(['inactive', 'inactive']);
  await hearsNothing(b.device, 0.5);

  await exchange(from, to);
  await Promise.all([hears(a.device, B, { not: [A], from: mark(a.device), seconds: 0.4 }), hears(b.device, A, { not: [B], from: mark(b.device), seconds: 0.4 })]);
});

test('a re-offer changes the codec, and payload numbers keep their meaning', async () => {
  const a = newEnd('a', A);
  const b = newEnd('b', B);
  const { from, to, offer } = await call(a, b);
  expect(from.media.state.codec).toBe('opus');
  await hears(a.device, B, { not: [A], seconds: 0.4 });

  // the far end has had enough of opus: it offers the rest under the same numbers
  const reoffer = (await to.media.offer('sendrecv')).replace(/^(m=audio \d+ \S+) 96 /m, '$1 ').replace(/a=(rtpmap|fmtp):96 .*\r\n/g, '');
  expect(offer).toContain('a=rtpmap:96 opus/48000/2');
  await to.media.accept(await from.media.answer(reoffer, 'sendrecv'));
  expect([from.media.state.codec, to.media.state.codec]).toEqual(['G722', 'G722']);
  await Promise.all([hears(a.device, B, { not: [A], from: mark(a.device) + 0.3, seconds: 0.6 }), hears(b.device, A, { not: [B], from: mark(b.device) + 0.3, seconds: 0.6 })]);
});

test('keys pressed arrive as events, or as tones where that is wished or nothing else is left', async () => {
  const a = newEnd('a', 0, { codecs: ['PCMU'] });
  const b = newEnd('b', 0, { codecs: ['PCMU'], detectTones: true });
  const { from, to } = await call(a, b);
  expect(from.media.sendDigits('42', 'auto')).toBe(true);
  await eventually('both keys', () => to.told.digits.length === 2);
  expect(to.told.digits).toEqual([{ digit: '4', by: 'rfc4733' }, { digit: '2', by: 'rfc4733' }]);
  expect(from.media.sendDigits('9', 'in-band')).toBe(true);
  await eventually('the tone', () => to.told.digits.length === 3);
  expect(to.told.digits[2]).toEqual({ digit: '9', by: 'in-band' });

  const without = (await from.media.offer('sendrecv')).replace(/ 101(?=\r\n)/, '').replace(/a=(rtpmap|fmtp):101 .*\r\n/g, '');
  await from.media.accept(await to.media.answer(without, 'sendrecv'));
  expect(from.media.sendDigits('7', 'rfc4733')).toBe(false);
  expect(from.media.sendDigits('7', 'auto')).toBe(true);
  await eventually('the other tone', () => to.told.digits.length === 4);
  expect(to.told.digits[3]).toEqual({ digit: '7', by: 'in-band' });
});

test('two active calls are a conference: everybody hears the others; one that is not active is alone', async () => {
  const C = 1500;
  const a = newEnd('a', A, { codecs: ['PCMU', 'G722'] });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const c = newEnd('c', C, { codecs: ['G722'] });
  const { to: withB } = await call(b, a);
  await call(c, a);
  const both = async (device: typeof a.device, one: number, other: number): Promise<void> => {
    const from = mark(device) + 0.3;
    await eventually(`${device.name} hears both`, () => mark(device) > from + 1);
    const heard = judge(cutOut(device.heard(), from));
    expect(heard.share(one)).toBeGreaterThan(0.3);
    expect(heard.share(other)).toBeGreaterThan(0.3);
  };
  await Promise.all([both(a.device, B, C), both(b.device, A, C), both(c.device, A, B)]);

  withB.media.setActive(false);
  await hearsNothing(b.device, 0.5);
  await Promise.all([hears(a.device, C, { not: [B], from: mark(a.device) + 0.1, seconds: 0.5 }), hears(c.device, A, { not: [B], from: mark(c.device) + 0.1, seconds: 0.5 })]);
});

test('muted, nobody hears the person; what it plays is heard all the same', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'] });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const { from } = await call(a, b);
  await hears(b.device, A, { not: [B], seconds: 0.4 });
  a.hub.setMuted(true);
  await hearsNothing(b.device, 0.5);
  const end = from.media.play({ hz: [1600], ms: 900 });
  await hears(b.device, 1600, { not: [A], from: mark(b.device), seconds: 0.5 });
  expect(await end).toEqual({ why: 'finished', playedMs: 900 });
  a.hub.setMuted(false);
  await hears(b.device, A, { not: [1600], from: mark(b.device) + 0.5, seconds: 0.4 });
  expect(a.hub.levels().input).toBeGreaterThan(-20);
  expect(b.hub.levels().output).toBeGreaterThan(-20);
});

test('a peer that falls silent is told of once, and again when it speaks', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'], silenceMs: 600 });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const { from } = await call(a, b);
  await hears(a.device, B, { not: [A], seconds: 0.2 });
  b.hub.close();
  await eventually('silence', () => from.told.silences.length === 1);
  expect(from.told.silences[0]).toBeGreaterThanOrEqual(600);
});

test('quality is known from both ends', async () => {
  const a = newEnd('a', A);
  const b = newEnd('b', B);
  const { from } = await call(a, b);
  await hears(b.device, A, { not: [B], seconds: 0.5 });
  const quality = await eventually('a report of the far end', () => {
    const now = from.media.quality();
    return now.sent.mos !== null && now.rttMs !== null && now;
  }, 15_000);
  expect(quality.heard.packets).toBeGreaterThan(20);
  expect(quality.heard).toMatchObject({ lost: 0, lossFraction: 0 });
  expect(quality.heard.mos).toBeGreaterThan(4);
  expect(quality.heard.bufferMs).toBeLessThan(120);
  expect(quality.sent.mos).toBeGreaterThan(4);
  expect(quality.rttMs).toBeLessThan(100);
  expect(from.media.describe()).toMatch(/^srtp\(:\d+\) -> jitter\(\d+ms\) -> opus -> mix\(48000, 2 in\) -> opus.* -> srtp\(:\d+\)$/);
}, 30_000);

test('a phone without a sound card is in a call all the same', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'] });
  a.hub.setDevice(undefined);
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const { from } = await call(a, b);
  expect(from.media.describe()).toContain('mix(8000, 2 in)');
  const end = from.media.play({ hz: [500], ms: 1500 });
  const frames = from.media.heard()[Symbol.asyncIterator]();
  const { value } = await frames.next();
  expect(value).toHaveLength(960);
  await hears(b.device, 500, { not: [B], seconds: 0.6 });
  from.media.close();
  expect((await end).why).toBe('released');
  for (let next = await frames.next(); !next.done; next = await frames.next()) expect(next.value).toHaveLength(960);
});

test('over IPv6', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'] });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const from = await open(a, 'six', '[::1]');
  const to = await open(b, 'six', '::1');
  const { offer } = await exchange(from, to);
  expect(offer).toContain('c=IN IP6 ::1\r\n');
  await Promise.all([hears(a.device, B, { not: [A], seconds: 0.4 }), hears(b.device, A, { not: [B], seconds: 0.4 })]);
});
