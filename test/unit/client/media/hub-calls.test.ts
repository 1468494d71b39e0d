/** Calls between two hubs over real UDP on loopback, judged by ear: every party speaks a tone of its own. */
import type { CodecName } from '../../../../media/frame';
import { hears } from '../../../support/ears';
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
