import type { NetworkInterfaceInfo } from 'node:os';
import { cachedInterfaces } from '../../../signaling/interfaces';
import { FakeClock } from '../../support/fake-clock';

const loopback = { address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true } as NetworkInterfaceInfo;
const cable = { address: '192.0.2.7', cidr: '192.0.2.7/24', internal: false } as NetworkInterfaceInfo;

function machine() {
  const clock = new FakeClock();
  const present: NodeJS.Dict<NetworkInterfaceInfo[]> = { lo: [loopback] };
  let asked = 0;
  const addresses = cachedInterfaces(() => {
    asked++;
    return { ...present };
  }, clock);
  return { clock, present, asked: () => asked, seen: () => addresses().map(({ address }) => address) };
}

test('the system is asked once a second', () => {
  const { clock, present, asked, seen } = machine();
  present.eth0 = [cable];
  for (let call = 0; call < 50; call++) expect(seen()).toEqual(['127.0.0.1', '192.0.2.7']);
  expect(asked()).toBe(1);
  clock.advance(999);
  present.eth0 = [];
  expect(seen()).toContain('192.0.2.7');
  clock.advance(1);
  expect(seen()).toEqual(['127.0.0.1']);
});

test('a network that comes up after the server is known soon', () => {
  const { clock, present, asked, seen } = machine();
  for (let call = 0; call < 50; call++) expect(seen()).toEqual(['127.0.0.1']);
  expect(asked()).toBe(1);
  present.eth0 = [cable];
  clock.advance(200);
  expect(seen()).toEqual(['127.0.0.1', '192.0.2.7']);
});
