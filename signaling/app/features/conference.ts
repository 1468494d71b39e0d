/**
 * Rooms in which everybody hears everybody: `8000`, the party line, and those that `offhook room` makes.
 *
 * What a room is comes from the store and may change at any time; who is in it is `conference/room.ts`; a caller's way in is
 * `conference/visit.ts`; what can be done from outside is `conference/conferences.ts`.
 */
import { PARTY_LINE } from '../../numbers';
import { exactly, type Feature } from '../feature';
import { refuse } from '../reasons';
import type { Conferences } from './conference/conferences';
import { visit } from './conference/visit';

export { Conferences } from './conference/conferences';
export { nameFiles } from './conference/names';
export type { ConferenceDeps } from './conference/deps';

export function conference(conferences: Conferences): Feature {
  const rooms = { pattern: 'a conference room', meaning: 'who dials it meets the others there (offhook room)' };
  return {
    name: 'conference',
    numbers: [
      { ...exactly(PARTY_LINE, 'the party line: a conference that everybody can dial'), matches: (_number, id) => (id === PARTY_LINE ? { room: id } : undefined), room: () => PARTY_LINE },
      { ...rooms, matches: (_number, id) => (conferences.has(id) ? { room: id } : undefined), room: ({ room }) => room as string },
    ],
    // one who only listens, muted, may send nothing for as long as it lasts
    silence: 'asks',
    async answer(call, { room: number = '' }) {
      const room = conferences.find(number);
      // removed in this very moment
      if (!room) return call.hangup(refuse('unknown-number', number));
      await visit(call, room, conferences.context);
    },
  };
}
