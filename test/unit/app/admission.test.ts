import { randomBytes } from 'node:crypto';
import { Admission, type AdmissionOptions, type RequestKind } from '../../../signaling/app/admission';
import { silentLogger } from '../../../signaling/log';
import type { Extension } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { authorization, extension, FakeResponder, nonceOf, realm, request, type Answer, type Login, type RequestOptions } from './fakes';

class Desk {
  readonly clock = new FakeClock();
  readonly extensions = new Map([extension('1001'), extension('1002')].map((e) => [e.number, e]));
  find = async (number: string): Promise<Extension | undefined> => this.extensions.get(number);
  readonly admission: Admission;

  constructor(options: Partial<AdmissionOptions> = {}) {
    this.admission = new Admission(
      { realm, nonceSeconds: 300, maxNonces: 100, ...options },
      { directory: { find: (number) => this.find(number) }, clock: this.clock, random: randomBytes, log: silentLogger },
    );
  }

  /** The answer, or the number that was admitted. */
  async ask(headers: Record<string, string | undefined>, options: RequestOptions = {}, kind: RequestKind = 'register'): Promise<Answer | string> {
    const res = new FakeResponder();
    const admitted = await this.admission.challengeOrAccept(request(headers, options), res, kind);
    if (!admitted) return res.answer;
    expect(res.answers).toEqual([]);
    return admitted.number;
  }

  async nonce(options: RequestOptions = {}): Promise<string> {
    const answer = (await this.ask({}, options)) as Answer;
    return nonceOf(answer.headers['WWW-Authenticate']);
  }

  async login(login: Partial<Login> = {}, options: RequestOptions = {}): Promise<Answer | string> {
    const nonce = login.nonce ?? (await this.nonce(options));
    return this.ask({ authorization: authorization({ nc: 1, ...login, nonce }) }, options);
  }
}

const challenged = (stale: boolean) => ({
  status: 401,
  reason: 'Unauthorized',
  headers: { 'WWW-Authenticate': expect.stringMatching(stale ? /stale=true\r\n.*stale=true$/ : /^((?!stale).|\r\n)*$/) as string },
});

describe('challenges', () => {
  test('REGISTER: 401, MD5 and then SHA-256, one nonce', async () => {
    const answer = (await new Desk().ask({})) as Answer;
    expect(answer).toEqual(challenged(false));
    const lines = answer.headers['WWW-Authenticate']?.split('\r\n') ?? [];
    expect(lines.map((line) => /algorithm=([\w-]+)/.exec(line)?.[1])).toEqual(['MD5', 'SHA-256']);
    expect(nonceOf(lines[0])).toBe(nonceOf(lines[1]));
  });

  test('others: 407', async () => {
    const answer = (await new Desk().ask({}, { method: 'INVITE', uri: 'sip:1002@h' }, 'other')) as Answer;
    expect(answer).toMatchObject({ status: 407, reason: 'Proxy Authentication Required', headers: { 'Proxy-Authenticate': expect.stringContaining('algorithm=MD5') as string } });
  });

  test.each<[string, string]>([
    ['credentials of another scheme', 'Bearer x'],
    ['credentials for another realm', authorization({ nonce: 'n', realm: 'elsewhere', nc: 1 })],
  ])('%s', async (_, header) => {
    expect(await new Desk().ask({ authorization: header })).toEqual(challenged(false));
  });
});

