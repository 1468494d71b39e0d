import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Nonces, type NonceVerdict } from '../../../signaling/app/nonces';
import { FakeClock } from '../../support/fake-clock';

const source = '192.0.2.7';

/** Nonces by their text, as a request brings them. */
class Desk {
  readonly clock = new FakeClock();
  private readonly nonces: Nonces;
  readonly issue: (source: string) => string;
  readonly stats: Nonces['stats'];

  constructor(max: number, lifetimeMs: number) {
    this.nonces = new Nonces({ lifetimeMs, max }, { clock: this.clock, random: randomBytes });
    this.issue = (from) => this.nonces.issue(from);
    this.stats = () => this.nonces.stats();
  }

  check(nonce: string, from: string, nc: number | undefined): NonceVerdict {
    const ticket = this.nonces.open(nonce, from);
    return ticket ? this.nonces.check(ticket, nc) : 'stale';
  }

  accept(nonce: string, from: string, nc: number | undefined): NonceVerdict {
    const ticket = this.nonces.open(nonce, from);
    return ticket ? this.nonces.accept(ticket, nc) : 'stale';
  }
}

function make(max = 100, lifetimeMs = 300_000): { clock: FakeClock; nonces: Desk } {
  const nonces = new Desk(max, lifetimeMs);
  return { clock: nonces.clock, nonces };
}

test('a nonce is 32 characters that need no quoting, and never the same', () => {
  const { nonces } = make();
  const issued = new Set(Array.from({ length: 100 }, () => nonces.issue(source)));
  expect(issued.size).toBe(100);
  for (const nonce of issued) expect(nonce).toMatch(/^[\w-]{32}$/);
});

test('handing out keeps nothing', () => {
  const { nonces } = make();
  for (let i = 0; i < 1000; i++) nonces.issue(source);
  expect(nonces.stats()).toEqual({ used: 0, issued: 1000, evicted: 0 });
});

test('good until its time is over', () => {
  const { clock, nonces } = make();
  const nonce = nonces.issue(source);
  clock.advance(299_999);
  expect(nonces.check(nonce, source, 1)).toBe('ok');
  clock.advance(1);
  expect(nonces.check(nonce, source, 1)).toBe('stale');
  expect(nonces.accept(nonce, source, 1)).toBe('stale');
});

test('checking uses nothing up', () => {
  const { nonces } = make();
  const nonce = nonces.issue(source);
  for (let i = 0; i < 3; i++) expect(nonces.check(nonce, source, 1)).toBe('ok');
  expect(nonces.accept(nonce, source, 1)).toBe('ok');
  expect(nonces.check(nonce, source, 1)).toBe('replay');
});

test('forged, foreign and garbled nonces are stale', () => {
  const { nonces } = make();
  const nonce = nonces.issue(source);
  const other = make().nonces.issue(source);
  for (let i = 0; i < nonce.length; i++) {
    const changed = nonce[i] === 'A' ? 'B' : 'A';
    expect(nonces.check(nonce.slice(0, i) + changed + nonce.slice(i + 1), source, 1)).toBe('stale');
  }
  for (const text of ['', 'x', other, `${nonce}A`, nonce.slice(1), 'é'.repeat(32), '!'.repeat(32)]) expect(nonces.check(text, source, 1)).toBe('stale');
  expect(nonces.check(nonce, '192.0.2.8', 1)).toBe('stale');
});

