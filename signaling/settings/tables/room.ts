/** Conference rooms as they are set. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import { checkRoomNumber, fitsSimpleFormat, PARTY_LINE, ROOM_MEMBERS } from '../../numbers';
import type { Room } from '../../store/store';
import { label, numberBy } from '../fields';
import { kind, type Problem, type Value } from '../kind';

const pin = z.string().regex(/^\d{3,10}$/, 'must be 3 to 10 digits').nullable().default(null);

const schema = z.object({
  number: numberBy((number) => number === PARTY_LINE || checkRoomNumber(number)).describe('2 to 15 digits that nothing else has'),
  name: label.min(1).nullable().default(null).describe('What it is called'),
  pin: pin.describe('What members enter; null: everybody may come'),
  moderatorPin: pin.describe('What makes one a moderator; null: nobody is'),
  maxMembers: z.int().min(1).max(ROOM_MEMBERS.most).default(ROOM_MEMBERS.default).describe('How many may be in it at once'),
  announce: z.boolean().default(false).describe('Members say their name, which the others hear when they come and go'),
  simple: z.boolean().default(false).describe('Clients of the simple packet format may come in, without a PIN'),
  startMuted: z.boolean().default(false).describe('Members are muted when they come'),
  waitForModerator: z.boolean().default(false).describe('Members hear music until a moderator is there'),
  record: z.boolean().default(false).describe('What is said is to be recorded (a wish: nothing records rooms yet)'),
});

export const room = kind({
  name: 'room',
  plural: 'rooms',
  meaning: 'a conference room',
  key: 'number',
  schema,
  example: { number: '8100', name: 'Monday', pin: '4711', moderatorPin: '9302', waitForModerator: true },
  secrets: ['pin', 'moderatorPin'],
  check: ({ number, pin: members, moderatorPin, waitForModerator, simple }) => {
    const problems: Problem[] = [];
    if (members !== null && members === moderatorPin) problems.push({ field: 'moderatorPin', problem: 'must be another than the PIN of members' });
    if (waitForModerator && moderatorPin === null) problems.push({ field: 'waitForModerator', problem: 'needs a moderatorPin, or nobody could begin' });
    if (simple && !fitsSimpleFormat(number)) problems.push({ field: 'simple', problem: `needs a number from 1 to 65535 without a 0 in front: the format has 16 bits for it` });
    return problems;
  },
  kept: {
    owner: 'conference room',
    list: async (parts, page) => (await parts.rooms.list(page)).map(valueOf),
    get: async (parts, key) => {
      const one = await parts.rooms.get(key);
      return one && valueOf(one);
    },
    put: async (parts, number, value, before, { now }) => {
      const { number: _key, ...settings } = value as z.output<typeof schema>;
      if (before) await parts.rooms.update(number, settings);
      else await parts.rooms.add({ number, ...settings, createdAt: now });
      return undefined;
    },
    remove: async (parts, key) => {
      if (key === PARTY_LINE) throw new OffhookError('room.party-line', { number: key });
      return parts.rooms.remove(key);
    },
    permanent: (key) => key === PARTY_LINE,
  },
});

function valueOf({ createdAt: _at, ...settings }: Room): Value {
  return settings;
}
