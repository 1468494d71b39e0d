/** How a trunk comes up, stays up, goes down and comes back. */
import { account, gateway, Provider, settle } from './world';

const CHALLENGE = { 'WWW-Authenticate': 'Digest realm="r", nonce="n1", qop="auth"' };
const state = (provider: Provider, i = 0) => {
  const { state: now, registered, problem, host } = provider.trunks.list()[i]!;
  return { state: now, registered, problem, host };
};

describe('registration', () => {
  test('with the answer to the challenge, and again before it expires, as one registration', async () => {
    const provider = new Provider(new Map());
    provider.answers = undefined;
    await provider.start({ trunk: [account] });
    expect(provider.asked).toHaveLength(1);
    const first = provider.last;
    expect(first).toMatchObject({ uri: 'sip:a.example', method: 'REGISTER', proxy: 'sip:a.example;transport=udp' });
    expect(first.headers).toMatchObject({ From: '<sip:4930100@a.example>', To: '<sip:4930100@a.example>', Contact: '<sip:4930100@localhost;transport=udp>', Expires: '600', CSeq: '1 REGISTER' });
    expect(state(provider)).toMatchObject({ state: 'starting', registered: false });
    first.answer(401, CHALLENGE);
    await settle();
    const second = provider.last;
    expect(second.headers).toMatchObject({ 'Call-ID': first.headers['Call-ID'], CSeq: '2 REGISTER', Authorization: expect.stringContaining('username="4930100", realm="r", nonce="n1", uri="sip:a.example"') });
    expect(second.headers['Authorization']).not.toContain('pw');
    second.answer(200, { Contact: '<sip:4930100@192.0.2.9:5060>;expires=300' });
    await settle();
    expect(state(provider)).toEqual({ state: 'up', registered: true, problem: null, host: 'a.example' });
    expect(provider.told).toHaveLength(1);
    await provider.advance(239_000);
    expect(provider.asked).toHaveLength(2);
    await provider.advance(2000);
    expect(provider.last.headers).toMatchObject({ CSeq: '3 REGISTER', 'Call-ID': first.headers['Call-ID'] });
  });

  test('a nonce that is too old is answered once more; a wrong password is not', async () => {
    const provider = new Provider(new Map());
    provider.answers = undefined;
    await provider.start({ trunk: [account] });
    provider.last.answer(401, CHALLENGE);
    await settle();
    provider.last.answer(401, { 'WWW-Authenticate': 'Digest realm="r", nonce="n2", qop="auth", stale=true' });
    await settle();
    expect(provider.last.headers['Authorization']).toContain('nonce="n2"');
    provider.last.answer(401, { 'WWW-Authenticate': 'Digest realm="r", nonce="n3", qop="auth"' });
    await settle();
    expect(provider.asked).toHaveLength(3);
    expect(state(provider)).toEqual({ state: 'refused', registered: false, problem: 'a.example does not accept our user name and password (401)', host: 'a.example' });
    await provider.advance(100_000);
    expect(provider.asked).toHaveLength(3);
    await provider.advance(300_000);
    expect(provider.asked).toHaveLength(4);
  });

  test.each([
    [403, 'a.example does not accept our user name and password (403)'],
    [404, 'a.example does not know the account 4930100'],
  ])('%i is told', async (status, problem) => {
    const provider = new Provider(new Map());
    provider.answers = () => status;
    await provider.start({ trunk: [account] });
    expect(state(provider)).toMatchObject({ state: 'refused', problem });
  });

  test('423: for as long as it wants', async () => {
    const provider = new Provider(new Map());
    provider.answers = undefined;
    await provider.start({ trunk: [account] });
    provider.last.answer(423, { 'Min-Expires': '1800' });
    await settle();
    expect(provider.last.headers['Expires']).toBe('1800');
  });

  test.each<[string, number | undefined, string]>([
    ['503', 503, 'a.example answered our registration 503'],
    ['silence', undefined, 'a.example does not answer'],
  ])('%s: the next host at once, then all of them again, each time later', async (_what, status, problem) => {
    const provider = new Provider(new Map());
    provider.answers = () => status;
    await provider.start({ trunk: [account] });
    if (status === undefined) await provider.advance(5000);
    expect(state(provider)).toMatchObject({ state: 'down', problem });
    await provider.advance(1);
    if (status === undefined) await provider.advance(5000);
    expect(provider.asked.map(({ proxy }) => proxy)).toEqual(['sip:a.example;transport=udp', 'sip:b.example:5070;transport=udp']);
    const quiet = async (ms: number) => {
      const before = provider.asked.length;
      await provider.advance(ms);
      return provider.asked.length - before;
    };
    expect(await quiet(4000)).toBe(0);
    provider.answers = () => 200;
    expect(await quiet(2100)).toBe(1);
    expect(state(provider)).toEqual({ state: 'up', registered: true, problem: null, host: 'a.example' });
  });

  test('is taken back when the trunk is switched off or the server ends, and made anew when it is changed', async () => {
    const provider = new Provider(new Map());
    await provider.start({ trunk: [account] });
    await provider.set({ trunk: [{ ...account, label: 'x' }] });
    expect(provider.asked.map(({ headers }) => headers['Expires'])).toEqual(['600', '0', '600']);
    await provider.set({ trunk: [{ ...account, label: 'x', enabled: false }] });
    expect(provider.last.headers['Expires']).toBe('0');
    expect(provider.trunks.list()).toMatchObject([{ state: 'down', enabled: false, problem: 'it is switched off' }]);
    await provider.set({ trunk: [account] });
    await provider.trunks.close();
    expect(provider.last.headers['Expires']).toBe('0');
    expect(provider.clock.waiting).toBe(0);
  });

  test('a trunk that is as it was goes on undisturbed', async () => {
    const provider = new Provider(new Map());
    await provider.start({ trunk: [account] });
    await provider.set({ trunk: [account, gateway] });
    expect(provider.asked.map(({ method }) => method)).toEqual(['REGISTER', 'OPTIONS']);
  });
});

describe('health', () => {
  test('whatever is answered, it is there; two silences, and it is not', async () => {
    const provider = new Provider(new Map());
    provider.answers = () => 404;
    await provider.start({ trunk: [gateway] });
    expect(provider.last).toMatchObject({ method: 'OPTIONS', uri: 'sip:a.example' });
    expect(state(provider)).toMatchObject({ state: 'up', problem: null });
    provider.answers = () => undefined;
    await provider.advance(30_000);
    await provider.advance(5000);
    expect(state(provider)).toMatchObject({ state: 'up' });
    await provider.advance(1000);
    await provider.advance(5000);
    expect(state(provider)).toMatchObject({ state: 'down', problem: 'a.example does not answer' });
    provider.answers = () => 200;
    await provider.advance(30_000);
    expect(state(provider)).toMatchObject({ state: 'up', problem: null });
    expect(provider.told.map((view) => view.state)).toEqual(['up', 'down', 'up']);
  });

  test('a host that no name server knows is told', async () => {
    const provider = new Provider(new Map());
    provider.answers = () => undefined;
    await provider.start({ trunk: [{ ...gateway, hosts: ['nowhere.example'] }] });
    await provider.advance(5000);
    expect(state(provider)).toMatchObject({ state: 'down', problem: 'nowhere.example is not known to the name servers' });
  });

  test('not asked: up as long as its name is known', async () => {
    const provider = new Provider(new Map());
    await provider.start({ trunk: [{ ...gateway, healthSeconds: 0 }] });
    expect([provider.asked.length, state(provider).state]).toEqual([0, 'up']);
  });
});
