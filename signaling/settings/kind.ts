/**
 * A kind of thing that can be set: a group, a menu, a trunk. What one is made of is a zod schema, with a sentence on every field, and everything else
 * follows from that: what is refused and why, the routes of the API and their description, the commands, the file of `offhook apply`.
 */
import type { z } from 'zod';

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
  /** Fields that are written and never shown. */
  readonly secrets?: readonly string[];
  /** Across fields; only of what is what the schema says. */
  check?(value: z.output<S>): readonly Problem[];
  refers?(value: z.output<S>): readonly Reference[];
}

export type AnyKind = Kind;

/** For `catalogue`: keeps the types of a kind. */
export const kind = <S extends z.ZodObject, const N extends string>(one: Kind<S, N>): Kind<S, N> => one;
