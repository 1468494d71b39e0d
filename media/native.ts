/**
 * The only door to koffi, which calls C functions from JavaScript (an optional dependency with its binaries inside).
 * Loaded when first asked for: an import of this file does nothing.
 *
 * Declared here and not through koffi's own types: where the package could not be installed, the rest still compiles.
 */

/** A C function: integers are JavaScript numbers, pointers are typed arrays or addresses as numbers. */
export type NativeFunction = (...args: unknown[]) => number;

/** '...': more arguments follow, each after the name of its type. */
export type CType = 'int' | 'uint32_t' | 'uintptr_t' | 'void *' | '...';

export interface NativeLibrary {
  func(name: string, result: CType, parameters: CType[]): NativeFunction;
}

export interface Native {
  /** A shared library by path; null is the process itself, which holds libc. */
  load(path: string | null): NativeLibrary;
  /** The address of the memory behind an array. Valid as long as the array lives, provided it is not a small on-heap one: see `pinned`. */
  address(array: Uint8Array): bigint;
  /** errno as the last call left it. */
  errno(): number;
}

let loaded: Native | Error | undefined;

/** koffi, or the error that says why it is not there. */
export function loadNative(): Native | Error {
  if (loaded === undefined) {
    try {
      loaded = require('koffi') as Native;
    } catch (err) {
      loaded = new Error(`the package koffi does not load (${err instanceof Error ? err.message.split('\n')[0] : String(err)}); npm install koffi`);
    }
  }
  return loaded;
}

/** Zeroed memory that never moves, so that its address may be kept. */
export function pinned(bytes: number): Uint8Array {
  // An ArrayBuffer made first is always outside the garbage-collected heap; `new Uint8Array(n)` with a small n is not.
  return new Uint8Array(new ArrayBuffer(bytes));
}
