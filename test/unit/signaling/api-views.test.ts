/** What the API is shown: whether calls can be made, and calls in its own words. */
import { callsView, healthView } from '../../../signaling/api-views';
import type { Calls } from '../../../signaling/app/calls';
import { OffhookError } from '../../../signaling/errors';

test('calls can be made while the engine is there, the store answers, and nobody stops the server', async () => {
  let [connected, stopping] = [true, false];
  let failure: Error | undefined;
  const meta = { get: async () => { if (failure) throw failure; return undefined; }, set: async () => undefined };
  const view = healthView({ store: { meta }, connected: () => connected, stopping: () => stopping });
  expect(await view.problem()).toBeUndefined();
  connected = false;
  expect(await view.problem()).toBe('its SIP engine cannot be reached');
  stopping = true;
  expect(await view.problem()).toBe('the server is stopping');
  [connected, stopping, failure] = [true, false, new OffhookError('store.closed', {})];
  await expect(view.problem()).rejects.toBe(failure);
});

test('what a call has not is null', () => {
  const dialogs = [{ side: 'caller' as const, party: '1001', callId: 'a' }];
  const calls = {
    list: () => [{ id: 'x', from: '1001', to: '*43', service: undefined, forwarded: [{ from: { number: '1002', name: null }, why: 'busy' }], trunk: 'out', through: '600', rung: ['1002', '1003'], state: 'ringing', startedAt: 5, talking: undefined, held: false, muted: [], dialogs }],
    recent: () => [{ id: 'y', from: '1001', to: '1002', service: 'echo', forwarded: [], trunk: 'out', through: undefined, rung: ['1002'], startedAt: 6, answeredAfter: undefined, lasted: 7, ended: { by: 'system', cause: 'busy', status: 486, reason: 'busy' }, dialogs: [] }],
  } as unknown as Calls;
  const view = callsView(() => calls);
  expect(view.up()).toEqual([{ id: 'x', from: '1001', to: '*43', service: null, forwarded: [{ by: '1002', why: 'busy' }], trunk: 'out', through: '600', rung: ['1002', '1003'], state: 'ringing', since: 5, talkingMs: null, held: false, muted: [], originatedBy: null, parkedBy: null, pickedUpBy: null, dialogs }]);
  expect(view.ended()).toEqual([{ id: 'y', from: '1001', to: '1002', service: 'echo', forwarded: [], trunk: 'out', through: null, rung: ['1002'], since: 6, answeredAfterMs: null, durationMs: 7, parkedBy: null, pickedUpBy: null, endedBy: 'system', cause: 'busy', status: 486, reason: 'busy', dialogs: [] }]);
});
