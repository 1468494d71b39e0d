/** Numbers, patterns and limits. */
import fc from 'fast-check';
import { answerChallenge, challengesIn, isStale } from '../../../../signaling/app/trunks/digest';
import { hostAndPort, networks, contains } from '../../../../signaling/app/trunks/addresses';
import { Limits, type Limited, type Taken } from '../../../../signaling/app/trunks/limits';
import { inFull, told, written, type Form, type Numbering } from '../../../../signaling/app/trunks/numbering';
import { compile, PatternTable } from '../../../../signaling/app/trunks/patterns';
import { FakeClock } from '../../../support/fake-clock';
import { hash } from '../fakes';

const germany: Numbering = { country: '49', international: '00', national: '0' };
const america: Numbering = { country: '1', international: '011', national: '1' };
const nowhere: Numbering = { country: null, international: '00', national: '0' };

describe('numbers in full', () => {
  it.each<[string, Numbering, string | undefined]>([
    ['+4930123456', germany, '+4930123456'],
    ['004930123456', germany, '+4930123456'],
    ['030123456', germany, '+4930123456'],
    ['0044201234567', germany, '+44201234567'],
    ['123456', germany, undefined],
    ['110', germany, undefined],
    ['+0301234', germany, undefined],
    ['+1234567890123456', germany, undefined],
    ['*43', germany, undefined],
    ['12125551234', america, '+12125551234'],
    ['0114930123456', america, '+4930123456'],
    ['030123456', nowhere, undefined],
    ['004930123456', nowhere, '+4930123456'],
  ])('%s: %#', (dialled, numbering, expected) => {
    expect(inFull(dialled, numbering)).toBe(expected);
  });

  it.each<[Form, string, string]>([
    ['plus', '+4930123', '+4930123'],
    ['international', '+4930123', '004930123'],
    ['national', '+4930123', '030123'],
    ['national', '+4420123', '004420123'],
    ['digits', '+4930123', '4930123'],
  ])('written %s: %s', (form, full, expected) => {
    expect(written(full, form, germany)).toBe(expected);
  });

  it('what is written in any form is told as the number it was', () => {
    const number = fc.stringMatching(/^[1-9]\d{7,11}$/).map((digits) => `+49${digits}`);
    fc.assert(fc.property(number, fc.constantFrom<Form>('plus', 'international', 'national', 'digits'), (full, form) => {
      expect(told(written(full, form, germany), germany)).toBe(full);
    }));
    expect(told('+49 (30) 12-34', germany)).toBe('+49301234');
    expect(told('1001', germany)).toBe('1001');
  });
});

describe('patterns', () => {
  it.each<[string, string, boolean]>([
    ['0X.', '030', true],
    ['0X.', '0', false],
    ['0X!', '03', true],
    ['0Z.', '0030', false],
    ['1[13-5]5', '145', true],
    ['1[13-5]5', '125', false],
    ['*9N', '*92', true],
    ['*9N', '*91', false],
    ['110', '1100', false],
    ['+49!', '+49', true],
    ['+49X.', '004930', false],
    ['!', '', true],
  ])('%s and %s: %s', (pattern, number, expected) => {
    expect(compile(pattern).matches(number)).toBe(expected);
  });

  it('those that begin with the most digits fit best, in the order in which they came', () => {
    const table = new PatternTable([['0.', 'any'], ['+49!', 'home'], ['+49170X.', 'mobile'], ['0170X.', 'as dialled'], ['0.', 'any, too'], ['+49170X.', 'mobile, too']]);
    const find = (dialled: string, full?: string) => table.find({ dialled, full });
    expect(find('01701234', '+491701234')).toEqual(['mobile', 'mobile, too']);
    expect(find('01701234')).toEqual(['as dialled']);
    expect(find('030123', '+4930123')).toEqual(['home']);
    expect(find('0099', '+99')).toEqual(['any', 'any, too']);
    expect(find('99')).toEqual([]);
    expect(find('')).toEqual([]);
  });

  it('finds what looking at every pattern would find', () => {
    const pattern = fc.stringMatching(/^[0-3]{0,3}[XZN]{0,2}[.!]?$/).filter((text) => text !== '');
    fc.assert(fc.property(fc.uniqueArray(pattern, { maxLength: 30 }), fc.stringMatching(/^[0-4]{1,6}$/), (patterns, number) => {
      const fitting = patterns.map((text) => ({ text, ...compile(text) })).filter((one) => one.matches(number));
      const most = Math.max(-1, ...fitting.map(({ literal }) => literal.length));
      expect(new PatternTable(patterns.map((one) => [one, one] as const)).find({ dialled: number, full: undefined })).toEqual(fitting.filter(({ literal }) => literal.length === most).map(({ text }) => text));
    }));
  });
});

