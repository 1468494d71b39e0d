import { Gathered } from '../../../signaling/app/gathered';
import { FakeClock } from '../../support/fake-clock';

function make(): { clock: FakeClock; gathered: Gathered; dealt: string[] } {
  const clock = new FakeClock();
  const dealt: string[] = [];
  return { clock, dealt, gathered: new Gathered(100, clock, (name) => dealt.push(`${name} ${clock.now()}`)) };
}

test('each waits between one and two times, by one timer', () => {
  const { clock, gathered, dealt } = make();
  gathered.add('a');
  clock.advance(99);
  gathered.add('b');
  expect(clock.waiting).toBe(1);
  clock.advance(2);
  gathered.add('c');
  clock.advance(1000);
  expect(dealt).toEqual(['a 200', 'b 200', 'c 300']);
  expect(clock.waiting).toBe(0);
});

test('a name that waits is dealt with once; one that was dealt with may come again', () => {
  const { clock, gathered, dealt } = make();
  gathered.add('a');
  gathered.add('a');
  clock.advance(150);
  gathered.add('a');
  clock.advance(1000);
  gathered.add('a');
  clock.advance(1000);
  expect(dealt).toEqual(['a 200', 'a 1350']);
});

test('closed, nothing is dealt with any more', () => {
  const { clock, gathered, dealt } = make();
  gathered.add('a');
  gathered.close();
  gathered.add('b');
  clock.advance(1000);
  expect([dealt, clock.waiting]).toEqual([[], 0]);
});
