/** Conference rooms as they are shown. A PIN is for guests, so `show` tells it; lists, which others look at too, say only that there is one. */
import type { Room } from '../store/store';
import { columns } from './columns';

export function roomJson({ createdAt, ...room }: Room): Record<string, unknown> {
  return { ...room, createdAt: createdAt === 0 ? null : new Date(createdAt).toISOString() };
}

export function roomTable(rooms: readonly Room[]): string {
  const rows = rooms.map((room) => [room.number, room.name ?? '', pins(room), String(room.maxMembers), yes(room.announce), yes(room.simple)]);
  return columns([['NUMBER', 'NAME', 'PIN', 'MAX', 'NAMES', 'SIMPLE'], ...rows]);
}

export function roomDetails(room: Room): string {
  return columns([
    ['number', room.number],
    ['name', room.name ?? '-'],
    ['PIN', room.pin ?? '-'],
    ['moderator PIN', room.moderatorPin ?? '-'],
    ['members at most', String(room.maxMembers)],
    ['names announced', yes(room.announce)],
    ['simple packet format', yes(room.simple)],
    ['members start muted', yes(room.startMuted)],
    ['waits for a moderator', yes(room.waitForModerator)],
    ['recorded', yes(room.record)],
  ]);
}

const yes = (value: boolean): string => (value ? 'yes' : 'no');

const pins = ({ pin, moderatorPin }: Room): string => (pin !== null && moderatorPin !== null ? 'both' : pin !== null ? 'yes' : moderatorPin !== null ? 'moderators' : 'no');