describe('limits', () => {
  const world = (saved?: string) => {
    const clock = new FakeClock();
    const writes: string[] = [];
    let fails = false;
    const failed: unknown[] = [];
    const limits = new Limits({
      clock, timeZone: 'UTC',
      ledger: { load: async () => saved, save: async (text) => (fails ? Promise.reject(new Error('disk full')) : void writes.push(text)) },
      failed: (err) => failed.push(err),
    });
    return { clock, writes, limits, failed, fail: () => (fails = true) };
  };
  const takes = (limits: Limits, limited: readonly Limited[], cost = 0): Taken => {
    const taken = limits.take(limited, cost);
    if (typeof taken === 'string') throw new Error(taken);
    return taken;
  };

  it('calls at once: one that is over makes room, however often it ends', async () => {
    const { limits } = world();
    await limits.start();
    const one: Limited[] = [['trunk a', { maxCalls: 1 }]];
    const first = takes(limits, one);
    expect(limits.take(one, 0)).toBe('trunk a has its 1 calls');
    first.over();
    first.over();
    takes(limits, one);
    expect(limits.take(one, 0)).toBe('trunk a has its 1 calls');
  });

  it('takes nothing from one when another refuses', async () => {
    const { limits } = world();
    await limits.start();
    takes(limits, [['extension 1', { maxCalls: 1 }]]);
    expect(limits.take([['trunk a', { maxCalls: 1 }], ['extension 1', { maxCalls: 1 }]], 0)).toBe('extension 1 has its 1 calls');
    takes(limits, [['trunk a', { maxCalls: 1 }]]);
  });

  it('calls a minute, whether they came about or not', async () => {
    const { limits, clock } = world();
    await limits.start();
    const two: Limited[] = [['route x', { callsPerMinute: 2 }]];
    takes(limits, two).over();
    clock.advance(30_000);
    takes(limits, two).over();
    expect(limits.take(two, 0)).toBe('route x has had its 2 calls of this minute');
    clock.advance(30_001);
    takes(limits, two).over();
    expect(limits.take(two, 0)).toContain('of this minute');
  });

  it('money a day: what was answered costs, by the second, and is kept over a restart', async () => {
    const { limits, clock, writes } = world();
    await limits.start();
    const ten: Limited[] = [['extension 1', { dailyBudget: 10 }]];
    const unanswered = takes(limits, ten, 4);
    clock.advance(600_000);
    unanswered.over();
    const call = takes(limits, ten, 4);
    call.answered(() => undefined);
    clock.advance(90_000);
    call.over();
    clock.advance(600_000);
    expect(limits.spent('extension 1')).toBeCloseTo(6);
    await limits.close();
    const again = world(writes.at(-1));
    await again.limits.start();
    expect(again.limits.spent('extension 1')).toBeCloseTo(6);
    const long = takes(again.limits, ten, 4);
    let ended = 0;
    long.answered(() => {
      ended++;
      long.over();
    });
    again.clock.advance(59_999);
    expect(ended).toBe(0);
    again.clock.advance(1);
    expect(ended).toBe(1);
    expect(again.limits.take(ten, 4)).toBe('extension 1 has used up its budget of 10 for today');
    again.clock.advance(86_400_000);
    takes(again.limits, ten, 4);
  });

  it('calls at once use a budget together, and one that ends leaves more time to the others', async () => {
    const { limits, clock } = world();
    await limits.start();
    const ten: Limited[] = [['trunk a', { dailyBudget: 10 }], ['route b', {}]];
    const ended: string[] = [];
    const up = (name: string): Taken => {
      const taken = takes(limits, ten, 1);
      taken.answered(() => {
        ended.push(name);
        taken.over();
      });
      return taken;
    };
    const first = up('first');
    clock.advance(120_000);
    up('second');
    up('third');
    clock.advance(60_000);
    expect(limits.spent('trunk a')).toBeCloseTo(5);
    first.over();
    clock.advance(149_000);
    expect(ended).toEqual([]);
    clock.advance(1001);
    expect(ended).toEqual(['second', 'third']);
    expect(limits.calls('trunk a')).toBe(0);
    expect(limits.spent('route b')).toBeCloseTo(10);
  });

  it('a call over midnight has the budget of the new day', async () => {
    const { limits, clock } = world();
    await limits.start();
    clock.advance(86_400_000 - 60_000);
    const call = takes(limits, [['a', { dailyBudget: 2 }]], 1);
    let ended = false;
    call.answered(() => (ended = true));
    clock.advance(120_000);
    expect(ended).toBe(false);
    clock.advance(121_000);
    expect(ended).toBe(true);
  });

  it('what a call costs is written while it is up', async () => {
    const { limits, clock, writes } = world();
    await limits.start();
    takes(limits, [['a', {}]], 2).answered(() => undefined);
    clock.advance(1000);
    clock.advance(60_000);
    await limits.close();
    expect(writes.map((text) => (JSON.parse(text) as { spent: Record<string, number> }).spent.a)).toEqual([expect.closeTo(2 / 60, 3), expect.closeTo(122 / 60, 3), expect.closeTo(122 / 60, 3)]);
  });

  it('goes on when the ledger cannot be written', async () => {
    const { limits, clock, failed, fail } = world();
    await limits.start();
    fail();
    const call = takes(limits, [['a', { dailyBudget: 10 }]], 1);
    call.answered(() => undefined);
    clock.advance(60_000);
    call.over();
    await limits.close();
    expect(failed).toHaveLength(2);
    expect(limits.spent('a')).toBeCloseTo(1);
  });
});

