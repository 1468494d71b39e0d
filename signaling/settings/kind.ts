/**
 * A kind of thing that can be set: a group, a menu, a trunk. What one is made of is a zod schema, with a sentence on every field, and everything else
 * follows from that: what is refused and why, the routes of the API and their description, the commands, the file of `offhook apply`.
 */
import type { z } from 'zod';
import type { Random } from '../clock';
import type { Page, StoreParts } from '../store/store';

/** What is wrong with a field: `members.0`, and a sentence without its end. */
export interface Problem {
  field: string;
  problem: string;
}

/** Something that a value names and that has to be there. */
export interface Reference {
  field: string;
  /** `extension`, `room`, a kind; `number`: whatever can be dialled. */
  kind: string;
  key: string;
}

/** As `Kind.schema` has it, secrets included. */
export type Value = Record<string, unknown>;

/** Where a kind is kept that has a table of its own; what has none is kept as items. */
export interface Keeping {
  /** As whose number it counts (`whoHas`); undefined: the number is that of something else, which this belongs to. */
  readonly owner: string | undefined;
  /** As `Items.list`. */
  list(parts: StoreParts, page: Page): Promise<Value[]>;
  get(parts: StoreParts, key: string): Promise<Value | undefined>;
  /** Adds it, or puts it in the place of `before`. Returns secrets that were made up, which are shown once. */
  put(parts: StoreParts, key: string, value: Value, before: Value | undefined, context: KeepingContext): Promise<Value | undefined>;
  /** False: there was none. Errors: those of things that cannot be removed. */
  remove(parts: StoreParts, key: string): Promise<boolean>;
  /** Secrets as they are kept; before the transaction, since digests take their time. What cannot be one is left as it is, for the schema to refuse. */
  prepare?(parts: StoreParts, key: string, value: Value, before: Value | undefined, context: KeepingContext): Promise<Value>;
  /** Secrets that are made up when a new one comes without. */
  readonly makes?: readonly string[];
  /** Whether it stays whatever happens: the party line. */
  permanent?(key: string): boolean;
}

export interface KeepingContext {
  /** Unix milliseconds. */
  now: number;
  random: Random;
  /** What passwords are made for where the store does not say. */
  realm: string;
}

export interface Kind<S extends z.ZodObject = z.ZodObject, N extends string = string> {
  /** `group`; `offhook group`, and what an item of it is called in sentences. */
  readonly name: N;
  /** `groups`: the path of the API and the name in files. */
  readonly plural: string;
  /** For people: what it is, in a line. */
  readonly meaning: string;
  /** The field by which one is known. A number can be dialled, and nothing else has it. */
  readonly key: 'number' | 'name';
  /** With that field. What is left out has its default. */
  readonly schema: S;
  /** One as it could be, with the least that others are needed for: for the description of the API, and its tests. */
  readonly example?: z.input<S>;
  /** Undefined: as items. */
  readonly kept?: Keeping;
  /** Fields that are written and never shown. */
  readonly secrets?: readonly string[];
  /** Across fields; only of what is what the schema says. */
  check?(value: z.output<S>): readonly Problem[];
  refers?(value: z.output<S>): readonly Reference[];
}

export type AnyKind = Kind;

/** For `catalogue`: keeps the types of a kind. */
export const kind = <S extends z.ZodObject, const N extends string>(one: Kind<S, N>): Kind<S, N> => one;
