/** Calls to the outside and from there. */
import type { Inbound } from '../../../../signaling/app/trunks/inbound';
import { noDiversion, type CallClass, type Extension } from '../../../../signaling/store/store';
import { linphone } from '../../media/sdp-offers';
import { binding, extension, FakeRequest, FakeResponder, nothing, World } from '../call-fakes';
import { request } from '../fakes';
import { account, gateway, Provider } from './world';

const answer = ['v=0', 'o=- 5 5 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');

const second = { name: 'second', hosts: ['c.example'], username: 'me', password: 'pw', callerId: '+4930200', send: 'national' };
const germany = { name: 'Germany', patterns: ['+49X.'], trunks: ['gateway', 'second'] };

interface Scene {
  w: World;
  provider: Provider;
  dials(number: string, from?: string): Promise<FakeResponder>;
}

async function scene(settings: Parameters<Provider['set']>[0], more: (extensions: Map<string, Extension>) => void = () => undefined): Promise<Scene> {
  const extensions = new Map<string, Extension>();
  const w: World = new World({ ringSeconds: 60, outside: { owns: (id) => provider.trunks.owns(id), emergency: (...asked) => provider.trunks.emergency(...asked), find: (...asked) => provider.trunks.find(...asked) } });
  const provider = new Provider(extensions, { clock: w.clock });
  for (const [number, one] of w.extensions) extensions.set(number, one);
  more(extensions);
  for (const [number, one] of extensions) w.extensions.set(number, one);
  await provider.start(settings);
  return { w, provider, dials: async (number, from = '1001') => (await w.dial(linphone, {}, `sip:${number}@pbx.test`, '192.168.7.20', from)).res };
}

