/**
 * Two real sip.js user agents over our transport and a UDP wire in memory that loses what it is told to. Each scenario is first run without loss;
 * then again for each message that went over the wire, with that one lost: it has to end as before.
 */
import fc from 'fast-check';
import { systemClock } from '../../../../client/clock';
import { digestAnswer, makeAuthentication } from '../../../../client/sip/digest';
import { loadSip, type Session, type Sip } from '../../../../client/sip/sip-js';
import { PLACEHOLDER_HOST, SipTransport, type TransportOptions } from '../../../../client/sip/transport';
import { bareAgent, type BareAgent } from '../../../support/bare-agent';
import { Wire, describe as short, type Fate } from '../../../support/wire';

const A = { host: '10.0.0.1', port: 5060 };
/** sip.js turns away what is not for its own user, REGISTER as well. */
const REGISTRAR = 'sip:bob@pbx.test';
const B = { host: '10.0.0.2', port: 5062 };

let sip: Sip;
beforeAll(async () => {
  sip = await loadSip();
});
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.clearAllTimers();
  jest.useRealTimers();
});

interface Pair {
  wire: Wire;
  a: BareAgent;
  b: BareAgent;
}

async function pair(fate: Fate, onCall: 'accept' | 'ring' | number): Promise<Pair> {
  const wire = new Wire(systemClock, fate);
  const make = (user: string, here: typeof A, there: typeof A): BareAgent => {
    const options: TransportOptions = { target: { protocol: 'UDP', ...there }, open: wire.opener(here), clock: systemClock, chance: () => 0.5 };
    const authentication = makeAuthentication({ authUser: user, password: 'secret', chance: () => 0.3 });
    return bareAgent(sip, { user, domain: 'pbx.test', viaHost: PLACEHOLDER_HOST, transport: SipTransport, options, authentication, registrar: REGISTRAR, onCall });
  };
  const [a, b] = [make('alice', A, B), make('bob', B, A)];
  await a.start();
  await b.start();
  registrar(b);
  return { wire, a, b };
}

/** Bob is a registrar as well: it challenges with SHA-256 and checks the answer. */
function registrar(bob: BareAgent): void {
  const challenge = { algorithm: 'SHA-256', session: false, realm: 'pbx.test', nonce: 'n1', opaque: undefined, stale: false, qop: 'auth' } as const;
  const delegate = bob.agent.userAgentCore.delegate;
  bob.agent.userAgentCore.delegate = {
    ...delegate,
    onRegister: (request) => {
      const given = request.message.getHeader('authorization');
      const cnonce = /cnonce="([^"]*)"/.exec(given ?? '')?.[1] ?? '';
      const right = digestAnswer(challenge, { authUser: 'alice', password: 'secret' }, { method: 'REGISTER', uri: REGISTRAR, body: '' }, cnonce, 1);
      if (given === right) request.accept({ statusCode: 200, extraHeaders: [`Contact: ${request.message.getHeader('contact')}`] });
      else request.reject({ statusCode: 401, extraHeaders: ['WWW-Authenticate: Digest realm="pbx.test", nonce="n1", algorithm=MD5-sess, qop="auth"', 'WWW-Authenticate: Digest realm="pbx.test", nonce="n1", algorithm=SHA-256, qop="auth-int , auth"'] });
    },
  };
}

async function until(what: string, condition: () => boolean, { wire }: Pair, forMs = 60_000): Promise<void> {
  for (let waited = 0; !condition(); waited += 50) {
    if (waited > forMs) throw new Error(`in vain for: ${what}\n${wire.log.join('\n')}`);
    await jest.advanceTimersByTimeAsync(50);
  }
}

const up = (session: Session | undefined): boolean => session?.state === 'Established';
const over = (session: Session | undefined): boolean => session?.state === 'Terminated';

interface Scenario {
  onCall?: 'accept' | 'ring' | number;
  run(pair: Pair): Promise<void>;
}

