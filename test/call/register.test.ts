/**
 * Registering, driven by SIPp: who is let in, for how long, and what is remembered. Over UDP and TCP alike.
 */
import { need } from '../support/peers';
import { ScriptedPhone, received } from '../support/scripted-phone';
import { Server, type Account } from '../support/server';
import type { SippResult } from '../support/sipp';
import { Stage, staged } from '../support/stage';

let suite: Stage;
let server: Server;
let numbers = 2000;

/** An extension that no other test has used. */
async function newcomer(): Promise<Account & { server: string }> {
  return { ...(await server.add(String(++numbers))), server: server.address };
}

function answer(result: SippResult, status: number): string {
  return result.messages.filter(({ direction, text }) => direction === 'received' && text.startsWith(`SIP/2.0 ${status}`)).at(-1)?.text ?? '';
}

function contacts(answer: string): string[] {
  return [...answer.matchAll(/^Contact: (.*)$/gm)].flatMap((line) => (line[1] ?? '').trim().split(/,\s*(?=<)/));
}

need('sipp')('registering', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { settings: { 'auth.nonceSeconds': 1 } });
  }, 30_000);
  afterAll(() => suite.close());

  const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>, seconds = 20): ReturnType<typeof staged<Args>> =>
    staged(body, { suite: () => suite, seconds });

  describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
    test('the right password is let in, for the time asked for, at the address given', ...shared(async (stage) => {
      const phone = await ScriptedPhone.make(stage, { ...(await newcomer()), transport });
      const result = await phone.register();
      expect(result.code).toBe(0);
      expect(received(result)).toEqual(['401', '200']);
      const [binding, ...others] = contacts(answer(result, 200));
      expect(others).toEqual([]);
      expect(binding).toContain(phone.contact);
      expect(Number(/;expires=(\d+)/.exec(binding ?? '')?.[1])).toBeGreaterThan(115);
    }));

    test('a wrong password is challenged again, and nothing is registered', ...shared(async (stage) => {
      const account = await newcomer();
      const phone = await ScriptedPhone.make(stage, { ...account, password: 'guessed', transport });
      const refused = await phone.register({ final: 401 });
      expect(refused.code).toBe(0);
      expect(answer(refused, 401)).not.toMatch(/stale=true/i);
      const right = await ScriptedPhone.make(stage, { ...account, transport });
      expect(contacts(answer(await right.register(), 200))).toHaveLength(1);
    }));

    test('no password: a challenge with MD5 before SHA-256 and a nonce', ...shared(async (stage) => {
      const phone = await ScriptedPhone.make(stage, { ...(await newcomer()), transport });
      const result = await phone.runs('register-without-password', { expires: 120, answer: 401 });
      expect(result.code).toBe(0);
      const challenges = [...answer(result, 401).matchAll(/^WWW-Authenticate: (.*)$/gm)].map((line) => line[1] ?? '');
      expect(challenges.map((challenge) => /algorithm="?([\w-]+)/.exec(challenge)?.[1])).toEqual(['MD5', 'SHA-256']);
      for (const challenge of challenges) expect(challenge).toMatch(/nonce="[^"]{16,}"/);
    }));

    test('an expired nonce is refused as stale, and the new one is good', ...shared(async (stage) => {
      const phone = await ScriptedPhone.make(stage, { ...(await newcomer()), transport });
      // Real time: the server's nonces live a second here, and it has its own clock.
      const result = await phone.runs('register-with-old-nonce', { pauseMs: 1500 });
      expect(result.code).toBe(0);
      expect(received(result)).toEqual(['401', '200', '401', '200']);
      expect(answer(result, 401)).toMatch(/stale=true/i);
    }));

    test('unregistering removes the binding', ...shared(async (stage) => {
      const phone = await ScriptedPhone.make(stage, { ...(await newcomer()), transport });
      expect(contacts(answer(await phone.register(), 200))).toHaveLength(1);
      const result = await phone.register({ expires: 0 });
      expect(result.code).toBe(0);
      expect(contacts(answer(result, 200))).toEqual([]);
    }));
  });

  test('two phones of one extension are both remembered; "Contact: *" removes both', ...shared(async (stage) => {
    const account = await newcomer();
    const desk = await ScriptedPhone.registered(stage, account);
    const mobile = await ScriptedPhone.make(stage, account);
    const both = contacts(answer(await mobile.register(), 200)).map((contact) => contact.replace(/;expires.*/, ''));
    expect(both.sort()).toEqual([desk.contact, mobile.contact].sort());
    const result = await mobile.register({ contact: '*', expires: 0 });
    expect(result.code).toBe(0);
    expect(contacts(answer(result, 200))).toEqual([]);
  }));

  test('"Contact: *" that does not mean removal is a bad request', ...shared(async (stage) => {
    const phone = await ScriptedPhone.make(stage, await newcomer());
    // Refused by its form, before anybody asks for a password
    expect((await phone.runs('register-without-password', { contact: '*', expires: 60, answer: 400 })).code).toBe(0);
  }));

  test('a registration that is too brief is refused and told the shortest', ...shared(async (stage) => {
    const phone = await ScriptedPhone.make(stage, await newcomer());
    const result = await phone.register({ expires: 10, final: 423 });
    expect(result.code).toBe(0);
    expect(answer(result, 423)).toMatch(/^Min-Expires: 60\r?$/m);
  }));

  test('a registration that is too long is shortened', ...shared(async (stage) => {
    const phone = await ScriptedPhone.make(stage, await newcomer());
    const [binding = ''] = contacts(answer(await phone.register({ expires: 86_400 }), 200));
    expect(Number(/;expires=(\d+)/.exec(binding)?.[1])).toBeLessThanOrEqual(3600);
  }));

  test('credentials of one extension do not register another', ...shared(async (stage) => {
    const owner = await newcomer();
    const thief = await newcomer();
    const phone = await ScriptedPhone.make(stage, { ...thief, user: thief.user });
    // The digest is the thief's (its user name and password), To and From name the owner.
    const result = await phone.register({ user: owner.user, final: 403 });
    expect(result.code).toBe(0);
  }));

  test('an extension that does not exist looks like a wrong password', ...shared(async (stage) => {
    const phone = await ScriptedPhone.make(stage, { server: server.address, user: '9999', password: 'anything' });
    expect((await phone.register({ final: 401 })).code).toBe(0);
  }));
});
