/** The small parts: local addresses, keys of sources, keep-alive datagrams, replies. */
import type { NetworkInterfaceInfo } from 'node:os';
import { SipRequest } from '../../../../signaling/engine/wire/message';
import { sourceKey } from '../../../../signaling/engine/transport/connections';
import { LocalAddresses } from '../../../../signaling/engine/transport/local-address';
import { makeResponse, statelessTag } from '../../../../signaling/engine/transport/reply';
import { isKeepalive } from '../../../../signaling/engine/transport/udp';
import { FakeClock } from '../../../support/fake-clock';

const face = (address: string, cidr: string | null, internal = false): NetworkInterfaceInfo => ({ address, cidr, internal, family: 'IPv4', netmask: '', mac: '' });

describe('local addresses', () => {
  test('a route is asked for once a minute per peer, and once for questions at the same time', async () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    const local = new LocalAddresses(clock, () => ({ eth0: [face('192.0.2.9', '192.0.2.9/24')], eth1: [face('192.0.3.9', '192.0.3.9/24')] }), (peer) => {
      asked.push(peer);
      return Promise.resolve(`10.0.0.${asked.length}`);
    });
    expect(local.towards('198.51.100.1')).toBe('192.0.2.9');
    await Promise.all([local.learn('198.51.100.1'), local.learn('198.51.100.1')]);
    expect(local.learn('198.51.100.1')).toBeUndefined();
    expect(local.towards('198.51.100.1')).toBe('10.0.0.1');
    clock.advance(60_000);
    await local.learn('198.51.100.1');
    expect(local.towards('198.51.100.1')).toBe('10.0.0.2');
    expect(asked).toEqual(['198.51.100.1', '198.51.100.1']);
  });

  test('peers on our own networks are known without asking; the narrowest network wins', () => {
    const local = new LocalAddresses(
      new FakeClock(),
      () => ({ a: [face('10.0.0.1', '10.0.0.1/8')], b: [face('10.1.0.1', '10.1.0.1/16')], c: [face('10.9.9.9', null)] }),
      () => Promise.reject(new Error('not asked')),
    );
    expect(local.learn('10.1.2.3')).toBeUndefined();
    expect(local.towards('10.1.2.3')).toBe('10.1.0.1');
    expect(local.towards('10.2.2.3')).toBe('10.0.0.1');
    expect(local.towards('127.0.0.5')).toBe('127.0.0.1');
    expect(local.towards('::1')).toBe('::1');
  });

  test('no route and no network: the first address that is not the machine’s own loopback, else loopback', async () => {
    const nowhere = () => Promise.resolve(undefined);
    const some = new LocalAddresses(new FakeClock(), () => ({ lo: [face('127.0.0.1', '127.0.0.1/8', true)], a: [face('10.0.0.1', '10.0.0.1/24')] }), nowhere);
    await some.start(new Set([4]));
    expect(some.towards('203.0.113.1')).toBe('10.0.0.1');
    const none = new LocalAddresses(new FakeClock(), () => ({}), nowhere);
    expect(none.towards('203.0.113.1')).toBe('127.0.0.1');
    expect(none.towards('2001:db8::7')).toBe('::1');
  });

  test('with one address nothing is asked', () => {
    const local = new LocalAddresses(
      new FakeClock(),
      () => ({ lo: [face('127.0.0.1', '127.0.0.1/8', true)], eth0: [face('192.0.2.9', '192.0.2.9/24')] }),
      () => Promise.reject(new Error('not asked')),
    );
    expect(local.learn('198.51.100.1')).toBeUndefined();
    expect(local.towards('198.51.100.1')).toBe('192.0.2.9');
  });

  test('interfaces are read again after ten seconds', () => {
    const clock = new FakeClock();
    let address = '10.0.0.1';
    const local = new LocalAddresses(clock, () => ({ a: [face(address, `${address}/24`)] }), () => Promise.resolve(undefined));
    expect(local.towards('10.0.0.7')).toBe('10.0.0.1');
    address = '10.0.0.2';
    expect(local.towards('10.0.0.7')).toBe('10.0.0.1');
    clock.advance(10_000);
    expect(local.towards('10.0.0.7')).toBe('10.0.0.2');
  });

  test('open questions and kept answers are bounded', async () => {
    const asked: string[] = [];
    const local = new LocalAddresses(new FakeClock(), () => ({ eth0: [face('192.0.2.9', '192.0.2.9/24'), face('192.0.3.9', '192.0.3.9/24')] }), (peer) => {
      asked.push(peer);
      return Promise.resolve('10.0.0.1');
    });
    const open = Array.from({ length: 40 }, (_, i) => local.learn(`198.51.100.${i}`));
    expect(asked).toHaveLength(32);
    expect(open.filter((promise) => promise === undefined)).toHaveLength(8);
    await Promise.all(open);
    for (let i = 0; i < 5_000; i++) await local.learn(`10.${i >> 8}.0.${i & 255}`);
    // The first were forgotten, the last are known.
    asked.length = 0;
    await local.learn('198.51.100.0');
    await local.learn(`10.${4_999 >> 8}.0.${4_999 & 255}`);
    expect(asked).toEqual(['198.51.100.0']);
  });

  test('the real routing table answers for ourselves', async () => {
    const local = new LocalAddresses(new FakeClock(), () => ({ eth0: [face('192.0.2.9', '192.0.2.9/32'), face('192.0.3.9', '192.0.3.9/32')] }));
    await local.learn('10.255.255.254');
    expect(local.towards('10.255.255.254')).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('connections of %s are counted under %s', (address, key) => {
  expect(sourceKey(address)).toBe(key);
});

test.each([
  ['', true],
  ['\r\n\r\n', true],
  ['\0\0\0\0', true],
  ['\r\n\r\n\r\n\r\n\r\n', false],
  ['x', false],
])('%j is a keep-alive: %s', (text, expected) => {
  expect(isKeepalive(Buffer.from(text))).toBe(expected);
});

describe('replies', () => {
  const request = (to: string): SipRequest => {
    const out = new SipRequest('OPTIONS', 'sip:x');
    out.headers.append('Via', 'SIP/2.0/UDP a;branch=1');
    out.headers.append('Via', 'SIP/2.0/UDP b;branch=2');
    out.headers.append('To', to);
    out.headers.append('Subject', 'not copied');
    return out;
  };

  test.each([
    ['<sip:a@b>', '<sip:a@b>;tag=new'],
    ['sip:a@b', 'sip:a@b;tag=new'],
    ['<sip:a@b>;tag=old', '<sip:a@b>;tag=old'],
    ['<sip:a@b> ; TAG = old', '<sip:a@b> ; TAG = old'],
    ['<sip:a@b;tag=uri>', '<sip:a@b;tag=uri>;tag=new'],
    ['"x;tag=1" <sip:a@b>', '"x;tag=1" <sip:a@b>;tag=new'],
    ['not;tag=an address', 'not;tag=an address'],
  ])('To: %s becomes %s', (to, expected) => {
    expect(makeResponse(request(to), 200, 'new').headers.get('to')).toBe(expected);
  });

  test('a 100 gets no tag; all Vias are copied in order; other fields are not; reasons', () => {
    const response = makeResponse(request('<sip:a@b>'), 100, 'new');
    expect(response.headers.get('to')).toBe('<sip:a@b>');
    expect(response.headers.getAll('via')).toEqual(['SIP/2.0/UDP a;branch=1', 'SIP/2.0/UDP b;branch=2']);
    expect(response.headers.size).toBe(3);
    expect(response.reason).toBe('Trying');
    expect(makeResponse(request('<sip:a@b>'), 486, undefined, 'Not now').reason).toBe('Not now');
  });

  test('the stateless tag is the same for the same request only', () => {
    expect(statelessTag(request('<sip:a@b>'))).toBe(statelessTag(request('<sip:a@b>')));
    expect(statelessTag(request('<sip:a@b>'))).not.toBe(statelessTag(request('<sip:a@c>')));
  });
});
