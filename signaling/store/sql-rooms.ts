/** Conference rooms over SQL. Yes and no are 1 and 0, which every database has. */
import { OffhookError } from '../errors';
import { paged } from './page';
import type { RoomRow } from './schema';
import type { Access } from './sql-store';
import type { Room, RoomPatch, Rooms } from './types';

export function sqlRooms({ db }: Access): Rooms {
  return {
    async get(number) {
      const row = await db().selectFrom('room').selectAll().where('number', '=', number).executeTakeFirst();
      return row && fromRow(row);
    },

    async list(page) {
      return (await paged(db().selectFrom('room').selectAll(), 'number', page).execute()).map(fromRow);
    },

    async add(room) {
      const insert = db().insertInto('room').values(toRow(room)).onConflict((conflict) => conflict.doNothing());
      const { numInsertedOrUpdatedRows: added } = await insert.executeTakeFirst();
      if (!added) throw new OffhookError('store.room-exists', { number: room.number });
    },

    async update(number, patch) {
      // as for extensions: a statement that says whether there is such a row, also when nothing changes
      const update = db().updateTable('room').set({ number, ...toPatch(patch) }).where('number', '=', number);
      const { numUpdatedRows: updated } = await update.executeTakeFirst();
      if (!updated) throw new OffhookError('store.room-not-found', { number });
    },

    async remove(number) {
      const { numDeletedRows: removed } = await db().deleteFrom('room').where('number', '=', number).executeTakeFirst();
      return removed > 0n;
    },
  };
}

const bit = (yes: boolean): number => (yes ? 1 : 0);

function fromRow({ announce, simple, startMuted, waitForModerator, record, ...row }: RoomRow): Room {
  return {
    ...row,
    maxMembers: Number(row.maxMembers),
    announce: Number(announce) !== 0,
    simple: Number(simple) !== 0,
    startMuted: Number(startMuted) !== 0,
    waitForModerator: Number(waitForModerator) !== 0,
    record: Number(record) !== 0,
    createdAt: Number(row.createdAt),
  };
}

function toRow(room: Room): RoomRow {
  const { number, name, pin, moderatorPin, maxMembers, createdAt } = room;
  return {
    number, name, pin, moderatorPin, maxMembers, createdAt,
    announce: bit(room.announce), simple: bit(room.simple), startMuted: bit(room.startMuted), waitForModerator: bit(room.waitForModerator), record: bit(room.record),
  };
}

function toPatch({ name, pin, moderatorPin, maxMembers, announce, simple, startMuted, waitForModerator, record }: RoomPatch): Partial<RoomRow> {
  return {
    ...(name !== undefined && { name }),
    ...(pin !== undefined && { pin }),
    ...(moderatorPin !== undefined && { moderatorPin }),
    ...(maxMembers !== undefined && { maxMembers }),
    ...(announce !== undefined && { announce: bit(announce) }),
    ...(simple !== undefined && { simple: bit(simple) }),
    ...(startMuted !== undefined && { startMuted: bit(startMuted) }),
    ...(waitForModerator !== undefined && { waitForModerator: bit(waitForModerator) }),
    ...(record !== undefined && { record: bit(record) }),
  };
}
