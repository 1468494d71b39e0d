/** What is kept of the phones of a call. */
import { emptyStats } from '../../../media/net/endpoint';
import { CallLegs } from '../../../signaling/app/call-legs';
import { newLeg } from '../../../signaling/app/leg';

const EPOCH = 1_000_000;
const legOf = (side: 'caller' | 'callee', party: string) => newLeg(side, party, '192.0.2.7', (bytes) => Buffer.alloc(bytes));

test('when each rang, answered and ended, why, and how it sounded', async () => {
  let now = 0;
  const legs = new CallLegs(() => now);
  const [caller, busy, taken] = [legOf('caller', '1001'), legOf('callee', '1002'), legOf('callee', '1002')];
  legs.begin(caller, 'agent');
  legs.dialog(caller, 'dialog 1');
  now = 10;
  legs.begin(legOf('callee', 'never called'), null);
  for (const [leg, callId] of [[busy, 'dialog 2'], [taken, 'dialog 3']] as const) {
    legs.begin(leg, null);
    legs.dialog(leg, callId);
  }
  now = 20;
  legs.ended(busy, 'busy');
  legs.rang(taken);
  now = 30;
  legs.rang(taken);
  legs.answered(taken);
  legs.answered(caller);
  now = 40;
  legs.ended(busy, 'cancelled');
  const codec = { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 };
  taken.answer = [{ ...codec, name: 'telephone-event' }, codec] as typeof taken.answer;
  const measured = { ...emptyStats(), received: { packets: 9, bytes: 0 }, sent: { packets: 8, bytes: 0 }, lost: 1, late: 2, jitterMs: 1.239, mos: 4.361, rtcp: { received: 1, sent: 1, lastReport: { ssrc: 1, fractionLost: 0, cumulativeLost: 3, jitter: 16, rttMs: 12.346, agoMs: 0 } } };
  taken.report = Promise.resolve(measured);
  busy.report = Promise.resolve(undefined);
  const reports = await legs.reports();
  const [first, second, third, ...more] = legs.details(50, EPOCH, 'hung-up', (leg) => reports.get(leg));
  expect(more).toEqual([]);
  expect(first).toEqual({ side: 'caller', party: '1001', callId: 'dialog 1', address: '192.0.2.7', userAgent: 'agent', startedAt: EPOCH, rangAt: null, answeredAt: EPOCH + 30, endedAt: EPOCH + 50, cause: 'hung-up', codec: null, srtp: null, sound: null });
  expect(second).toMatchObject({ callId: 'dialog 2', startedAt: EPOCH + 10, rangAt: null, answeredAt: null, endedAt: EPOCH + 20, cause: 'busy', sound: null });
  expect(third).toMatchObject({
    callId: 'dialog 3', rangAt: EPOCH + 20, answeredAt: EPOCH + 30, endedAt: EPOCH + 50, cause: 'hung-up', codec: 'PCMU/8000',
    sound: { received: { packets: 9, lost: 1, late: 2, jitterMs: 1.24, mos: 4.36 }, sent: { packets: 8, lost: 3, jitterMs: 2, roundTripMs: 12.35 } },
  });
});