describe('digest', () => {
  const random = (bytes: number) => Buffer.alloc(bytes, 7);
  const me = { username: 'me', password: 'pw' };
  const cnonce = '07'.repeat(8);

  it.each<['MD5' | 'SHA-256', string]>([
    ['MD5', 'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=MD5, opaque="o"'],
    ['SHA-256', 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth", Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256, opaque="o"'],
    ['SHA-256', 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"\r\nDigest realm="r", nonce="n", qop=auth, algorithm=SHA-256, opaque="o"'],
  ])('answers with %s, the strongest that is offered', (algorithm, header) => {
    const response = hash(algorithm, `${hash(algorithm, 'me:r:pw')}:n:00000001:${cnonce}:auth:${hash(algorithm, 'INVITE:sip:x')}`);
    expect(answerChallenge(header, 'INVITE', 'sip:x', me, random)).toBe(
      `Digest username="me", realm="r", nonce="n", uri="sip:x", response="${response}", algorithm=${algorithm}, cnonce="${cnonce}", qop=auth, nc=00000001, opaque="o"`,
    );
  });

  it('answers the form of RFC 2069, and quotes what needs it', () => {
    const response = hash('MD5', `${hash('MD5', 'me:a "b":pw')}:n:${hash('MD5', 'REGISTER:sip:x')}`);
    expect(answerChallenge('digest realm="a \\"b\\"",nonce="n"', 'REGISTER', 'sip:x', me, random)).toBe(
      `Digest username="me", realm="a \\"b\\"", nonce="n", uri="sip:x", response="${response}", algorithm=MD5`,
    );
  });

  it.each(['Basic realm="r"', 'Digest realm="r"', 'Digest realm="r", nonce="n", algorithm=SHA-512', 'Digest realm="r", nonce="n", qop="auth-int"', ''])('leaves alone what it cannot answer: %s', (header) => {
    expect(answerChallenge(header, 'REGISTER', 'sip:x', me, random)).toBeUndefined();
  });

  it('knows when a nonce was only too old', () => {
    expect([isStale('Digest realm="r", nonce="n", stale=TRUE'), isStale('Digest realm="r", nonce="n"')]).toEqual([true, false]);
  });

  it('reads anything without failing', () => {
    fc.assert(fc.property(fc.string(), (text) => void challengesIn(`Digest ${text}`)));
  });
});

describe('addresses', () => {
  it('of hosts and networks', () => {
    expect([hostAndPort('a.example'), hostAndPort('a.example:5070'), hostAndPort('[2001:db8::1]:5080'), hostAndPort('192.0.2.1')]).toEqual([
      { host: 'a.example', port: undefined }, { host: 'a.example', port: 5070 }, { host: '2001:db8::1', port: 5080 }, { host: '192.0.2.1', port: undefined },
    ]);
    const all = networks(['192.0.2.0/24', '198.51.100.7', '2001:db8::/32', 'nonsense', '192.0.3.0/99']);
    expect(['192.0.2.9', '::ffff:192.0.2.9', '198.51.100.7', '2001:db8::5'].every((one) => contains(all, one))).toBe(true);
    expect(['198.51.100.8', '192.0.3.1', '2001:db9::1', 'x', ''].some((one) => contains(all, one))).toBe(false);
  });
});
