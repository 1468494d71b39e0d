/** The hub and its calls in memory, on a clock that only the test moves: who hears whom, when, and what is told of it. */
import { FakeLine } from './support/fake-line';
import { closeAll, exchange, open } from './support/two-hubs';

afterEach(closeAll);

const A = 700;
const B = 1100;
const C = 1500;
const PCMU = { codecs: ['PCMU'] as const };

test('held, the far end hears nothing; resumed, it hears again, from either side', async () => {
  const line = new FakeLine(PCMU);
  const { from, to } = await line.call();
  await line.run(200);
  expect((await line.hear(1, 400)).share(A)).toBeGreaterThan(0.95);

  await exchange(from, to, 'sendonly');
  expect([from.media.state.direction, to.media.state.direction]).toEqual(['sendonly', 'recvonly']);
  await line.run(300);
  expect((await line.hear(0, 400)).loudSeconds).toBe(0);
  expect((await line.hear(1, 400)).share(A)).toBeGreaterThan(0.95);

  await exchange(to, from, 'inactive');
  expect([from.media.state.direction, to.media.state.direction]).toEqual(['inactive', 'inactive']);
  await line.run(300);
  expect((await line.hear(1, 400)).loudSeconds).toBe(0);

  await exchange(from, to);
  await line.run(300);
  expect((await line.hear(0, 400)).share(B)).toBeGreaterThan(0.95);
  expect((await line.hear(1, 400)).share(A)).toBeGreaterThan(0.95);
  expect(from.told.states.map(({ direction }) => direction)).toEqual(['sendrecv', 'sendonly', 'inactive', 'sendrecv']);
});

test('a re-offer changes the codec, and both go on hearing each other', async () => {
  const line = new FakeLine();
  const { from, to, offer } = await line.call();
  expect(offer).toContain('a=rtpmap:96 opus/48000/2');
  expect(from.media.state.codec).toBe('opus');
  await line.run(300);
  // the far end has had enough of opus: it offers the rest under the same numbers
  const reoffer = (await to.media.offer('sendrecv')).replace(/^(m=audio \d+ \S+) 96 /m, '$1 ').replace(/a=(rtpmap|fmtp):96 .*\r\n/g, '');
  await to.media.accept(await from.media.answer(reoffer, 'sendrecv'));
  expect([from.media.state.codec, to.media.state.codec]).toEqual(['G722', 'G722']);
  await line.run(300);
  expect((await line.hear(0, 400)).share(B)).toBeGreaterThan(0.95);
  expect((await line.hear(1, 400)).share(A)).toBeGreaterThan(0.95);
});

test('an offer that is refused leaves the sound as it was', async () => {
  const line = new FakeLine(PCMU);
  const { from } = await line.call();
  await from.media.offer('inactive');
  from.media.rollback();
  await line.run(300);
  expect((await line.hear(1, 400)).share(A)).toBeGreaterThan(0.95);
  expect(from.media.state.direction).toBe('sendrecv');
});

test('a fork that answers early is heard, then the one that takes the call', async () => {
  const line = new FakeLine(PCMU, PCMU, PCMU);
  const from = await open(line.ends[0]!);
  const [early, final] = [await open(line.ends[1]!), await open(line.ends[2]!)];
  const offer = await from.media.offer('sendrecv');
  const answer = await final.media.answer(offer, 'sendrecv');
  await from.media.accept(await early.media.answer(offer, 'sendrecv'));
  await line.run(300);
  expect((await line.hear(0, 300)).share(B)).toBeGreaterThan(0.95);
  early.media.close();
  await from.media.accept(answer);
  await line.run(400);
  expect((await line.hear(0, 300)).share(C)).toBeGreaterThan(0.95);
  expect((await line.hear(2, 300)).share(A)).toBeGreaterThan(0.95);
});

test('keys pressed arrive as events, or as tones where that is wished or nothing else is left', async () => {
  const line = new FakeLine(PCMU, { ...PCMU, detectTones: true });
  for (const { device } of line.ends) device.hz = 0;
  const { from, to } = await line.call();
  expect(from.media.sendDigits('42', 'auto')).toBe(true);
  await line.run(800);
  expect(to.told.digits).toEqual([{ digit: '4', by: 'rfc4733' }, { digit: '2', by: 'rfc4733' }]);
  expect(from.media.sendDigits('9', 'in-band')).toBe(true);
  await line.run(600);
  expect(to.told.digits[2]).toEqual({ digit: '9', by: 'in-band' });

  const without = (await from.media.offer('sendrecv')).replace(/ 101(?=\r\n)/, '').replace(/a=(rtpmap|fmtp):101 .*\r\n/g, '');
  await from.media.accept(await to.media.answer(without, 'sendrecv'));
  expect(from.media.sendDigits('7', 'rfc4733')).toBe(false);
  expect(from.media.sendDigits('7', 'auto')).toBe(true);
  await line.run(600);
  expect(to.told.digits.slice(3)).toEqual([{ digit: '7', by: 'in-band' }]);
});