const SCENARIOS: Record<string, Scenario> = {
  'REGISTER with a challenge': {
    async run(p) {
      let state = '';
      void p.a.register().then((now) => (state = now));
      await until('registered', () => state === 'Registered', p);
    },
  },
  'a call that is answered, and BYE of the caller': {
    async run(p) {
      const call = p.a.call('sip:bob@pbx.test');
      await until('up', () => up(call) && up(p.b.calls[0]), p);
      let answer = 0;
      void call.bye({ requestDelegate: { onAccept: ({ message }) => (answer = message.statusCode ?? 0), onReject: ({ message }) => (answer = message.statusCode ?? 0) } });
      await until('over', () => over(call) && over(p.b.calls[0]) && answer !== 0, p);
      expect(answer).toBe(200);
    },
  },
  'BYE of the callee': {
    async run(p) {
      const call = p.a.call('sip:bob@pbx.test');
      await until('up', () => up(call) && up(p.b.calls[0]), p);
      // The ACK may be on its way still; sip.js holds BYE back until it came.
      void p.b.calls[0]?.bye();
      await until('over', () => over(call) && over(p.b.calls[0]), p);
    },
  },
  'a call that is refused with 486': {
    onCall: 486,
    async run(p) {
      const call = p.a.call('sip:bob@pbx.test');
      await until('over', () => over(call) && over(p.b.calls[0]), p);
      expect(p.wire.log.some((line) => line.includes('486 INVITE'))).toBe(true);
      // Nobody goes on repeating for lack of an ACK.
      await jest.advanceTimersByTimeAsync(5_000);
      const then = p.wire.log.length;
      await jest.advanceTimersByTimeAsync(40_000);
      expect(p.wire.log.slice(then)).toEqual([]);
    },
  },
  'a call that is given up while it rings': {
    onCall: 'ring',
    async run(p) {
      const call = p.a.call('sip:bob@pbx.test');
      await until('rings', () => p.b.calls.length === 1 && call.state === 'Establishing' && p.wire.log.some((line) => line.includes('180')), p);
      await jest.advanceTimersByTimeAsync(1_000);
      void (call as unknown as { cancel(): Promise<void> }).cancel();
      await until('over', () => over(call) && over(p.b.calls[0]), p);
      await jest.advanceTimersByTimeAsync(5_000);
      const then = p.wire.log.length;
      await jest.advanceTimersByTimeAsync(40_000);
      expect(p.wire.log.slice(then)).toEqual([]);
    },
  },
  're-INVITE': {
    async run(p) {
      const call = p.a.call('sip:bob@pbx.test');
      await until('up', () => up(call) && up(p.b.calls[0]), p);
      // Not before the first transaction is through.
      await jest.advanceTimersByTimeAsync(5_000);
      let answer = 0;
      await call.invite({ requestDelegate: { onAccept: ({ message }) => (answer = message.statusCode ?? 0), onReject: ({ message }) => (answer = message.statusCode ?? 0) } });
      await until('answered', () => answer !== 0, p);
      expect(answer).toBe(200);
      await jest.advanceTimersByTimeAsync(40_000);
      expect(up(call) && up(p.b.calls[0])).toBe(true);
    },
  },
};

describe.each(Object.entries(SCENARIOS))('%s', (_name, { run, onCall = 'accept' }) => {
  test('without loss, nothing is said twice', async () => {
    const p = await pair(() => [1], onCall);
    await run(p);
    const requests = p.wire.carried.map(({ text }) => `${short(text)} ${/branch=([^;\s]+)/.exec(text)?.[1]}`);
    expect(requests).toEqual([...new Set(requests)]);
  });

  test('whichever message is lost, it ends well', async () => {
    const calm = await pair(() => [1], onCall);
    await run(calm);
    const messages = calm.wire.carried.length;
    expect(messages).toBeGreaterThan(3);
    for (let lost = 0; lost < messages; lost++) {
      jest.clearAllTimers();
      const p = await pair(({ index }) => (index === lost ? [] : [1]), onCall);
      await run(p);
      expect(p.wire.log.filter((line) => line.endsWith('LOST'))).toHaveLength(1);
    }
  });

  test('with random loss, doubles and delays, it ends well', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom([], [1], [1], [1], [40], [1, 30], [120], [1, 700]), { minLength: 30, maxLength: 30 }), async (fates) => {
        jest.clearAllTimers();
        // Six losses at most: seven in a row are a broken line, over which a request rightly ends in 408.
        let losses = 0;
        const p = await pair(({ index }) => {
          const fate = fates[index] ?? [1];
          return fate.length > 0 || ++losses <= 6 ? fate : [1];
        }, onCall);
        await run(p);
      }),
      { numRuns: 12 },
    );
  });
});
