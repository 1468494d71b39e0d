/** Mailboxes and the messages in them over SQL. */
import type { Kysely } from 'kysely';
import { OffhookError } from '../errors';
import type { MailboxRow, Schema } from './schema';
import type { Access } from './sql-store';
import type { Mailbox, VoiceMessage, Voicemail } from './types';

export function sqlVoicemail({ db, atomically }: Access): Voicemail {
  return {
    async mailbox(number) {
      const row = await db().selectFrom('mailbox').selectAll().where('number', '=', number).executeTakeFirst();
      return fromBox(row ?? fresh(number));
    },

    async mailboxes() {
      return (await db().selectFrom('mailbox').selectAll().orderBy('number').execute()).map(fromBox);
    },

    async set(number, { enabled, pin, email, greeting }) {
      const patch = {
        ...(enabled !== undefined && { enabled: Number(enabled) }),
        ...(pin !== undefined && { pin }),
        ...(email !== undefined && { email }),
        ...(greeting !== undefined && { greeting }),
      };
      await atomically(async (tx) => {
        await ensure(tx, number);
        if (Object.keys(patch).length > 0) await tx.updateTable('mailbox').set(patch).where('number', '=', number).execute();
      });
    },

    async begin({ mailbox, from, fromName, receivedAt, file }, max) {
      return atomically(async (tx) => {
        await ensure(tx, mailbox);
        const { count } = await tx.selectFrom('voiceMessage').select((eb) => eb.fn.countAll().as('count')).where('mailbox', '=', mailbox).executeTakeFirstOrThrow();
        if (Number(count) >= max) return undefined;
        await tx.updateTable('mailbox').set((eb) => ({ lastId: eb('lastId', '+', 1) })).where('number', '=', mailbox).execute();
        const { lastId } = await tx.selectFrom('mailbox').select('lastId').where('number', '=', mailbox).executeTakeFirstOrThrow();
        const message: VoiceMessage = { mailbox, id: Number(lastId), state: 'recording', from, fromName, receivedAt, durationMs: 0, file, mailAt: null, mailTries: 0 };
        await tx.insertInto('voiceMessage').values(message).execute();
        return message;
      });
    },

    async get(mailbox, id) {
      const row = await db().selectFrom('voiceMessage').selectAll().where('mailbox', '=', mailbox).where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async list({ mailbox, state } = {}) {
      let query = db().selectFrom('voiceMessage').selectAll().orderBy('mailbox').orderBy('id');
      if (mailbox !== undefined) query = query.where('mailbox', '=', mailbox);
      if (state !== undefined) query = query.where('state', '=', state);
      return (await query.execute()).map(fromRow);
    },

    async due(before, limit) {
      const query = db().selectFrom('voiceMessage').selectAll().where('mailAt', '<=', before).orderBy('mailAt').orderBy('mailbox').orderBy('id').limit(limit);
      return (await query.execute()).map(fromRow);
    },

    async nextDue() {
      const row = await db().selectFrom('voiceMessage').select('mailAt').where('mailAt', 'is not', null).orderBy('mailAt').limit(1).executeTakeFirst();
      return row?.mailAt == null ? undefined : Number(row.mailAt);
    },

    async counts(mailbox) {
      const rows = await db()
        .selectFrom('voiceMessage')
        .select((eb) => ['state', eb.fn.countAll().as('count')])
        .where('mailbox', '=', mailbox)
        .groupBy('state')
        .execute();
      const of = (state: string) => Number(rows.find((row) => row.state === state)?.count ?? 0);
      return { new: of('new'), saved: of('saved') };
    },

    async allCounts() {
      const rows = await db()
        .selectFrom('voiceMessage')
        .select((eb) => ['mailbox', 'state', eb.fn.countAll().as('count')])
        .where('state', 'in', ['new', 'saved'])
        .groupBy(['mailbox', 'state'])
        .execute();
      const all = new Map<string, { new: number; saved: number }>();
      for (const { mailbox, state, count } of rows) {
        const counts = all.get(mailbox) ?? { new: 0, saved: 0 };
        counts[state as 'new' | 'saved'] = Number(count);
        all.set(mailbox, counts);
      }
      return all;
    },

    async update(mailbox, id, { state, durationMs, mailAt, mailTries }) {
      // Setting the id to itself keeps the statement valid when nothing else changes.
      const patch = {
        id,
        ...(state !== undefined && { state }),
        ...(durationMs !== undefined && { durationMs }),
        ...(mailAt !== undefined && { mailAt }),
        ...(mailTries !== undefined && { mailTries }),
      };
      const { numUpdatedRows: updated } = await db().updateTable('voiceMessage').set(patch).where('mailbox', '=', mailbox).where('id', '=', id).executeTakeFirst();
      return updated > 0n;
    },

    async remove(mailbox, id) {
      const { numDeletedRows: removed } = await db().deleteFrom('voiceMessage').where('mailbox', '=', mailbox).where('id', '=', id).executeTakeFirst();
      return removed > 0n;
    },
  };
}

/** A row for the mailbox of an extension that has none yet. Errors: `store.not-found`. */
async function ensure(tx: Kysely<Schema>, number: string): Promise<void> {
  const extension = await tx.selectFrom('extension').select('number').where('number', '=', number).executeTakeFirst();
  if (!extension) throw new OffhookError('store.not-found', { number });
  await tx.insertInto('mailbox').values(fresh(number)).onConflict((conflict) => conflict.doNothing()).execute();
}

const fresh = (number: string): MailboxRow => ({ number, enabled: 1, pin: null, email: null, greeting: null, lastId: 0 });

const fromBox = ({ number, enabled, pin, email, greeting }: MailboxRow): Mailbox => ({ number, enabled: Number(enabled) !== 0, pin, email, greeting });

/** Drivers may hand out 64-bit integers as text. */
const fromRow = (row: VoiceMessage): VoiceMessage => ({
  ...row,
  id: Number(row.id),
  receivedAt: Number(row.receivedAt),
  durationMs: Number(row.durationMs),
  mailAt: row.mailAt === null ? null : Number(row.mailAt),
  mailTries: Number(row.mailTries),
});