describe('out', () => {
  test('as the provider wants it, with our number, and sound before the answer', async () => {
    const { w, dials } = await scene({ trunk: [gateway], route: [germany] });
    const res = await dials('030123456');
    const fork = w.fork();
    expect(fork.uri).toBe('sip:+4930123456@a.example;user=phone');
    expect(fork.options.proxy).toBe('sip:a.example;transport=udp');
    expect(fork.options.headers).toMatchObject({
      From: '"Ann \\"the boss\\"" <sip:+4930100@a.example>',
      To: '<sip:+4930123456@a.example>',
      'P-Asserted-Identity': '<sip:+4930100@a.example>',
    });
    fork.provisional(183, answer);
    expect(res.sent.at(-1)).toMatchObject({ status: 183, body: expect.stringContaining('m=audio') });
    fork.answers(answer);
    await w.settle();
    const [call] = w.calls.list();
    expect(call).toMatchObject({ from: '1001', to: '030123456', trunk: 'gateway', state: 'up' });
  });

  test.each<[string, Partial<Extension>, Record<string, unknown>]>([
    ['its own number', { settings: { callerId: { number: '+49301001', name: 'Desk' } } }, { From: '"Desk" <sip:+49301001@a.example>', 'P-Asserted-Identity': '<sip:+49301001@a.example>' }],
    ['none at all', { settings: { callerId: { anonymous: true } } }, { From: '"Anonymous" <sip:anonymous@anonymous.invalid>', 'P-Asserted-Identity': '<sip:+4930100@a.example>', Privacy: 'id' }],
  ])('an extension shows %s', async (_what, settings, headers) => {
    const { w, dials } = await scene({ trunk: [gateway], route: [germany] }, (all) => all.set('1001', extension('1001', settings)));
    await dials('030123456');
    expect(w.fork().options.headers).toMatchObject(headers);
  });

  test.each<[string, Record<string, unknown>, string, string]>([
    ['digits', { send: 'digits' }, '+4930123456', '4930123456'],
    ['national', { send: 'national' }, '004930123456', '030123456'],
    ['abroad, national', { send: 'national' }, '004420123456', '004420123456'],
    ['international', { send: 'international' }, '030123456', '004930123456'],
  ])('numbers written as %s', async (_what, trunk, dialled, sent) => {
    const { w, dials } = await scene({ trunk: [{ ...gateway, ...trunk }], route: [{ ...germany, patterns: ['+X.'] }] });
    await dials(dialled);
    expect(w.fork().uri).toBe(`sip:${sent}@a.example;user=phone`);
  });

  test('digits that a route takes off and puts in front', async () => {
    const { w, dials } = await scene({ trunk: [gateway], route: [{ name: 'by 9', patterns: ['9X.'], trunks: ['gateway'], strip: 1, prepend: '55' }] });
    await dials('91234');
    expect(w.fork().uri).toBe('sip:551234@a.example;user=phone');
  });

  test.each<[string, number | undefined]>([
    ['503', 503],
    ['500', 500],
    ['a silence', undefined],
  ])('after %s the next trunk is tried', async (_what, status) => {
    const { w, dials } = await scene({ trunk: [gateway, second], route: [germany] });
    const res = await dials('030123456');
    if (status === undefined) w.clock.advance(5000);
    else w.fork().refuses(status);
    await w.settle();
    expect(w.fork(1).uri).toBe('sip:030123456@c.example;user=phone');
    expect(w.fork(1).options.headers['From']).toContain('+4930200@c.example');
    expect(res.final).toBeUndefined();
    if (status === undefined) expect(w.fork(0).cancels).toHaveLength(1);
    w.fork(1).refuses(503);
    await w.settle();
    expect(res.final).toMatchObject({ status: 480 });
    expect(w.left).toMatchObject({ calls: 0, ports: 0 });
  });

  test.each<[number, number]>([
    [486, 486],
    [603, 603],
    [404, 404],
    [484, 404],
    [403, 403],
  ])('%i is the last word', async (status, told) => {
    const { w, dials } = await scene({ trunk: [gateway, second], route: [germany] });
    const res = await dials('030123456');
    w.fork().refuses(status);
    await w.settle();
    expect([w.srf.forks.length, res.final?.status]).toEqual([1, told]);
  });

  test('once it rings it rings for as long as phones ring', async () => {
    const { w, dials } = await scene({ trunk: [gateway, second], route: [germany] });
    const res = await dials('030123456');
    w.fork().provisional(180);
    w.clock.advance(5000);
    await w.settle();
    w.clock.advance(59_000);
    await w.settle();
    expect([w.srf.forks.length, res.final, w.fork().cancels.length]).toEqual([1, undefined, 0]);
    w.clock.advance(1001);
    await w.settle();
    expect([w.srf.forks.length, res.final?.status, w.fork().cancels.length]).toEqual([1, 408, 1]);
  });

  test('a challenge is answered, once, and in the dialog, too', async () => {
    const { w, dials } = await scene({ trunk: [second], route: [{ ...germany, trunks: ['second'] }] });
    const res = await dials('030123456');
    w.fork().refuses(407, { 'Proxy-Authenticate': 'Digest realm="r", nonce="n", qop="auth"' });
    await w.settle();
    expect(w.fork(1).options.headers['Proxy-Authorization']).toMatch(/^Digest username="me", realm="r", nonce="n", uri="sip:030123456@c\.example;user=phone"/);
    const dialog = w.fork(1).answers(answer);
    await w.settle();
    expect((dialog as unknown as { auth: unknown }).auth).toEqual({ username: 'me', password: 'pw' });
    expect(res.final).toBeUndefined();
    const other = await scene({ trunk: [second], route: [{ ...germany, trunks: ['second'] }] });
    const refused = await other.dials('030123456');
    for (const i of [0, 1]) other.w.fork(i).refuses(407, { 'Proxy-Authenticate': 'Digest realm="r", nonce="n", qop="auth"' });
    await other.w.settle();
    expect([other.w.srf.forks.length, refused.final?.status]).toEqual([2, 480]);
  });

  test('the cheapest of those that fit best, and none that is down', async () => {
    const routes = [
      { name: 'any', patterns: ['+X.'], trunks: ['gateway'], costPerMinute: 0 },
      { name: 'dear', patterns: ['+49X.'], trunks: ['gateway'], costPerMinute: 2 },
      { name: 'cheap', patterns: ['+49X.'], trunks: ['second'], costPerMinute: 1 },
    ];
    const { w, dials } = await scene({ trunk: [gateway, second], route: routes });
    await dials('030123456');
    expect(w.fork().uri).toContain('@c.example');
    const down = await scene({ trunk: [gateway, { ...second, hosts: ['nowhere.example'], healthSeconds: 0 }], route: routes });
    await down.dials('030123456');
    expect(down.w.fork().uri).toContain('@a.example');
  });

  test('a plus in front of a number of ours is only a plus', async () => {
    const { w, dials } = await scene({ trunk: [gateway], route: [{ ...germany, patterns: ['+X.', 'X.'] }] });
    await dials('+1002');
    expect(w.fork().uri).toContain('sip:1002@192.168.9.30');
  });
});

