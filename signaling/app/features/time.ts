/** `*60`: the time, said three times and marked by a beep each. */
import type { Clock } from '../../clock';
import { exactly, type Feature } from '../feature';

const BREATH_MS = 400;
const BETWEEN_MS = 2000;
const TIMES = 3;

export interface TimeDeps {
  clock: Pick<Clock, 'wall'>;
  /** Prompts that say the time of day of a moment. */
  sayTime: (when: Date) => readonly string[];
}

export function time({ clock, sayTime }: TimeDeps): Feature {
  return {
    name: 'time',
    numbers: [exactly('*60', 'the time')],
    async answer(call) {
      await call.answer();
      await call.pause(BREATH_MS);
      for (let said = 0; said < TIMES; said++) {
        await call.say(['the-time-is', ...sayTime(clock.wall())]);
        await call.play([{ silenceMs: 300 }, { tone: 'beep' }]);
        await call.pause(BETWEEN_MS);
      }
      await call.say(['goodbye']);
    },
  };
}