describe('admitted', () => {
  test.each<[string, Partial<Login>]>([
    ['MD5', { algorithm: 'MD5' }],
    ['SHA-256', { algorithm: 'SHA-256' }],
    ['without qop', { nc: undefined as never }],
    ['a uri without the user', { uri: 'sip:192.0.2.1:5060' }],
  ])('%s', async (_, login) => {
    expect(await new Desk().login(login)).toBe('1001');
  });

  test('an INVITE by Proxy-Authorization, or by Authorization where a phone mixes them up', async () => {
    const desk = new Desk();
    const invite = { method: 'INVITE', uri: 'sip:1002@h' };
    const nonce = await desk.nonce();
    const login = (nc: number): string => authorization({ nonce, nc, method: 'INVITE', uri: 'sip:1002@h' });
    expect(await desk.ask({ 'proxy-authorization': login(1) }, invite, 'other')).toBe('1001');
    expect(await desk.ask({ authorization: login(2) }, invite, 'other')).toBe('1001');
  });

  test('of two sets, the one for our realm', async () => {
    const desk = new Desk();
    const both = `${authorization({ nonce: 'x', realm: 'elsewhere', nc: 1 })},${authorization({ nonce: await desk.nonce(), nc: 1 })}`;
    expect(await desk.ask({ authorization: both })).toBe('1001');
  });

  test('one nonce, several requests', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce();
    for (const nc of [1, 2, 4, 3]) expect(await desk.login({ nonce, nc })).toBe('1001');
    expect(desk.admission.stats()).toMatchObject({ admitted: 4, missing: 1, noncesUsed: 1 });
  });
});

describe('not admitted', () => {
  test.each<[string, Partial<Login>]>([
    ['a wrong password', { password: 'wrong' }],
    ['a wrong password, SHA-256', { password: 'wrong', algorithm: 'SHA-256' }],
    ['an unknown user', { username: '9999', password: 'x' }],
    ['a user that is no extension number', { username: 'x'.repeat(200), password: 'x' }],
    ['the response of another method', { method: 'INVITE' }],
  ])('%s: the challenge again, not stale', async (_, login) => {
    expect(await new Desk().login(login)).toEqual(challenged(false));
  });

  test('a wrong password does not use the nonce up', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce();
    await desk.login({ nonce, password: 'wrong' });
    expect(desk.admission.stats().noncesUsed).toBe(0);
    expect(await desk.login({ nonce })).toBe('1001');
  });

  test('the same credentials again: stale', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce();
    expect(await desk.login({ nonce })).toBe('1001');
    expect(await desk.login({ nonce })).toEqual(challenged(true));
    expect(desk.admission.stats()).toMatchObject({ admitted: 1, replay: 1 });
  });

  test('the same credentials twice at once: one is admitted', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce();
    const both = await Promise.all([desk.login({ nonce }), desk.login({ nonce })]);
    expect(both).toEqual(['1001', challenged(true)]);
  });

  test('the nonce without qop again: stale', async () => {
    const desk = new Desk();
    const login = { nonce: await desk.nonce(), nc: undefined as never };
    expect(await desk.login(login)).toBe('1001');
    expect(await desk.login(login)).toEqual(challenged(true));
  });

  test('an expired nonce: stale, and the next one is good', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce();
    desk.clock.advance(300_000);
    const answer = (await desk.login({ nonce })) as Answer;
    expect(answer).toEqual(challenged(true));
    expect(await desk.login({ nonce: nonceOf(answer.headers['WWW-Authenticate']) })).toBe('1001');
  });

  test('a nonce that was given to another address: stale', async () => {
    const desk = new Desk();
    const nonce = await desk.nonce({ from: { address: '198.51.100.1' } });
    expect(await desk.login({ nonce })).toEqual(challenged(true));
    expect(await desk.login({ nonce }, { from: { address: '198.51.100.1', port: 7 } })).toBe('1001');
  });

  test.each<[string, string, RegExp]>([
    ['garbled', 'Digest username="1001', /^Malformed credentials/],
    ['incomplete', `Digest username="1001", realm="${realm}"`, /lack/],
    ['auth-int', `${authorization({ nonce: 'n' })}, qop=auth-int`, /qop/],
    ['-sess', authorization({ nonce: 'n', nc: 1 }).replace('algorithm=MD5', 'algorithm=MD5-sess'), /algorithm/],
    ['for another number', authorization({ nonce: 'n', nc: 1, uri: 'sip:1003@h' }), /another request/],
  ])('%s: 400 that says what is wrong', async (_, header, reason) => {
    const answer = (await new Desk().ask({ authorization: header }, { uri: 'sip:1002@h' })) as Answer;
    expect(answer).toEqual({ status: 400, reason: expect.stringMatching(reason) as string, headers: {} });
  });

  test.each<[string, RequestKind, Record<string, string>, string | undefined]>([
    ['REGISTER for another', 'register', { to: '<sip:1002@h>' }, undefined],
    ['REGISTER for nobody', 'register', { to: '<sip:h>' }, undefined],
    ['REGISTER sent by another for the extension', 'register', { from: '<sip:1002@h>;tag=1' }, '1001'],
    ['INVITE from another', 'other', { from: '<sip:1002@h>;tag=1' }, undefined],
    ['INVITE from the extension to another', 'other', { to: '<sip:1002@h>' }, '1001'],
    ['INVITE from the extension, its number escaped', 'other', { from: 'sip:%31001@h;tag=1' }, '1001'],
  ])('%s', async (_, kind, headers, admitted) => {
    const desk = new Desk();
    const answer = await desk.ask({ ...headers, authorization: authorization({ nonce: await desk.nonce(), nc: 1 }) }, {}, kind);
    if (admitted) expect(answer).toBe(admitted);
    else expect(answer).toMatchObject({ status: 403, reason: expect.stringContaining('another extension') as string });
  });

  test('a store that fails: 500, not a challenge', async () => {
    const desk = new Desk();
    desk.find = async () => {
      throw new Error('locked');
    };
    expect(await desk.login()).toMatchObject({ status: 500 });
    expect(desk.admission.stats().internal).toBe(1);
  });
});

