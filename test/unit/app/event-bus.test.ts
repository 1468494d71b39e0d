/** Events: told in order, remembered for a while, and numbered for good. */
import { EventBus } from '../../../signaling/app/event-bus';
import { FakeClock } from '../../support/fake-clock';
import { FakeLog } from './call-fakes';

const open = (most?: number, clock = new FakeClock()) => {
  const log = new FakeLog();
  return { bus: new EventBus({ clock, log }, most), clock, log };
};

test('everybody is told, in order; one that throws harms nobody', () => {
  const { bus, log } = open();
  const heard: string[] = [];
  bus.onEvent(() => {
    throw new Error('not today');
  });
  const stop = bus.onEvent(({ type, tenant, data }) => heard.push(`${type} ${tenant} ${JSON.stringify(data)}`));
  bus.tell('call.started', '', { call: 'a' });
  bus.tell('call.ended', 'acme.example', { call: 'a' });
  stop();
  bus.tell('dtmf', '', {});
  expect([heard, log.lines.length, bus.told]).toEqual([['call.started  {"call":"a"}', 'call.ended acme.example {"call":"a"}'], 3, 3]);
});

test('whoever was away is told what came since, or that some of it is forgotten', () => {
  const { bus } = open(3);
  expect(bus.after(0)).toEqual({ events: [], missed: true });
  const ids: number[] = [];
  bus.onEvent(({ id }) => ids.push(id));
  for (let n = 0; n < 3; n++) bus.tell('dtmf', '', { n });
  const since = (index: number) => {
    const { events, missed } = bus.after(ids[index]!);
    return [events.map(({ data }) => data['n']), missed];
  };
  expect(since(0)).toEqual([[1, 2], false]);
  for (let n = 3; n < 5; n++) bus.tell('dtmf', '', { n });
  expect(since(0)).toEqual([[2, 3, 4], true]);
  expect(since(1)).toEqual([[2, 3, 4], false]);
  expect(since(3)).toEqual([[4], false]);
  expect(since(4)).toEqual([[], false]);
});

test('ids of the next start are greater, and whoever comes with an old one has missed something', () => {
  const one = open();
  one.bus.tell('dtmf', '', {});
  const [{ id = 0 } = {}] = one.bus.after(0).events;
  const clock = new FakeClock();
  clock.advance(1);
  const two = open(undefined, clock);
  two.bus.tell('dtmf', '', {});
  const { events, missed } = two.bus.after(id);
  expect([events.length, missed, events[0]!.id > id]).toEqual([1, true, true]);
});
