/** Calls between two hubs over real UDP on loopback, judged by ear: every party speaks a tone of its own. */
import type { CodecName } from '../../../../media/frame';
import { hears } from '../../../support/ears';
import { judge } from '../../../support/tone';
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

test('over IPv6', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'] });
  const b = newEnd('b', B, { codecs: ['PCMU'] });
  const from = await open(a, 'six', '[::1]');
  const to = await open(b, 'six', '::1');
  const { offer } = await exchange(from, to);
  expect(offer).toContain('c=IN IP6 ::1\r\n');
  await Promise.all([hears(a.device, B, { not: [A], seconds: 0.4 }), hears(b.device, A, { not: [B], seconds: 0.4 })]);
});

test('what comes before the answer to an offer is heard, and its absence is no news', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU', 'PCMA'], srtp: 'off', silenceMs: 100 });
  const b = newEnd('b', B, { codecs: ['PCMA'], srtp: 'off' });
  const from = await open(a);
  const to = await open(b);
  const offer = await from.media.offer('sendrecv');
  const answer = await to.media.answer(offer, 'sendrecv');
  await hears(a.device, B, { not: [A], seconds: 0.3 });
  expect(from.told).toEqual({ digits: [], silences: [], states: [] });
  await from.media.accept(answer);
  await Promise.all([hears(a.device, B, { not: [A], seconds: 0.4 }), hears(b.device, A, { not: [B], seconds: 0.4 })]);
});

test('a refused offer leaves what is heard as it was', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'], srtp: 'off' });
  const b = newEnd('b', B, { codecs: ['PCMU'], srtp: 'off' });
  const { from } = await call(a, b);
  await from.media.offer('sendonly');
  from.media.rollback();
  expect(from.media.state.direction).toBe('sendrecv');
  await hears(a.device, B, { not: [A], seconds: 0.4 });
});

test('before the answer to an offer with keys nothing is taken for sound: it may be encrypted', async () => {
  const a = newEnd('a', A, { codecs: ['PCMU'], srtp: 'optional' });
  const b = newEnd('b', B, { codecs: ['PCMU'], srtp: 'optional' });
  const from = await open(a);
  const to = await open(b);
  await to.media.answer(await from.media.offer('sendrecv'), 'sendrecv');
  await eventually('packets', () => from.media.quality().heard.packets > 5);
  expect(judge(a.device.heard()).loudSeconds).toBe(0);
});