describe('who may', () => {
  const premium = { name: 'premium', patterns: ['0900X.'], class: 'premium', trunks: ['gateway'] };

  test.each<[string, Partial<Extension>, number]>([
    ['by default only what is set for all', {}, 403],
    ['with the permission', { settings: { permissions: ['premium'] } }, 0],
    ['without any', { settings: { permissions: [] } }, 403],
  ])('%s', async (_what, settings, status) => {
    const { w, dials } = await scene({ trunk: [gateway], route: [premium] }, (all) => all.set('1001', extension('1001', settings)));
    const res = await dials('0900123');
    expect([res.final?.status ?? 0, w.srf.forks.length]).toEqual([status, status === 0 ? 1 : 0]);
    if (status !== 0) expect(res.final?.reason).toBe('calls to 0900123 are not permitted');
  });

  test('of a forwarded call, who forwards it', async () => {
    const forwards = (permissions: Extension['settings']) => (all: Map<string, Extension>) => all.set('1002', extension('1002', { diversion: { ...noDiversion, always: '0900123' }, settings: permissions }));
    const not = await scene({ trunk: [gateway], route: [premium] }, forwards({}));
    not.provider.extensions.set('1001', extension('1001', { settings: { permissions: ['premium'] } }));
    expect((await not.dials('1002')).final?.status).toBe(403);
    const may = await scene({ trunk: [gateway], route: [premium] }, forwards({ permissions: ['premium'], callerId: { number: '+49301002' } }));
    await may.dials('1002');
    expect(may.w.fork().options.headers).toMatchObject({ From: '<sip:+49301002@a.example>', Diversion: '<sip:+4930100@a.example>;reason=unconditional;counter=1' });
  });

  test('numbers for help: everybody, over every limit, before an extension has the number, without being recorded', async () => {
    const { w, dials } = await scene({ trunk: [{ ...gateway, maxCalls: 1 }], route: [{ ...germany, maxCalls: 1 }] }, (all) => {
      all.set('1001', extension('1001', { settings: { permissions: [], limits: { maxCalls: 1, callsPerMinute: 1 } } }));
      all.set('112', extension('112'));
    });
    for (const i of [0, 1, 2]) {
      await dials('112');
      expect(w.fork(i).uri).toBe('sip:112@a.example;user=phone');
    }
    const none = await scene({ trunk: [{ ...gateway, emergency: false }], route: [] }, (all) => all.set('112', extension('112')));
    expect((await none.dials('112')).final?.reason).toBe('112 has no phone registered');
  });

  test('limits: one more is refused, goes over the next trunk where there is one, and a call that ends makes room', async () => {
    const { w, dials } = await scene({ trunk: [{ ...gateway, maxCalls: 1 }, second], route: [germany] });
    await dials('030123456');
    await dials('030123456');
    expect(w.srf.forks.map(({ uri }) => uri.split('@')[1])).toEqual(['a.example;user=phone', 'c.example;user=phone']);
    const alone = await scene({ trunk: [gateway], route: [{ ...germany, trunks: ['gateway'], maxCalls: 1 }] });
    const first = await alone.dials('030123456');
    const refused = await alone.dials('030123457');
    await alone.w.settle();
    expect(refused.final).toMatchObject({ status: 503, reason: 'no more calls to 030123457 at the moment' });
    alone.w.fork().refuses(486);
    await alone.w.settle();
    expect(first.final?.status).toBe(486);
    expect((await alone.dials('030123458')).final).toBeUndefined();
  });

  test('a budget ends the call that uses it up', async () => {
    const { w, dials, provider } = await scene({ trunk: [{ ...gateway, dailyBudget: 10 }], route: [{ ...germany, trunks: ['gateway'], costPerMinute: 2 }] });
    await dials('030123456');
    w.fork().answers(answer);
    await w.settle();
    w.clock.advance(299_000);
    await w.settle();
    expect(w.calls.active()).toBe(1);
    w.clock.advance(2000);
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ trunk: 'gateway', route: 'Germany', ended: { cause: 'budget-used', reason: 'what calls may cost today is used up' } });
    expect(provider.trunks.list()[0]!.spentToday).toBeCloseTo(10);
    expect((await dials('030123456')).final?.status).toBe(503);
  });

  test('no trunk is up', async () => {
    const { dials } = await scene({ trunk: [{ ...gateway, hosts: ['nowhere.example'], healthSeconds: 0 }], route: [germany] });
    expect((await dials('030123456')).final).toMatchObject({ status: 503, reason: 'no way to 030123456 at the moment' });
  });
});

