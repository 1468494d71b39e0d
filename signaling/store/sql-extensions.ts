/** Extensions over SQL. */
import { OffhookError } from '../errors';
import { paged } from './page';
import type { ExtensionRow } from './schema';
import type { Access } from './sql-store';
import { noDiversion, type Diversion, type Extension, type ExtensionPatch, type Extensions, type ExtensionSettings } from './types';

export function sqlExtensions({ db, atomically }: Access): Extensions {
  return {
    async get(number) {
      const row = await db().selectFrom('extension').selectAll().where('number', '=', number).executeTakeFirst();
      return row && fromRow(row);
    },

    async list(page) {
      return (await paged(db().selectFrom('extension').selectAll(), 'number', page).execute()).map(fromRow);
    },

    async count() {
      const { count } = await db().selectFrom('extension').select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow();
      return Number(count);
    },

    async add(extension) {
      const insert = db().insertInto('extension').values(toRow(extension)).onConflict((conflict) => conflict.doNothing());
      const { numInsertedOrUpdatedRows: added } = await insert.executeTakeFirst();
      if (!added) throw new OffhookError('store.exists', { number: extension.number });
    },

    async update(number, patch) {
      // Setting the number to itself keeps the statement valid when nothing else changes; it still tells whether there is such a row.
      const update = db().updateTable('extension').set({ number, ...toPatch(patch) }).where('number', '=', number);
      const { numUpdatedRows: updated } = await update.executeTakeFirst();
      if (!updated) throw new OffhookError('store.not-found', { number });
    },

    async remove(number) {
      return atomically(async (tx) => {
        await tx.deleteFrom('contact').where('extension', '=', number).execute();
        await tx.deleteFrom('voiceMessage').where('mailbox', '=', number).execute();
        await tx.deleteFrom('textMessage').where('to', '=', number).where('state', '=', 'queued').execute();
        await tx.deleteFrom('mailbox').where('number', '=', number).execute();
        const { numDeletedRows: removed } = await tx.deleteFrom('extension').where('number', '=', number).executeTakeFirst();
        return removed > 0n;
      });
    },
  };
}

function fromRow({ ha1Md5, ha1Sha256, divertAlways, divertBusy, divertNoAnswer, divertOffline, ringSeconds, doNotDisturb, settings, ...row }: ExtensionRow): Extension {
  const diversion: Diversion = { always: divertAlways, busy: divertBusy, noAnswer: divertNoAnswer, offline: divertOffline, ringSeconds, doNotDisturb: doNotDisturb !== 0 };
  const set = Object.values(diversion).some((value) => value !== null && value !== false);
  return { ...row, ha1: { md5: ha1Md5, sha256: ha1Sha256 }, ...(set && { diversion }), ...(settings !== null && { settings: JSON.parse(settings) as ExtensionSettings }), createdAt: Number(row.createdAt) };
}

function toRow({ ha1, diversion, settings, ...extension }: Extension): ExtensionRow {
  return { ...extension, ha1Md5: ha1.md5, ha1Sha256: ha1.sha256, settings: settingsJson(settings), ...(toColumns({ ...noDiversion, ...diversion }) as DiversionColumns) };
}

function toPatch({ name, ha1, media, srtp, recording, diversion, settings }: ExtensionPatch): Partial<ExtensionRow> {
  return {
    ...(name !== undefined && { name }),
    ...(media !== undefined && { media }),
    ...(srtp !== undefined && { srtp }),
    ...(recording !== undefined && { recording }),
    ...(diversion !== undefined && toColumns(diversion)),
    ...(settings !== undefined && { settings: settingsJson(settings) }),
    ...(ha1 !== undefined && { ha1Md5: ha1.md5, ha1Sha256: ha1.sha256 }),
  };
}

const settingsJson = (settings: ExtensionSettings | undefined): string | null => (settings && Object.keys(settings).length > 0 ? JSON.stringify(settings) : null);

type DiversionColumns = Pick<ExtensionRow, 'divertAlways' | 'divertBusy' | 'divertNoAnswer' | 'divertOffline' | 'ringSeconds' | 'doNotDisturb'>;

function toColumns({ always, busy, noAnswer, offline, ringSeconds, doNotDisturb }: Partial<Diversion>): Partial<DiversionColumns> {
  return {
    ...(always !== undefined && { divertAlways: always }),
    ...(busy !== undefined && { divertBusy: busy }),
    ...(noAnswer !== undefined && { divertNoAnswer: noAnswer }),
    ...(offline !== undefined && { divertOffline: offline }),
    ...(ringSeconds !== undefined && { ringSeconds }),
    ...(doNotDisturb !== undefined && { doNotDisturb: doNotDisturb ? 1 : 0 }),
  };
}
