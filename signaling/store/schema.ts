/** The tables as Kysely sees them. Columns are named as the fields of `store.ts`; HA1s are two columns. */
import type { Delivery } from './delivery-types';
import type { TextMessage } from './text-types';
import type { CallRow } from './record-types';
import type { Contact, Extension, Item, Mailbox, Recording, Room, Token, VoiceMessage } from './types';

export interface ExtensionRow extends Omit<Extension, 'ha1' | 'diversion' | 'settings'> {
  ha1Md5: string;
  ha1Sha256: string;
  divertAlways: string | null;
  divertBusy: string | null;
  divertNoAnswer: string | null;
  divertOffline: string | null;
  ringSeconds: number | null;
  /** 0 or 1. */
  doNotDisturb: number;
  /** JSON; null: nothing is set. */
  settings: string | null;
}

export interface ItemRow extends Omit<Item, 'value'> {
  /** JSON. */
  value: string;
  /** The key where it can be dialled: nothing else has that number. */
  dialled: string | null;
}

export interface MailboxRow extends Omit<Mailbox, 'enabled'> {
  /** 0 or 1: SQLite knows no truth. */
  enabled: number;
  /** The id given last. */
  lastId: number;
}

/** `details` as JSON. */
export interface CallRecordRow extends Omit<CallRow, 'details'> {
  details: string;
}

export interface MetaRow {
  key: string;
  value: string;
}

/** What is yes or no is 1 or 0. */
export type RoomRow = { [K in keyof Room]: Room[K] extends boolean ? number : Room[K] };

export interface Schema {
  extension: ExtensionRow;
  contact: Contact;
  meta: MetaRow;
  recording: Recording;
  mailbox: MailboxRow;
  voiceMessage: VoiceMessage;
  room: RoomRow;
  token: Token;
  item: ItemRow;
  callRecord: CallRecordRow;
  textMessage: TextMessage;
  delivery: Delivery;
}