test('two active calls are a conference: everybody hears the others; one that is not active is alone', async () => {
  const line = new FakeLine({ codecs: ['PCMU', 'G722'] }, PCMU, { codecs: ['G722'] });
  const { from: withB } = await line.call(0, 1);
  await line.call(0, 2);
  await line.run(300);
  for (const [end, one, other, own] of [[0, B, C, A], [1, A, C, B], [2, A, B, C]] as const) {
    const heard = await line.hear(end, 300);
    expect(heard.share(one)).toBeGreaterThan(0.35);
    expect(heard.share(other)).toBeGreaterThan(0.35);
    expect(heard.share(own)).toBeLessThan(0.01);
  }
  withB.media.setActive(false);
  await line.run(200);
  expect((await line.hear(1, 300)).loudSeconds).toBe(0);
  expect((await line.hear(0, 300)).share(C)).toBeGreaterThan(0.95);
  expect((await line.hear(2, 300)).share(A)).toBeGreaterThan(0.95);
});

test('muted, nobody hears the person, but what the program plays; levels tell what goes on', async () => {
  const line = new FakeLine(PCMU);
  const [a, b] = line.ends;
  const { from } = await line.call();
  await line.run(300);
  a!.hub.setMuted(true);
  expect(a!.hub.muted).toBe(true);
  await line.run(200);
  expect((await line.hear(1, 300)).loudSeconds).toBe(0);
  expect(b!.hub.levels().output).toBeLessThan(-60);
  const end = from.media.play({ hz: [1600], ms: 400 });
  await line.until('the tone is heard', () => line.lately(1).share(1600) > 0.95);
  await line.run(500);
  expect(await end).toEqual({ why: 'finished', playedMs: 400 });
  a!.hub.setMuted(false);
  await line.run(200);
  expect((await line.hear(1, 300)).share(A)).toBeGreaterThan(0.95);
  expect(a!.hub.levels().input).toBeCloseTo(-14, 0);
  expect(b!.hub.levels().output).toBeCloseTo(-14, 0);
});

test('gains, and the person hears itself only when that was asked for', async () => {
  const line = new FakeLine(PCMU, { ...PCMU, sidetoneDb: 20 });
  const [a, b] = line.ends;
  await line.call();
  await line.run(300);
  const before = a!.hub.levels().output;
  a!.hub.setOutputGain(-10);
  b!.hub.setInputGain(4);
  await line.run(200);
  expect(a!.hub.levels().output).toBeCloseTo(before - 6, 0);
  expect([a!.hub.outputGainDb, b!.hub.inputGainDb]).toEqual([-10, 4]);
  expect((await line.hear(0, 300)).share(A)).toBeLessThan(0.001);
  expect((await line.hear(1, 300)).share(B)).toBeGreaterThan(0.01);
});

test('tones of the phone are heard with and without a call, by its person only', async () => {
  const line = new FakeLine(PCMU);
  const { hub } = line.ends[0]!;
  hub.tone('ringback');
  expect((await line.hear(0, 400)).share(440)).toBeGreaterThan(0.3);
  hub.tone('ringing');
  expect((await line.hear(0, 400)).share(800)).toBeGreaterThan(0.2);
  hub.tone(null);
  await line.run(100);
  expect((await line.hear(0, 300)).loudSeconds).toBe(0);
  await line.call();
  await line.run(200);
  hub.tone('waiting');
  const heard = await line.hear(0, 280);
  expect(heard.share(440)).toBeGreaterThan(0.02);
  expect(heard.share(B)).toBeGreaterThan(0.5);
  expect((await line.hear(1, 280)).share(440)).toBeLessThan(0.001);
});

test('a peer that falls silent is told of once, and again when it speaks; on hold it owes nothing', async () => {
  const line = new FakeLine(PCMU);
  const { from, to } = await line.call();
  await line.run(1000);
  line.lose = () => true;
  await line.run(7000);
  expect(from.told.silences).toHaveLength(1);
  expect(from.told.silences[0]).toBeGreaterThanOrEqual(5000);
  line.lose = () => false;
  await line.run(1000);
  expect(from.told.silences.slice(1)).toEqual([null]);
  await exchange(from, to, 'inactive');
  await line.run(8000);
  expect(from.told.silences).toHaveLength(2);
});

