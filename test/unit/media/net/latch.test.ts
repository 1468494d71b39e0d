import { Latch, LATCH_WINDOW_MS } from '../../../../media/net/latch';
import { formatSockAddr, parseSockAddr, type SockAddr } from '../../../../media/net/address';

const at = (text: string): SockAddr => {
  const [host = '', port] = text.split(':');
  return parseSockAddr(host, Number(port))!;
};

const SDP = '192.0.2.1:4000';
const SAME_HOST = '192.0.2.1:61000';
const NAT = '198.51.100.7:2222';
const OTHER = '203.0.113.9:3333';

type Step =
  | { expect: string | undefined; ms?: number }
  | { relatch: boolean; ms?: number }
  | { from: string; ok: boolean; state: 'tentative' | 'locked'; target: string; ms?: number };

const W = LATCH_WINDOW_MS;

/** [what it shows, steps; `ms` is the time the step happens at] */
const cases: Array<[string, Step[]]> = [
  ['the SDP address locks at once', [{ expect: SDP }, { from: SDP, ok: true, state: 'locked', target: SDP }, { from: NAT, ok: false, state: 'locked', target: SDP }]],
  ['another address latches tentatively, and is sent to', [{ expect: SDP }, { from: NAT, ok: true, state: 'tentative', target: NAT }]],
  [
    'an intruder in front of the peer is thrown out by the SDP address',
    [
      { expect: SDP },
      { from: OTHER, ok: true, state: 'tentative', target: OTHER },
      { from: SDP, ok: true, state: 'locked', target: SDP, ms: 20 },
      { from: OTHER, ok: false, state: 'locked', target: SDP, ms: 40 },
    ],
  ],
  [
    'the SDP host with another port is better than elsewhere, worse than the SDP address',
    [
      { expect: SDP },
      { from: NAT, ok: true, state: 'tentative', target: NAT },
      { from: SAME_HOST, ok: true, state: 'tentative', target: SAME_HOST, ms: 1 },
      { from: NAT, ok: false, state: 'tentative', target: SAME_HOST, ms: 2 },
      { from: SDP, ok: true, state: 'locked', target: SDP, ms: 3 },
    ],
  ],
  [
    'a second stranger does not take over from the first',
    [{ expect: SDP }, { from: NAT, ok: true, state: 'tentative', target: NAT }, { from: OTHER, ok: false, state: 'tentative', target: NAT, ms: 1 }],
  ],
  [
    'when the window has passed a packet of the source locks',
    [
      { expect: SDP },
      { from: NAT, ok: true, state: 'tentative', target: NAT },
      { from: NAT, ok: true, state: 'tentative', target: NAT, ms: W - 1 },
      { from: NAT, ok: true, state: 'locked', target: NAT, ms: W },
      { from: SDP, ok: false, state: 'locked', target: NAT, ms: W + 1 },
    ],
  ],
  [
    'when the window has passed even the SDP address is too late',
    [{ expect: SDP }, { from: NAT, ok: true, state: 'tentative', target: NAT }, { from: SDP, ok: false, state: 'locked', target: NAT, ms: W }],
  ],
  [
    'before the answer anybody is taken, and the window begins with the answer',
    [
      { from: OTHER, ok: true, state: 'tentative', target: OTHER },
      { from: OTHER, ok: true, state: 'tentative', target: OTHER, ms: 60_000 },
      { expect: SDP, ms: 60_000 },
      { from: SDP, ok: true, state: 'locked', target: SDP, ms: 60_000 + W - 1 },
    ],
  ],
  [
    'early media from where the answer then says locks with the answer',
    [{ from: SDP, ok: true, state: 'tentative', target: SDP }, { expect: SDP, ms: 5 }, { from: OTHER, ok: false, state: 'locked', target: SDP, ms: 6 }],
  ],
  [
    'a new SDP address without relatch leaves a locked source',
    [{ expect: SDP }, { from: SDP, ok: true, state: 'locked', target: SDP }, { expect: OTHER, ms: 5 }, { from: OTHER, ok: false, state: 'locked', target: SDP, ms: 6 }],
  ],
  [
    'after a move, packets still coming from the old place give way to any other',
    [
      { expect: SDP },
      { from: NAT, ok: true, state: 'tentative', target: NAT },
      { from: NAT, ok: true, state: 'locked', target: NAT, ms: W },
      { relatch: true, ms: 10_000 },
      { expect: '192.0.2.50:4444', ms: 10_000 },
      { from: NAT, ok: true, state: 'tentative', target: '192.0.2.50:4444', ms: 10_001 },
      { from: OTHER, ok: true, state: 'tentative', target: OTHER, ms: 10_020 },
      { from: NAT, ok: false, state: 'tentative', target: OTHER, ms: 10_021 },
    ],
  ],
  [
    'relatched without a move, the old place is as good as any',
    [
      { expect: SDP },
      { from: NAT, ok: true, state: 'tentative', target: NAT },
      { from: NAT, ok: true, state: 'locked', target: NAT, ms: W },
      { relatch: false, ms: 10_000 },
      { from: NAT, ok: true, state: 'tentative', target: NAT, ms: 10_001 },
      { from: OTHER, ok: false, state: 'tentative', target: NAT, ms: 10_002 },
    ],
  ],
  [
    'an address that nothing can be sent to (hold of RFC 2543) leaves the source',
    [{ expect: SDP }, { from: SDP, ok: true, state: 'locked', target: SDP }, { expect: '0.0.0.0:4000', ms: 5 }, { from: SDP, ok: true, state: 'locked', target: SDP, ms: 6 }],
  ],
  [
    'no address at all forgets the source',
    [{ expect: SDP }, { from: SDP, ok: true, state: 'locked', target: SDP }, { expect: undefined, ms: 5 }, { from: NAT, ok: true, state: 'tentative', target: NAT, ms: 6 }],
  ],
];

