/** The door to the store. */
import type { SqliteOptions } from './sqlite';
import type { Store } from './types';

export type { Deliveries, Delivery } from './delivery-types';
export type { TextMessage, TextMessageFilter, TextMessages } from './text-types';
export type { CallClass, Contact, ContactKey, Contacts, Diversion, Extension, ExtensionPatch, Extensions, ExtensionSettings, FindMe, Item, Items, Mailbox, MailboxPatch, Meta, Page, Recording, RecordingEnd, RecordingFilter, Recordings, Room, RoomPatch, Rooms, Store, StoreParts, Token, Tokens, Voicemail, VoiceMessage, VoiceMessageKey, VoiceMessagePatch } from './types';

export type { CallDetails, CallFilter, CallRecordRows, CallRow, LegDetails, LegSound } from './record-types';

export { noDiversion } from './types';

export type StoreOptions = SqliteOptions;

/**
 * Opens the store in a data folder, making the folder and the database when they are missing.
 * Errors: `store.missing`, `store.unwritable`, `store.not-a-database`, `store.corrupt`, `store.newer`, `store.busy`.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  // Loaded when it is opened: a phone, or a look at the help, has no database.
  const { openSqliteStore } = require('./sqlite') as typeof import('./sqlite');
  return openSqliteStore(options);
}