test('quality is known from both ends, and loss of late', async () => {
  const line = new FakeLine({ codecs: ['opus'], srtp: 'off' });
  const { from, to } = await line.call();
  await line.run(15_000);
  const good = from.media.quality();
  expect(good.heard).toMatchObject({ lost: 0, lossFraction: 0 });
  expect(good.heard.packets).toBeGreaterThan(700);
  expect(good.heard.mos).toBeGreaterThan(4);
  expect(good.heard.bufferMs).toBeLessThan(45);
  expect(good.sent.mos).toBeGreaterThan(4);
  expect(good.sent.lossFraction).toBe(0);
  expect(good.rttMs).toBeLessThan(25);

  let n = 0;
  line.lose = (data) => (data[1]! & 0x7f) === 96 && ++n % 5 === 0;
  await line.run(12_000);
  const bad = to.media.quality();
  expect(bad.heard.lossFraction).toBeCloseTo(0.2, 1);
  expect(bad.heard.mos).toBeLessThan(good.heard.mos! - 0.2);
  expect(from.media.quality().sent.lossFraction).toBeGreaterThan(0.1);
  expect(from.media.quality().sent.mos).toBeLessThan(good.sent.mos! - 0.2);

  // What was is forgotten by what is told of late, and not by what is told of the whole call.
  line.lose = () => false;
  await line.run(12_000);
  const [lately, whole] = [to.media.quality(), to.media.quality('call')];
  expect(lately).toMatchObject({ of: 'lately', heard: { lossFraction: 0, concealedFraction: 0 } });
  expect(lately.seconds).toBeGreaterThanOrEqual(4);
  expect(lately.seconds).toBeLessThanOrEqual(6);
  expect(lately.heard.mos).toBeCloseTo(good.heard.mos!, 1);
  expect(whole).toMatchObject({ of: 'call', seconds: null });
  // a fifth of 12 of 39 s
  expect(whole.heard.lossFraction).toBeCloseTo(0.06, 1);
  expect(whole.heard.lossFraction).toBeCloseTo(whole.heard.lost / (whole.heard.lost + whole.heard.packets), 9);
  expect(whole.heard.mos).toBeLessThan(lately.heard.mos! - 0.05);
  const sent = [from.media.quality().sent, from.media.quality('call').sent];
  expect(sent[0]!.lossFraction).toBe(0);
  expect(sent[1]!.lossFraction).toBeCloseTo(0.06, 1);
  expect(sent[1]!.mos).toBeLessThan(sent[0]!.mos!);
  expect(from.media.describe()).toMatch(/^udp\(:\d+\) -> jitter\(\d+ms\) -> opus -> mix\(48000, 2 in\) -> opus.* -> udp\(:\d+\)$/);
}, 60_000); // two phones encode half a minute of Opus, on a machine that may have other work

test('a phone without a sound card is in a call all the same; a card may come and go', async () => {
  const line = new FakeLine(PCMU);
  const { hub, device } = line.ends[0]!;
  hub.setDevice(undefined);
  const { from } = await line.call();
  await line.run(300);
  expect((await line.hear(1, 300)).loudSeconds).toBe(0);
  expect(from.media.quality().heard.packets).toBeGreaterThan(10);
  hub.setDevice(device);
  await line.run(200);
  expect((await line.hear(1, 300)).share(A)).toBeGreaterThan(0.95);
  expect((await line.hear(0, 300)).share(B)).toBeGreaterThan(0.95);
});

test('with neither a call nor a card nothing ticks; closing ends everything and gives the ports back', async () => {
  const line = new FakeLine({ ...PCMU, portMin: 20_000, portMax: 20_001 }, PCMU);
  const [a] = line.ends;
  const { from } = await line.call();
  expect((await from.media.offer('sendrecv'))).toContain('m=audio 20000 ');
  await expect(open(a!)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('20000 to 20001') as string });
  from.media.close();
  from.media.close();
  await expect(open(a!)).rejects.toThrow(); // packets of the last call may still come
  await line.run(1100);
  const again = await open(a!);
  a!.hub.setDevice(undefined);
  expect(line.nets[0]!.beat!.nextAt).toBeLessThan(Infinity);
  again.media.close();
  expect(line.nets[0]!.beat!.nextAt).toBe(Infinity);
  await expect(again.media.offer('sendrecv')).rejects.toMatchObject({ code: 'unavailable' });
  a!.hub.close();
  expect(line.nets[0]!.closed).toBe(true);
  await expect(a!.hub.open({ id: 'x', label: 'x', remoteHost: '192.0.2.9' }, { digit() {}, silent() {}, changed() {} })).rejects.toThrow('closed');
});

test.each([
  [{ portMin: 0 }, '0 to'],
  [{ portMin: 20_001, portMax: 20_001 }, 'no pair'],
  [{ address: 'pbx.test' }, 'pbx.test is not an IP address'],
])('settings that cannot be are said: %j', (settings, text) => {
  expect(() => new FakeLine(settings)).toThrow(text);
});
