/** The tables as Kysely sees them. Columns are named as the fields of `store.ts`; HA1s are two columns. */
import type { Contact, Extension, Recording } from './types';

export interface ExtensionRow extends Omit<Extension, 'ha1'> {
  ha1Md5: string;
  ha1Sha256: string;
}

export interface MetaRow {
  key: string;
  value: string;
}

export interface Schema {
  extension: ExtensionRow;
  contact: Contact;
  meta: MetaRow;
  recording: Recording;
}
