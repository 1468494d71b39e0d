/**
 * How the engine says what happens: a level, fields, a sentence (the shape of pino's methods). The engine writes nothing itself;
 * whoever starts it hands in a sink: in production the parent thread's logger, in tests usually nothing.
 */
import type { Log } from './transport/types';

export type { Log };
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogSink = (level: LogLevel, message: string, fields: object) => void;

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log that passes what is at least as grave as `level` to `sink`. */
export function createLog(sink: LogSink, level: LogLevel = 'info'): Log {
  const at =
    (own: LogLevel) =>
    (fields: object, message: string): void => {
      if (order[own] >= order[level]) sink(own, message, fields);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Says nothing. */
export const silentLog: Log = createLog(() => undefined, 'error');