test.each(cases)('%s', (_, steps) => {
  const latch = new Latch();
  for (const step of steps) {
    const now = step.ms ?? 0;
    if ('expect' in step) latch.expect(step.expect === undefined ? undefined : at(step.expect), now);
    else if ('relatch' in step) latch.relatch(step.relatch);
    else {
      const taken = latch.accept(at(step.from), now);
      expect({ taken, state: latch.state, target: latch.target && formatSockAddr(latch.target) }).toEqual({ taken: step.ok, state: step.state, target: step.target });
    }
  }
});

test('until the first packet the SDP address is sent to', () => {
  const latch = new Latch();
  expect(latch.target).toBeUndefined();
  latch.expect(at(SDP), 0);
  expect(formatSockAddr(latch.target!)).toBe(SDP);
  expect(latch.latched).toBeNull();
  expect(latch.announced).toBe(SDP);
});

test('a relatch goes back to the SDP address', () => {
  const latch = new Latch();
  latch.expect(at(SDP), 0);
  latch.accept(at(NAT), 0);
  expect(latch.latched).toBe(NAT);
  latch.relatch(latch.wouldMove(at(OTHER)));
  latch.expect(at(OTHER), 1);
  expect(formatSockAddr(latch.target!)).toBe(OTHER);
});

test('the source is copied: the array it came in is reused by the next packet', () => {
  const latch = new Latch();
  const reused = at(NAT);
  latch.accept(reused, 0);
  reused.set(at(OTHER));
  expect(latch.latched).toBe(NAT);
});

test('moves are counted', () => {
  const latch = new Latch();
  latch.expect(at(SDP), 0);
  for (const from of [NAT, NAT, SAME_HOST, SDP, NAT]) latch.accept(at(from), 1);
  expect(latch.moves).toBe(3);
});

test('the last packets from the place that was moved away from do not say where to send to; a source that goes on there does', () => {
  const moved = (): Latch => {
    const latch = new Latch();
    latch.expect(at(OTHER), 0);
    latch.accept(at(OTHER), 0);
    latch.relatch(latch.wouldMove(at(SDP)));
    latch.expect(at(SDP), 1000);
    expect(latch.accept(at(OTHER), 1010)).toBe(true);
    return latch;
  };
  const target = (latch: Latch): string => formatSockAddr(latch.target!);
  const goes = moved();
  expect(target(goes)).toBe(SDP);
  // however long it takes until it is heard from there
  expect(goes.accept(at(SDP), 1000 + 2 * W)).toBe(true);
  expect([goes.state, target(goes)]).toEqual(['locked', SDP]);
  const stays = moved();
  const { moves } = stays;
  expect(stays.accept(at(OTHER), 1400)).toBe(true);
  expect(target(stays)).toBe(SDP);
  expect(stays.accept(at(OTHER), 1520)).toBe(true);
  expect([target(stays), stays.moves]).toEqual([OTHER, moves + 1]);
  expect(stays.accept(at(OTHER), 1010 + W)).toBe(true);
  expect(stays.state).toBe('locked');
});
