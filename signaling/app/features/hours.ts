/**
 * `*55CODE`: opens what is closed, or closes what is open, by hand; again: the times decide. What opening hours are is `signaling/opening-hours.ts`.
 */
import type { Clock } from '../../clock';
import { isOpen, type OpeningHours } from '../../opening-hours';
import type { Feature } from '../feature';

const BREATH_MS = 400;
const CODE = /^\*55(\d{1,6})$/;

export interface HoursDeps {
  clock: Pick<Clock, 'wall'>;
  /** Those with this code in the tenant of that extension, which may set them; 'not-allowed': it may not. */
  byCode(code: string, extension: string): { name: string; hours: OpeningHours } | 'not-allowed' | undefined;
  /** Errors: the store's. */
  override(name: string, to: OpeningHours['override']): Promise<void>;
}

export const openingHours = ({ clock, byCode, override }: HoursDeps): Feature => ({
  name: 'opening hours',
  numbers: [
    {
      pattern: '*55CODE',
      meaning: 'opens or closes by hand, and takes that back (opening hours)',
      matches: (dialled) => {
        const [, code] = CODE.exec(dialled) ?? [];
        return code === undefined ? undefined : { code };
      },
    },
  ],
  async answer(call, { code = '' }) {
    await call.answer();
    await call.pause(BREATH_MS);
    const found = byCode(code, call.caller.number);
    if (found === undefined || found === 'not-allowed') {
      await call.say([found ?? 'not-right', 'goodbye']);
      return;
    }
    const { name, hours } = found;
    const to = hours.override !== null ? null : isOpen(hours, clock.wall()) ? 'closed' : 'open';
    await override(name, to);
    await call.say([to === null ? 'hours-by-the-clock' : to === 'open' ? 'hours-open' : 'hours-closed', 'goodbye']);
  },
});
