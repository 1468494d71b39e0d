/** What lamps show of calls: who is in them, and how far they have come. */
import { document } from '../../../signaling/app/events/packages/dialog-info';
import { lampCall, Lamps } from '../../../signaling/app/lamps';
import { readReplaces } from '../../../signaling/app/refer';
import { linphone } from '../media/sdp-offers';
import { binding, World } from './call-fakes';

const sdp = (direction = 'sendrecv', version = 1): string =>
  ['v=0', `o=- 5 ${version} IN IP4 192.168.9.30`, 's=-', 'c=IN IP4 192.168.9.30', 't=0 0', 'm=audio 7000 RTP/AVP 0', `a=${direction}`, ''].join('\r\n');

function watched() {
  const w = new World();
  const lamps = new Lamps(w.clock);
  w.calls.on('changed', ({ id, parties }) => lamps.see(id, parties));
  const changes: string[] = [];
  lamps.onChanged((number) => changes.push(number));
  const shows = (number: string): string => lamps.dialogs(number).map(({ direction, state, local, remote }) => `${direction} ${state}${local.holding ? ' holding' : ''} ${remote?.number}`).join(', ');
  return { w, lamps, changes, shows };
}

test('a call: the caller tries, both ring, talk, and it is over; then the lamps are dark', async () => {
  const { w, lamps, shows, changes } = watched();
  await w.dial(linphone);
  expect([shows('1001'), shows('1002')]).toEqual(['initiator proceeding 1002', '']);
  w.fork().provisional(180);
  const [ringing] = lamps.dialogs('1002');
  expect([shows('1001'), shows('1002')]).toEqual(['initiator early 1002', 'recipient early 1001']);
  const phone = w.fork().answers(sdp());
  await w.settle();
  expect([shows('1001'), shows('1002'), lamps.dialogs('1002')[0]?.id]).toEqual(['initiator confirmed 1002', 'recipient confirmed 1001', ringing?.id]);
  const told = changes.length;
  phone.receives('UPDATE', sdp());
  await w.settle();
  expect(changes.length).toBe(told);
  phone.bye();
  await w.settle();
  expect([shows('1001'), shows('1002')]).toEqual(['initiator terminated 1002', 'recipient terminated 1001']);
  w.clock.advance(5000);
  expect([shows('1001'), shows('1002'), w.clock.waiting]).toEqual(['', '', 0]);
});

test('who holds is shown, and whoever is held is not', async () => {
  const { w, shows } = watched();
  await w.dial(linphone);
  const phone = w.fork().answers(sdp());
  await w.settle();
  phone.receives('INVITE', sdp('sendonly', 2));
  await w.settle();
  w.answer.dialog.requests.at(-1)?.answer(200, sdp('recvonly', 2));
  await w.settle();
  expect([shows('1001'), shows('1002')]).toEqual(['initiator confirmed 1002', 'recipient confirmed holding 1001']);
});

test('one phone of two that stops ringing leaves the lamp as it is; a refused call darkens it', async () => {
  const { w, shows, changes } = watched();
  w.phones = [binding('1002', '192.168.9.30'), binding('1002', '192.168.9.31')];
  await w.dial(linphone);
  w.fork(0).provisional(180);
  w.fork(1).provisional(180);
  const told = changes.length;
  w.fork(0).refuses(486);
  expect([shows('1002'), changes.length]).toEqual(['recipient early 1001', told]);
  w.fork(1).refuses(486);
  expect([shows('1001'), shows('1002')]).toEqual(['initiator terminated 1002', 'recipient terminated 1001']);
});

test('the document names the call for a Replaces header; addresses are at the domain of the tenant, and nothing breaks out of its place', () => {
  const { lamps } = watched();
  lamps.see('0123456789ab', [{ call: '0123456789ab', side: 'callee', number: '1002@acme.example', name: null, state: 'early', holding: false, other: { number: '1001@acme.example', name: '<Ann>' } }]);
  const text = document('1002@acme.example', lamps.dialogs('1002@acme.example'), 'pbx.test')(7);
  const [, callId = '', local, remote] = /call-id="([^"]*)" local-tag="([^"]*)" remote-tag="([^"]*)"/.exec(text) ?? [];
  expect(readReplaces(`${callId};to-tag=${remote};from-tag=${local};early-only`)).toBeDefined();
  expect([lampCall(callId), lampCall('a84b4c76e66710')]).toEqual(['0123456789ab', undefined]);
  expect(text).toContain('version="7" state="full" entity="sip:1002@acme.example"');
  expect(text).toContain('display="&lt;Ann&gt;">sip:1001@acme.example<');
});
