/** RFC 3263 §4: which protocol, which servers, in which order. */
import { findPlaces, type DialProtocol, type PlaceFinder, type Question } from '../../../../signaling/engine/resolve/places';
import { FakeNames } from './fake-names';

const ALL: readonly DialProtocol[] = ['udp', 'tcp', 'tls'];

async function places(question: Question, names: FakeNames, finder: Partial<PlaceFinder> = {}): Promise<string[]> {
  const found = await findPlaces(question, { names, protocols: ALL, usable: () => true, chance: () => 0, ...finder });
  return found.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`);
}

describe('with a port: addresses only', () => {
  const names = (): FakeNames => new FakeNames().hasAddress('a.test', '192.0.2.1', '192.0.2.2').hasSrv('_sip._udp.a.test', '1 1 1 other.test').hasNaptr('a.test', '1 1 s SIP+D2T _sip._tcp.a.test');
  test.each<[Partial<Question>, string]>([
    [{}, 'udp'],
    [{ secure: true }, 'tls'],
    [{ protocol: 'tcp' }, 'tcp'],
    [{ protocol: 'tls' }, 'tls'],
  ])('%j goes by %s', async (more, protocol) => {
    const table = names();
    expect(await places({ host: 'a.test', port: 5070, ...more }, table)).toEqual([`${protocol} 192.0.2.1 5070`, `${protocol} 192.0.2.2 5070`]);
    expect(table.asked).toEqual(['A a.test']);
  });
});

describe('the transport is given', () => {
  test.each<[DialProtocol, string, number]>([
    ['udp', '_sip._udp', 5060],
    ['tcp', '_sip._tcp', 5060],
    ['tls', '_sips._tcp', 5061],
  ])('%s: its SRV records, else the default port', async (protocol, service, port) => {
    const names = new FakeNames().hasSrv(`${service}.a.test`, '10 0 7000 s1.a.test').hasAddress('s1.a.test', '192.0.2.1').hasAddress('b.test', '192.0.2.2');
    expect(await places({ host: 'a.test', protocol }, names)).toEqual([`${protocol} 192.0.2.1 7000`]);
    expect(names.asked.filter((one) => one.startsWith('NAPTR'))).toEqual([]);
    expect(await places({ host: 'b.test', protocol }, names)).toEqual([`${protocol} 192.0.2.2 ${port}`]);
  });
});

describe('nothing is given', () => {
  const naptr = (): FakeNames =>
    new FakeNames()
      .hasNaptr('a.test', '50 50 s SIPS+D2T _sips._tcp.a.test', '90 50 s SIP+D2T _sip._tcp.a.test', '90 40 s SIP+D2U _sip._udp.x.test', '10 10 u E2U+sip ignored', '10 10 s SIP+D2S _sip._sctp.a.test')
      .hasSrv('_sips._tcp.a.test', '1 1 5061 tls.a.test')
      .hasSrv('_sip._tcp.a.test', '1 1 5060 tcp.a.test')
      .hasSrv('_sip._udp.x.test', '1 1 5070 udp.a.test')
      .hasAddress('tls.a.test', '192.0.2.1')
      .hasAddress('tcp.a.test', '192.0.2.2')
      .hasAddress('udp.a.test', '192.0.2.3');

  test('NAPTR by order, then preference; services we do not have are left out', async () => {
    expect(await places({ host: 'a.test' }, naptr())).toEqual(['tls 192.0.2.1 5061', 'udp 192.0.2.3 5070', 'tcp 192.0.2.2 5060']);
  });

  test('only protocols that we have; only TLS for sips', async () => {
    expect(await places({ host: 'a.test' }, naptr(), { protocols: ['udp', 'tcp'] })).toEqual(['udp 192.0.2.3 5070', 'tcp 192.0.2.2 5060']);
    expect(await places({ host: 'a.test', secure: true }, naptr())).toEqual(['tls 192.0.2.1 5061']);
  });

  test('no NAPTR: SRV of each protocol; no SRV: UDP, or TLS for sips', async () => {
    const names = new FakeNames().hasSrv('_sip._tcp.a.test', '1 1 5080 tcp.a.test').hasAddress('tcp.a.test', '192.0.2.2').hasAddress('b.test', '192.0.2.9');
    expect(await places({ host: 'a.test' }, names)).toEqual(['tcp 192.0.2.2 5080']);
    expect(names.asked).toEqual(['NAPTR a.test', 'SRV _sip._udp.a.test', 'SRV _sip._tcp.a.test', 'A tcp.a.test', 'SRV _sips._tcp.a.test']);
    expect(await places({ host: 'b.test' }, names)).toEqual(['udp 192.0.2.9 5060']);
    expect(await places({ host: 'b.test' }, names, { protocols: ['tcp', 'tls'] })).toEqual(['tcp 192.0.2.9 5060']);
    expect(await places({ host: 'b.test', secure: true }, names)).toEqual(['tls 192.0.2.9 5061']);
  });

  test('a resolver that does not answer for NAPTR or SRV is no worse than none of them', async () => {
    const names = new FakeNames().fails('NAPTR a.test').fails('SRV _sip._udp.a.test').hasAddress('a.test', '192.0.2.1');
    expect(await places({ host: 'a.test' }, names)).toEqual(['udp 192.0.2.1 5060']);
  });
});

describe('SRV (RFC 2782)', () => {
  const table = (): FakeNames =>
    new FakeNames()
      .hasSrv('_sip._udp.a.test', '20 1 5060 late.test', '10 70 5060 heavy.test', '10 30 5060 light.test', '5 1 5060 gone.test')
      .hasAddress('late.test', '192.0.2.1')
      .hasAddress('heavy.test', '192.0.2.2', '2001:db8::2')
      .hasAddress('light.test', '192.0.2.3');

  test('priority first, among equals by weight; names without an address are passed over; all addresses of a name', async () => {
    const question: Question = { host: 'a.test', protocol: 'udp' };
    expect(await places(question, table())).toEqual(['udp 192.0.2.2 5060', 'udp 2001:db8::2 5060', 'udp 192.0.2.3 5060', 'udp 192.0.2.1 5060']);
    expect(await places(question, table(), { chance: () => 0.99 })).toEqual(['udp 192.0.2.3 5060', 'udp 192.0.2.2 5060', 'udp 2001:db8::2 5060', 'udp 192.0.2.1 5060']);
  });

  test('the chance of the first place is its weight', async () => {
    let first = 0;
    for (let n = 0; n < 1_000; n++) {
      const [one] = await places({ host: 'a.test', protocol: 'udp' }, table(), { chance: () => (n + 0.5) / 1_000 });
      if (one === 'udp 192.0.2.2 5060') first++;
    }
    // 71 of 102: one is added to each weight.
    expect(first).toBeGreaterThan(690);
    expect(first).toBeLessThan(702);
  });

  test('addresses that we cannot send to are left out', async () => {
    expect(await places({ host: 'a.test', protocol: 'udp' }, table(), { usable: (_protocol, { family }) => family === 6 })).toEqual(['udp 2001:db8::2 5060']);
  });

  test('"." says that there is no such service, and then the address counts', async () => {
    const names = new FakeNames().hasSrv('_sip._udp.a.test', '0 0 0 .').hasAddress('a.test', '192.0.2.1');
    expect(await places({ host: 'a.test', protocol: 'udp' }, names)).toEqual(['udp 192.0.2.1 5060']);
  });

  test('no more than twelve places', async () => {
    const names = new FakeNames().hasSrv('_sip._udp.a.test', ...Array.from({ length: 30 }, (_, n) => `${n} 1 5060 s${n}.test`));
    for (let n = 0; n < 30; n++) names.hasAddress(`s${n}.test`, `192.0.2.${n}`);
    expect(await places({ host: 'a.test', protocol: 'udp' }, names)).toHaveLength(12);
    expect(names.asked.filter((one) => one.startsWith('A '))).toHaveLength(12);
  });
});

test('what fails says why: no such name, nobody answers, nothing of ours fits', async () => {
  const names = new FakeNames().fails('A down.test').hasAddress('six.test', '2001:db8::1');
  await expect(places({ host: 'none.test', port: 1 }, names)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(places({ host: 'down.test', port: 1 }, names)).rejects.toMatchObject({ code: 'ETIMEOUT' });
  await expect(places({ host: 'six.test', port: 1 }, names, { usable: () => false })).rejects.toMatchObject({ code: 'no-transport' });
});
