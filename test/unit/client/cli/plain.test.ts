import { sentence } from '../../../../client/cli/plain';
import type { AnyEvent } from '../../../../client/cli/commands';

const anna = { uri: 'sip:1002@pbx.test', user: '1002', name: 'Anna' };
const nobody = { uri: 'sip:1003@pbx.test', user: '1003', name: '' };

test.each<[AnyEvent, string | undefined]>([
  [{ event: 'registered', aor: 'sip:1001@pbx.test', expiresS: 300, tookMs: 20 }, 'registered as sip:1001@pbx.test'],
  [{ event: 'registered', aor: 'sip:1001@pbx.test', expiresS: 300 }, undefined],
  [{ event: 'registration-failed', status: 503, problem: 'the server is too busy', final: false, retryMs: 2000 }, 'not registered: the server is too busy (trying again in 2.0 s)'],
  [{ event: 'incoming', call: '1', from: anna, waiting: false }, '1: Anna <sip:1002@pbx.test> calls'],
  [{ event: 'answered', call: '1', with: nobody, codec: 'opus', encrypted: true, afterMs: 10 }, '1: in a call with sip:1003@pbx.test (opus, encrypted)'],
  [{ event: 'ended', call: '1', by: 'remote', answered: true, status: null, reason: '', problem: null, durationMs: 61_400, quality: null }, '1: ended after 61 s'],
  [{ event: 'ended', call: '1', by: 'remote', answered: false, status: 486, reason: 'Busy Here', problem: 'busy', durationMs: 0, quality: null }, '1: ended: busy'],
  [{ event: 'message', from: { ...anna, name: 'A\u001b[2J\u202eb' }, text: 'hi\r\n\u0007there', contentType: 'text/plain' }, 'message from A [2J b <sip:1002@pbx.test>: hi   there'],
  [{ event: 'quality', call: '1', quality: { of: 'lately', seconds: 5, heard: { packets: 1, lost: 0, lossFraction: 0, jitterMs: 0, bufferMs: 0, concealedFraction: 0, mos: 4 }, sent: { packets: 1, lossFraction: null, jitterMs: null, mos: null }, rttMs: null } }, undefined],
])('%j', (event, text) => expect(sentence(event)).toBe(text));

test('a call’s end tells how it sounded', () => {
  const quality = { of: 'call' as const, seconds: null, heard: { packets: 99, lost: 1, lossFraction: 0, jitterMs: 3.4, bufferMs: 40, concealedFraction: 0.01, mos: 4.31 }, sent: { packets: 100, lossFraction: null, jitterMs: null, mos: null }, rttMs: 12 };
  expect(sentence({ event: 'ended', call: '2', by: 'local', answered: true, status: null, reason: '', problem: null, durationMs: 2000, quality })).toBe(
    '2: ended after 2.0 s [loss 1.0 %, jitter 3 ms, round trip 12 ms, MOS 4.3]',
  );
});