describe('in', () => {
  const office = { name: 'office', numbers: ['+4930100!'], to: '1002', prefix: 'Office: ' };
  const invite = (more: Record<string, string> = {}, uri = 'sip:+4930100@192.168.7.1', address = '192.0.2.1') => request({ from: '"Bob" <sip:030987654@a.example>;tag=x', to: '<sip:+4930100@pbx>', ...more }, { method: 'INVITE', uri, from: { address } });

  const read = async (req: ReturnType<typeof invite>, inbound = [office]): Promise<Inbound | undefined> => {
    const provider = new Provider(new Map());
    await provider.start({ trunk: [account], inbound });
    return provider.trunks.recognise(req);
  };

  test.each<[string, Record<string, string>, string | undefined, Partial<Inbound['caller']>]>([
    ['as it is', {}, undefined, { number: '+4930987654', name: 'Office: Bob' }],
    ['whom the provider vouches for', { 'p-asserted-identity': '<sip:+44201234567@a.example>' }, undefined, { number: '+44201234567', name: 'Office: Bob' }],
    ['who does not want to be known', { privacy: 'id' }, undefined, { number: 'anonymous', name: 'Office: anonymous' }],
    ['to our account, the number in To', {}, 'sip:4930100@192.168.7.1', { number: '+4930987654' }],
  ])('%s', async (_what, headers, uri, caller) => {
    expect(await read(invite(headers, uri))).toMatchObject({ to: '1002', number: '+4930100', caller: { ...caller, trunk: 'provider' } });
  });

  test('a number that nothing is set for goes nowhere, and other addresses are nobody’s', async () => {
    expect(await read(invite({ to: '<sip:+4930999@pbx>' }, 'sip:+4930999@x'))).toMatchObject({ to: undefined, number: '+4930999' });
    expect(await read(invite({}, undefined, '198.51.100.1'))).toBeUndefined();
  });

  test('rules of a trunk are for its calls only', async () => {
    expect(await read(invite(), [{ ...office, trunks: ['gateway'] } as typeof office])).toMatchObject({ to: undefined });
    expect(await read(invite(), [{ ...office, trunks: ['provider'] } as typeof office])).toMatchObject({ to: '1002' });
  });

  test('rings, cannot go out again, and cannot transfer', async () => {
    const provider = new Provider(new Map([['1002', extension('1002')]]));
    await provider.start({ trunk: [account], route: [germany], inbound: [office] });
    const w = new World({ outside: provider.trunks });
    const inbound = (await provider.trunks.recognise(invite()))!;
    const call = async (to: string | null) => {
      const res = new FakeResponder();
      await w.calls.onInvite(new FakeRequest('INVITE', linphone, {}, 'sip:+4930100@pbx.test', '192.0.2.1'), res, inbound.caller, to);
      return res;
    };
    expect((await call(null)).final).toMatchObject({ status: 404 });
    expect((await call('030123456')).final).toMatchObject({ status: 403 });
    w.phones = [binding('1002', '192.168.9.30')];
    await call('1002');
    expect(w.fork().options.headers['From']).toBe('"Office: Bob" <sip:+4930987654@localhost>');
    w.fork().answers(answer);
    await w.settle();
    const refer = w.answer.dialog.receives('REFER', '', { 'Refer-To': '<sip:0900123@pbx>' });
    expect(refer.final).toMatchObject({ status: 403, reason: 'Calls Are Not Transferred From Outside' });
    expect(w.calls.list()[0]).toMatchObject({ trunk: 'provider' });
  });

  test.each<[string, readonly CallClass[], string | undefined]>([
    ['whoever may call there puts a caller from outside through to it', ['national'], 'sip:+4930123456@a.example;user=phone'],
    ['whoever may not does not', ['premium'], undefined],
  ])('%s', async (_what, permissions, uri) => {
    const { w, provider } = await scene({ trunk: [account, gateway], route: [germany], inbound: [office] }, (extensions) => extensions.set('1002', { ...extension('1002'), settings: { permissions } }));
    const inbound = (await provider.trunks.recognise(invite()))!;
    w.phones = [binding('1002', '192.168.9.30')];
    await w.calls.onInvite(new FakeRequest('INVITE', linphone, {}, 'sip:+4930100@pbx.test', '192.0.2.1'), new FakeResponder(), inbound.caller, '1002');
    const phone = w.fork().answers(answer);
    await w.settle();
    w.answer.goesOut();
    await w.settle();
    expect(phone.receives('REFER', '', { 'refer-to': '<sip:030123456@pbx>' }).final).toMatchObject({ status: 202 });
    await w.settle();
    expect(w.srf.forks.slice(1).map((fork) => fork.uri)).toEqual(uri === undefined ? [] : [uri]);
  });
});

test('nothing is left of a call', async () => {
  const { w, dials, provider } = await scene({ trunk: [gateway], route: [germany] });
  await dials('030123456');
  w.fork().answers(answer);
  w.answer.goesOut?.();
  await w.settle();
  w.answer.dialog.bye();
  await w.settle();
  await provider.trunks.close();
  expect(w.left).toEqual(nothing);
});
