/** What several routes speak of. */
import { z } from 'zod';

/** Unix milliseconds inside, ISO 8601 outside. */
export const time = z.iso.datetime();
export const isoTime = (ms: number): string => new Date(ms).toISOString();

export const count = z.number();
/** By name; what counts nothing may be missing. */
export const counts = z.record(z.string(), count);
