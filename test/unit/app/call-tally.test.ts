/** How calls ended is counted of all of them, however few are remembered. */
import { CallTally } from '../../../signaling/app/call-tally';
import { refusedRecord, type CallRecord } from '../../../signaling/app/call-record';
import { refuse } from '../../../signaling/app/reasons';

const refused = refusedRecord({ caller: { number: '1001' }, dialled: '1002', path: [] }, 'r', 0, refuse('busy', '1002'));
const call = (more: Partial<CallRecord>): CallRecord => ({ ...refused, ...more });
const hungUp = { by: 'caller', cause: 'hung-up', status: undefined, q850: 16, reason: '' } as const;

test('by cause, answered or not, with delays and lengths', () => {
  const tally = new CallTally();
  tally.add(refused);
  tally.add(call({ rangAfter: 300, lasted: 900 }));
  tally.add(call({ answeredAfter: 2000, lasted: 22_000, ended: hungUp }));
  tally.add(call({ answeredAfter: 40, lasted: 1040, ended: hungUp }));
  tally.add(call({ answeredAfter: 0, lasted: 4_000_000, ended: hungUp, direction: 'outbound' }));
  for (const after of [300, 70, 40]) tally.reached(after);
  const { ended, postDialDelay, talk } = tally.totals();
  expect(ended).toEqual([{ cause: 'busy', answered: false, direction: 'internal', calls: 2 }, { cause: 'hung-up', answered: true, direction: 'internal', calls: 2 }, { cause: 'hung-up', answered: true, direction: 'outbound', calls: 1 }]);
  expect(postDialDelay).toEqual({ bounds: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], counts: [1, 1, 0, 1, 0, 0, 0, 0, 0], sum: expect.closeTo(0.41) });
  expect(talk).toEqual({ bounds: [5, 15, 60, 180, 600, 1800, 3600], counts: [1, 0, 1, 0, 0, 0, 0, 1], sum: 4021 });
});

test('how phones sounded, of those from whom anything came', () => {
  const tally = new CallTally();
  const heard = (packets: number, lost: number, mos: number | null, jitterMs: number | null) => ({ received: { packets }, lost, mos, jitterMs }) as unknown as NonNullable<NonNullable<CallRecord['media']>['caller']>;
  const answered = { answeredAfter: 1, lasted: 2000, ended: hungUp };
  tally.add(call({ ...answered, media: { caller: heard(99, 1, 4.1, 12), callee: heard(0, 0, null, null) } as unknown as CallRecord['media'] }));
  tally.add(call({ ...answered, media: { caller: heard(100, 0, 4.4, 0.5), callee: heard(80, 20, 2.2, 60) } as unknown as CallRecord['media'] }));
  tally.add(call({ ...answered, media: undefined }));
  const { mos, loss, jitter } = tally.totals();
  expect(mos).toEqual({ bounds: [1, 2, 2.5, 3, 3.5, 4, 4.3], counts: [0, 0, 1, 0, 0, 0, 1, 1], sum: expect.closeTo(10.7) });
  expect(loss).toEqual({ bounds: [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2], counts: [1, 0, 0, 1, 0, 0, 0, 1, 0], sum: expect.closeTo(0.21) });
  expect(jitter).toEqual({ bounds: [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1], counts: [1, 0, 0, 1, 0, 0, 1, 0], sum: expect.closeTo(0.0725) });
});
