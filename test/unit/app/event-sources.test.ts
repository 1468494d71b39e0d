/** Of trunks, messages that are kept, alarms and quality: what those outside are told. */
import { EventBus, type Event } from '../../../signaling/app/event-bus';
import { tellAlarm, tellEvents, tellQuality, type EventSources } from '../../../signaling/app/event-sources';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';

type Listener<T extends (...args: never[]) => unknown> = Parameters<T>[0];

function world() {
  const bus = new EventBus({ clock: new FakeClock(), log: silentLogger });
  const heard: Array<Pick<Event, 'type' | 'tenant' | 'data'>> = [];
  bus.onEvent(({ type, tenant, data }) => heard.push({ type, tenant, data }));
  let trunk: Listener<EventSources['trunks']['onChanged']> | undefined;
  let message: Listener<EventSources['messages']['onKept']> | undefined;
  const nobody = { on: () => undefined, onEvent: () => undefined };
  tellEvents(bus, { calls: nobody, locations: nobody, mailboxes: nobody, queues: nobody, trunks: { onChanged: (listener) => void (trunk = listener) }, messages: { onKept: (listener) => void (message = listener) } });
  return { bus, heard, trunk: trunk!, message: message! };
}

test('a trunk that comes and goes', () => {
  const { heard, trunk } = world();
  const view = { name: 'provider', registered: true, since: 0, host: 'sip.example', latencyMs: 1 };
  trunk({ ...view, state: 'starting', problem: null });
  trunk({ ...view, state: 'up', problem: null });
  trunk({ ...view, state: 'down', problem: 'it does not answer' });
  trunk({ ...view, state: 'refused', problem: 'wrong password' });
  expect(heard.map(({ type, data }) => [type, data['trunk'], data['state'], data['problem']])).toEqual([
    ['trunk.up', 'provider', 'up', null],
    ['trunk.down', 'provider', 'down', 'it does not answer'],
    ['trunk.down', 'provider', 'refused', 'wrong password'],
  ]);
});

test('messages, to the tenant of whom they are for, without what they say', () => {
  const { heard, message } = world();
  const text = { id: 'm1', from: '1001@acme.example', fromName: 'Anna', to: '1002@acme.example', contentType: 'text/plain', body: 'secret', state: 'queued' as const, tries: 0, receivedAt: 0, endedAt: null };
  for (const state of ['stored', 'delivered', 'failed'] as const) message(text, state);
  const data = { message: 'm1', from: '1001@acme.example', to: '1002@acme.example' };
  expect(heard).toEqual(['kept', 'delivered', 'failed'].map((state) => ({ type: `message.${state}`, tenant: 'acme.example', data })));
});

test('alarms and quality', () => {
  const { bus, heard } = world();
  const alarm = { name: 'disk' as const, subject: '', severity: 'critical' as const, text: 'It is full.', since: 0 };
  tellAlarm(bus, 'raised', alarm);
  tellAlarm(bus, 'cleared', { ...alarm, clearedAt: 5 });
  tellQuality(bus, 'poor', { call: 'c', from: '1001@acme.example', side: 'callee', number: '1002@acme.example', loss: 0.07654, jitterMs: 12.345, mos: null });
  const told = { alarm: 'disk', subject: '', severity: 'critical', text: 'It is full.', since: '1970-01-01T00:00:00.000Z' };
  expect(heard).toEqual([
    { type: 'alarm.raised', tenant: '', data: told },
    { type: 'alarm.cleared', tenant: '', data: told },
    { type: 'quality.poor', tenant: 'acme.example', data: { call: 'c', side: 'callee', number: '1002@acme.example', lossPercent: 7.65, jitterMs: 12.35, mos: null } },
  ]);
});
