/** `*43`: the caller hears itself, which shows at once whether sound goes both ways and how late it comes. */
import { exactly, type Feature } from '../feature';

/** The way of the sound opens with the first packets (NAT, latching); a sentence that begins at once loses its first word. */
const BREATH_MS = 400;

export function echo(): Feature {
  return {
    name: 'echo test',
    numbers: [exactly('*43', 'echo test: you hear yourself')],
    async answer(call) {
      await call.answer();
      await call.pause(BREATH_MS);
      // whoever knows it presses a key
      await call.say(['echo-test'], { interrupt: true });
      await call.join(`echo:${call.id}`, { echo: true });
      await call.ended;
    },
  };
}
