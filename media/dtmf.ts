/**
 * The sixteen keys: their numbers as telephone-events (RFC 4733 §3.2) and their pairs of tones (ITU-T Q.23).
 *
 *            1209  1336  1477  1633 Hz
 *      697     1     2     3     A
 *      770     4     5     6     B
 *      852     7     8     9     C
 *      941     *     0     #     D
 */

/** A key's place in this string is its event number. */
export const DTMF_DIGITS = '0123456789*#ABCD';

export const DTMF_ROWS = [697, 770, 852, 941] as const;
export const DTMF_COLUMNS = [1209, 1336, 1477, 1633] as const;

/** By row, then column. */
export const DTMF_KEYPAD = '123A456B789C*0#D';

/** Event number of a key (letters in either case); -1: no key. */
export const dtmfEvent = (digit: string): number => (digit.length === 1 ? DTMF_DIGITS.indexOf(digit.toUpperCase()) : -1);
