import { RemoteBarrier } from '../../../../signaling/engine/barrier';
import { Outbox, type OutboxOptions } from '../../../../signaling/engine/control/outbox';
import { FakeClock } from '../../../support/fake-clock';

function setUp(options: OutboxOptions): { clock: FakeClock; box: Outbox; sent: string[]; now: (text: string, opens?: string) => void; after: (key: string, text: string, opens?: boolean) => void } {
  const clock = new FakeClock();
  const sent: string[] = [];
  const box = new Outbox(
    (frame, flushed) => {
      sent.push(frame);
      flushed?.();
    },
    clock,
    options,
  );
  return {
    clock,
    box,
    sent,
    now: (text, opens) => box.now(text, opens),
    after: (key, text, opens) => box.after(key, text, opens),
  };
}

describe('with a gap', () => {
  test('what follows waits, in order; everything else passes', () => {
    const { clock, sent, now, after } = setUp({ gapMs: 3 });
    now('echo', 'a');
    after('a', '180');
    after('a', '200');
    after('b', 'other');
    now('pong');
    expect(sent).toEqual(['echo', 'other', 'pong']);
    clock.advance(2.9);
    expect(sent).toHaveLength(3);
    clock.advance(0.1);
    expect(sent.slice(3)).toEqual(['180', '200']);
    after('a', 'BYE');
    expect(sent.at(-1)).toBe('BYE');
  });

  test('a waiting frame that opens closes the gate behind itself', () => {
    const { clock, sent, now, after } = setUp({ gapMs: 3 });
    now('echo', 'a');
    after('a', '200', true);
    after('a', 'BYE');
    clock.advance(3);
    expect(sent).toEqual(['echo', '200']);
    clock.advance(3);
    expect(sent).toEqual(['echo', '200', 'BYE']);
  });

  test('the gap counts from the newest echo', () => {
    const { clock, sent, now, after } = setUp({ gapMs: 3 });
    now('first', 'a');
    clock.advance(2);
    now('second', 'a');
    after('a', 'answer');
    clock.advance(2);
    expect(sent).toEqual(['first', 'second']);
    clock.advance(1);
    expect(sent.at(-1)).toBe('answer');
  });

  test('long after the echo nothing waits, and nothing is kept', () => {
    const { clock, sent, now, after } = setUp({ gapMs: 3 });
    now('echo', 'a');
    clock.advance(10);
    after('a', 'answer');
    expect(sent).toEqual(['echo', 'answer']);
    expect(clock.waiting).toBe(0);
  });

  test('no gap at all: nothing waits', () => {
    const { sent, now, after } = setUp({ gapMs: 0 });
    now('echo', 'a');
    after('a', 'answer');
    expect(sent).toEqual(['echo', 'answer']);
  });

  test('closed: nothing leaves any more', () => {
    const { clock, box, sent, now, after } = setUp({ gapMs: 3 });
    now('echo', 'a');
    after('a', 'answer');
    box.close();
    clock.advance(10);
    now('late');
    after('b', 'later');
    expect(sent).toEqual(['echo']);
  });
});

describe('with a barrier', () => {
  test('what follows waits until the application has read, and at least the gap', () => {
    const asked: Array<() => void> = [];
    const { clock, sent, now, after } = setUp({ gapMs: 1, barrier: (read) => void asked.push(read) });
    now('echo', 'a');
    after('a', 'answer');
    clock.advance(50);
    expect(sent).toEqual(['echo']);
    asked[0]!();
    expect(sent).toEqual(['echo', 'answer']);

    now('echo2', 'b');
    after('b', 'answer2');
    asked[1]!();
    expect(sent.at(-1)).toBe('echo2');
    clock.advance(1);
    expect(sent.at(-1)).toBe('answer2');
    expect(clock.waiting).toBe(0);
  });

  test('a barrier that never answers does not hold up for ever', () => {
    const { clock, sent, now, after } = setUp({ gapMs: 1, barrier: () => undefined });
    now('echo', 'a');
    after('a', 'answer');
    clock.advance(2000);
    expect(sent).toEqual(['echo', 'answer']);
    expect(clock.waiting).toBe(0);
  });

  test('an answer to an older question opens nothing', () => {
    const asked: Array<() => void> = [];
    const { clock, sent, now, after } = setUp({ gapMs: 1, barrier: (read) => void asked.push(read) });
    now('first', 'a');
    now('second', 'a');
    after('a', 'answer');
    clock.advance(5);
    asked[0]!();
    expect(sent).toEqual(['first', 'second']);
    asked[1]!();
    expect(sent.at(-1)).toBe('answer');
  });
});

test('one question is under way at a time; what comes up meanwhile travels with the next', () => {
  const ids: number[] = [];
  const barrier = new RemoteBarrier((id) => void ids.push(id));
  const read: string[] = [];
  barrier.wait(() => read.push('a'));
  barrier.wait(() => read.push('b'));
  barrier.wait(() => read.push('c'));
  expect(ids).toEqual([1]);
  barrier.answered(1);
  expect([read, ids]).toEqual([['a'], [1, 2]]);
  barrier.answered(1);
  expect(read).toEqual(['a']);
  barrier.answered(2);
  expect([read, ids]).toEqual([['a', 'b', 'c'], [1, 2]]);
});

test('who asks while an answer is told waits for an answer of its own', () => {
  const ids: number[] = [];
  const barrier = new RemoteBarrier((id) => void ids.push(id));
  const read: string[] = [];
  barrier.wait(() => {
    read.push('first');
    barrier.wait(() => read.push('second'));
  });
  barrier.wait(() => read.push('waiting'));
  barrier.answered(1);
  expect([read, ids]).toEqual([['first'], [1, 2]]);
  barrier.answered(2);
  expect(read).toEqual(['first', 'waiting', 'second']);
});

test('one that fails holds up nobody who asks later', () => {
  const ids: number[] = [];
  const barrier = new RemoteBarrier((id) => void ids.push(id));
  const read: string[] = [];
  barrier.wait(() => {
    throw new Error('broken');
  });
  barrier.wait(() => read.push('meanwhile'));
  expect(() => barrier.answered(1)).toThrow('broken');
  barrier.answered(2);
  barrier.wait(() => read.push('later'));
  barrier.answered(3);
  expect([read, ids]).toEqual([['meanwhile', 'later'], [1, 2, 3]]);
});