describe('counts', () => {
  test.each<[string, number[], string[]]>([
    ['rising', [1, 2, 3], ['ok', 'ok', 'ok']],
    ['the same again', [1, 1], ['ok', 'replay']],
    ['overtaken within the window', [1, 3, 2, 2], ['ok', 'ok', 'ok', 'replay']],
    ['31 behind', [40, 9, 9], ['ok', 'ok', 'replay']],
    ['32 behind', [40, 8], ['ok', 'replay']],
    ['the window moves on', [1, 33, 1, 2, 34, 2, 3], ['ok', 'ok', 'replay', 'ok', 'ok', 'replay', 'ok']],
    ['a far jump forgets what was before', [1, 1000, 1, 999, 1000], ['ok', 'ok', 'replay', 'ok', 'replay']],
    ['the highest count there is', [0xffffffff, 0xffffffff, 0xfffffffe], ['ok', 'replay', 'ok']],
  ])('%s', (_, counts, verdicts) => {
    const { nonces } = make();
    const nonce = nonces.issue(source);
    expect(counts.map((nc) => nonces.accept(nonce, source, nc))).toEqual(verdicts);
  });

  test('no count is accepted twice, and all within the window are accepted once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 60 }), (counts) => {
        const { nonces } = make();
        const nonce = nonces.issue(source);
        const accepted = new Set<number>();
        let highest = 0;
        for (const nc of counts) {
          const expected = !accepted.has(nc) && nc > highest - 32 ? 'ok' : 'replay';
          expect(nonces.accept(nonce, source, nc)).toBe(expected);
          if (expected === 'ok') accepted.add(nc);
          highest = Math.max(highest, ...accepted);
        }
      }),
    );
  });

  test('without counting: once', () => {
    const { nonces } = make();
    const nonce = nonces.issue(source);
    expect(nonces.accept(nonce, source, undefined)).toBe('ok');
    expect(nonces.accept(nonce, source, undefined)).toBe('replay');
    expect(nonces.accept(nonce, source, 1)).toBe('replay');
    expect(nonces.accept(nonce, source, 0xffffffff)).toBe('replay');
  });

  test('without counting after counting: not at all', () => {
    const { nonces } = make();
    const nonce = nonces.issue(source);
    expect(nonces.accept(nonce, source, 1)).toBe('ok');
    expect(nonces.accept(nonce, source, undefined)).toBe('replay');
  });
});

describe('a full table', () => {
  test('an evicted nonce is stale, not new', () => {
    const { nonces } = make(3);
    const issued = Array.from({ length: 4 }, () => nonces.issue(source));
    for (const nonce of issued) expect(nonces.accept(nonce, source, 1)).toBe('ok');
    expect(nonces.stats()).toMatchObject({ used: 3, evicted: 1 });
    expect(nonces.accept(issued[0] as string, source, 1)).toBe('stale');
    expect(nonces.accept(issued[0] as string, source, 2)).toBe('stale');
    // the others are remembered
    for (const nonce of issued.slice(1)) {
      expect(nonces.accept(nonce, source, 1)).toBe('replay');
      expect(nonces.accept(nonce, source, 2)).toBe('ok');
    }
  });

  test('nonces below the watermark that were never used are stale too, those above are good', () => {
    const { nonces } = make(1);
    const [a, unused, b, c] = Array.from({ length: 4 }, () => nonces.issue(source)) as [string, string, string, string];
    nonces.accept(b, source, 1);
    expect(nonces.accept(c, source, 1)).toBe('ok');
    expect(nonces.check(a, source, 1)).toBe('stale');
    expect(nonces.check(unused, source, 1)).toBe('stale');
    expect(nonces.check(nonces.issue(source), source, 1)).toBe('ok');
  });

  test('whatever is evicted, nothing is accepted twice and the table keeps its size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(19), { maxLength: 80 }), (max, uses) => {
        const { clock, nonces } = make(max, 30);
        const issued: string[] = [];
        const accepted = new Set<string>();
        for (const use of uses) {
          clock.advance(1);
          issued.push(nonces.issue(source));
          const nonce = issued[use % issued.length] as string;
          if (nonces.accept(nonce, source, 1) !== 'ok') continue;
          expect(accepted.has(nonce)).toBe(false);
          accepted.add(nonce);
          expect(nonces.stats().used).toBeLessThanOrEqual(max);
        }
      }),
    );
  });
});

test('records of expired nonces go when new ones come', () => {
  const { clock, nonces } = make();
  for (let i = 0; i < 10; i++) nonces.accept(nonces.issue(source), source, 1);
  clock.advance(300_000);
  nonces.accept(nonces.issue(source), source, 1);
  expect(nonces.stats()).toMatchObject({ used: 1, evicted: 0 });
});
