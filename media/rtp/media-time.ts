/** The unit of media time, in which clocks of 8, 16 and 48 kHz all count whole numbers. */

/** A millisecond has 48. */
export const UNITS_PER_MS = 48;
export const UNITS_PER_SECOND = 1000 * UNITS_PER_MS;
