import { firstScreen, parseHostports, type Ready } from '../../../signaling/ready';

const lan = { address: '192.168.1.20', cidr: '192.168.1.20/24', internal: false };
const loopback = { address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true };
const v6 = { address: '2001:db8::5', cidr: '2001:db8::5/64', internal: false };
const link = { address: 'fe80::1', cidr: 'fe80::1/64', internal: false };
const base: Ready = {
  fresh: [],
  sip: [{ protocol: 'udp', address: '0.0.0.0', port: 5060 }, { protocol: 'tcp', address: '0.0.0.0', port: 5060 }],
  interfaces: [loopback, lan, v6, link],
  engine: 'embedded',
  media: { ports: '20000-29999', backend: 'native' },
  data: '/srv/offhook',
};
const json = (text: string) => JSON.parse(/^ready (\{.*\})\n$/m.exec(text)?.[1] ?? '') as Record<string, unknown>;

test('nothing but the line for programs when no extension is new', () => {
  const text = firstScreen(base);
  expect(text.split('\n')).toHaveLength(2);
  expect(json(text)).toEqual({
    sip: { udp: ['127.0.0.1:5060', '192.168.1.20:5060'], tcp: ['127.0.0.1:5060', '192.168.1.20:5060'] },
    engine: 'embedded',
    media: { ports: '20000-29999', backend: 'native' },
    data: '/srv/offhook',
  });
});

test('says where programs of the simple packet format are let in, when they are', () => {
  const text = firstScreen({ ...base, partyline: { address: '::1', port: 4000, rooms: ['8000', '500'] } });
  expect(text).toContain('Programs reach the conference rooms 8000, 500 by the simple packet format: UDP [::1]:4000.\n');
  expect(json(text)).toMatchObject({ partyline: { udp: '[::1]:4000', rooms: ['8000', '500'] } });
});

test('says where the HTTP API is, when it is on', () => {
  expect(json(firstScreen({ ...base, http: { host: '::1', port: 8080 } }))).toMatchObject({ http: 'http://[::1]:8080' });
});

test('says which program of the user is loaded', () => {
  const text = firstScreen({ ...base, app: { file: '/srv/my-app.ts', routes: ['610', '62X'], hooks: [] } });
  expect(text).toContain('Your program /srv/my-app.ts is loaded: 2 routes (610, 62X); no hooks.\n');
  expect(json(text)).toMatchObject({ app: { file: '/srv/my-app.ts', routes: ['610', '62X'], hooks: [] } });
});

test('new extensions come with their passwords, and with the address that other machines reach', () => {
  const text = firstScreen({ ...base, fresh: [{ number: '1001', password: 'one' }, { number: '1002', password: 'two' }] });
  expect(text).toMatch(/^ {4}1001 {3}password one$/m);
  expect(text).toMatch(/^ {4}1002 {3}password two$/m);
  expect(text).toContain('domain 192.168.1.20, transport');
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/^ready \{/);
});

test.each([
  [[{ protocol: 'udp', address: '192.168.1.20', port: 5070 }], 'domain 192.168.1.20:5070,'],
  [[{ protocol: 'udp', address: '127.0.0.1', port: 5060 }], 'domain 127.0.0.1,'],
  [[{ protocol: 'udp', address: '::', port: 5060 }], 'domain [2001:db8::5],'],
])('listening at %j the phone is pointed to %s', (sip, expected) => {
  expect(firstScreen({ ...base, sip, fresh: [{ number: '1001', password: 'x' }, { number: '1002', password: 'y' }] })).toContain(expected);
});

test('addresses as drachtio announces them', () => {
  expect(parseHostports(['udp/192.0.2.1:5060', 'tcp/[2001:db8::1]:5061', 'nonsense'])).toEqual([
    { protocol: 'udp', address: '192.0.2.1', port: 5060 },
    { protocol: 'tcp', address: '2001:db8::1', port: 5061 },
  ]);
});
