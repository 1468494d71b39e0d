import type { PhoneEvent } from '../../../client/events';
import { Listeners } from '../../../client/listeners';

test('a listener hears its event, one for everything hears each, until it is ended; one that throws keeps no other from hearing', () => {
  const faults: unknown[] = [];
  const listeners = new Listeners((err) => faults.push(err));
  const heard: string[] = [];
  const all: PhoneEvent[] = [];
  listeners.on('registered', () => {
    throw new Error('mine');
  });
  const end = listeners.on('registered', ({ aor }) => heard.push(aor));
  listeners.on('*', (event) => all.push(event));
  listeners.emit({ event: 'registering' });
  listeners.emit({ event: 'registered', aor: 'sip:1001@pbx.test', expiresS: 60 });
  end();
  listeners.emit({ event: 'registered', aor: 'sip:1002@pbx.test', expiresS: 60 });
  expect(heard).toEqual(['sip:1001@pbx.test']);
  expect(all.map(({ event }) => event)).toEqual(['registering', 'registered', 'registered']);
  expect(faults).toHaveLength(2);
});
