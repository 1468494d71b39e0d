/**
 * What the server and the thread of a program say to each other: plain data.
 *
 *   server                                         program
 *     ── call 7: a handler is to have it ──────────▶
 *     ◀───────────── ask 7/1: gather, 4 digits ────
 *     ── answer 7/1: 4711 ─────────────────────────▶
 *     ── over 7: hung up (when that happens) ──────▶    what it awaits throws CallOver
 *     ◀───────────── done 7, or failed 7 ──────────
 */
import type { AppCall, NewCall } from './index';

/** What a handler is told of its call. */
export type CallInfo = Pick<AppCall, 'id' | 'caller' | 'dialled' | 'tenant' | 'transferredBy' | 'answered'>;

/** What went wrong in a program, and where in its source: `my-app.ts:12`. */
export interface Fault {
  problem: string;
  at: string | undefined;
}

/** What a program says of itself when it is loaded. */
export interface Loaded {
  routes: readonly string[];
  hooks: readonly string[];
  fallback: string | undefined;
  idleSeconds: number;
  tenants: 'all' | readonly string[];
}

export type ToProgram =
  | { kind: 'call'; n: number; pattern: string; info: CallInfo }
  | { kind: 'answer'; n: number; ask: number; value: unknown }
  | { kind: 'refused'; n: number; ask: number; problem: string }
  | { kind: 'over'; n: number; why: string }
  | { kind: 'judge'; n: number; call: NewCall }
  | { kind: 'ping' };

export type FromProgram =
  | ({ kind: 'loaded' } & Loaded)
  | ({ kind: 'unusable' } & Fault)
  | { kind: 'ask'; n: number; ask: number; operation: unknown }
  | { kind: 'done'; n: number }
  | ({ kind: 'failed'; n: number } & Fault)
  | { kind: 'verdict'; n: number; verdict: unknown }
  | ({ kind: 'unjudged'; n: number } & Fault)
  /** Outside any handler: in a timer, a promise that nobody waits for. */
  | ({ kind: 'stray' } & Fault)
  | { kind: 'pong' };

/** JavaScript of a program: CommonJS, with the map to its source within. */
export interface Compiled {
  entry: string;
  modules: ReadonlyArray<{ path: string; code: string }>;
  /** By module: what its imports of other files of the program lead to. */
  links: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** All that it is made of, to be watched. */
  files: readonly string[];
}

export type CompileAnswer = { compiled: Compiled } | { problem: string; files: readonly string[] };