describe('guessing', () => {
  const guess = { password: 'wrong' };

  test('after too many wrong passwords the right one is not looked at, until time has passed', async () => {
    const desk = new Desk({ maxFailures: 3, failureSeconds: 30 });
    for (let i = 0; i < 3; i++) expect(await desk.login(guess)).toEqual(challenged(false));
    const nonce = await desk.nonce();
    expect(await desk.login({ nonce })).toEqual({ status: 503, reason: expect.stringContaining('Too many') as string, headers: { 'Retry-After': '10' } });
    desk.clock.advance(10_000);
    expect(await desk.login({ nonce })).toBe('1001');
    expect(desk.admission.stats()).toMatchObject({ wrong: 3, blocked: 1, admitted: 1, failingSources: 1 });
  });

  test('unknown users count like wrong passwords', async () => {
    const desk = new Desk({ maxFailures: 2 });
    await desk.login({ username: '8888' });
    await desk.login({ username: '9999' });
    expect(await desk.login()).toMatchObject({ status: 503 });
  });

  test('many guesses at once are no way around', async () => {
    const desk = new Desk({ maxFailures: 3 });
    const nonce = await desk.nonce();
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => desk.login({ ...guess, nonce, nc: i + 1 })));
    expect(answers.filter((a) => typeof a !== 'string' && a.status === 401)).toHaveLength(3);
    expect(answers.filter((a) => typeof a !== 'string' && a.status === 503)).toHaveLength(47);
  });

  test('other addresses are not concerned; other ports and the same IPv6 network are', async () => {
    const desk = new Desk({ maxFailures: 1 });
    const at = (address: string, port = 5060): RequestOptions => ({ from: { address, port } });
    await desk.login(guess, at('192.0.2.7'));
    await desk.login(guess, at('2001:db8::1'));
    expect(await desk.login({}, at('192.0.2.7', 9))).toMatchObject({ status: 503 });
    expect(await desk.login({}, at('2001:db8::2'))).toMatchObject({ status: 503 });
    expect(await desk.login({}, at('192.0.2.8'))).toBe('1001');
    expect(await desk.login({}, at('2001:db8:0:1::1'))).toBe('1001');
  });

  test('credentials with a nonce that the source did not get from us count for nobody', async () => {
    const desk = new Desk({ maxFailures: 1 });
    const nonce = await desk.nonce({ from: { address: '203.0.113.9' } });
    expect(await desk.login({ ...guess, nonce })).toEqual(challenged(true));
    expect(await desk.login()).toBe('1001');
  });

  test('requests without credentials are still challenged', async () => {
    const desk = new Desk({ maxFailures: 1 });
    await desk.login(guess);
    expect(await desk.ask({})).toEqual(challenged(false));
  });
});

test('a realm that cannot be sent is refused at once', () => {
  expect(() => new Desk({ realm: 'a\r\nb' })).toThrow(RangeError);
});
