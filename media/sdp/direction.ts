/** Directions as the two bits they are: does the writer send, does it receive (RFC 3264 §6.1). */
import type { Direction } from './model';

const names: readonly Direction[] = ['inactive', 'sendonly', 'recvonly', 'sendrecv'];
const SEND = 1;
const RECEIVE = 2;
const bits: Readonly<Record<Direction, number>> = { inactive: 0, sendonly: SEND, recvonly: RECEIVE, sendrecv: SEND | RECEIVE };

const of = (value: number): Direction => names[value] as Direction;

export const sends = (direction: Direction): boolean => (bits[direction] & SEND) !== 0;
export const receives = (direction: Direction): boolean => (bits[direction] & RECEIVE) !== 0;

/** The same stream as the other side sees it. */
export function reverse(direction: Direction): Direction {
  const value = bits[direction];
  return of(((value & SEND) << 1) | ((value & RECEIVE) >> 1));
}

/** What both allow; both seen from the same side. */
export const both = (a: Direction, b: Direction): Direction => of(bits[a] & bits[b]);

export const withoutReceiving = (direction: Direction): Direction => of(bits[direction] & SEND);

/**
 * What a party wants, learnt from its answer: the offer `allowed` it some directions (seen from the answerer), and only about those does
 * its answer say something. A phone on hold answers recvonly because it must, not because it would rather listen.
 */
export function learn(before: Direction, allowed: Direction, answered: Direction): Direction {
  const mask = bits[allowed];
  return of((bits[answered] & mask) | (bits[before] & ~mask));
}
