/**
 * How the engine says what happens: a level, a sentence, and fields. The engine writes nothing itself; whoever starts it
 * hands in a sink (in production the parent thread's logger, in tests usually nothing).
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Record<string, string | number | boolean | undefined>;
export type LogSink = (level: LogLevel, message: string, fields?: LogFields) => void;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log that passes what is at least as grave as `level` to `sink`. */
export function createLog(sink: LogSink, level: LogLevel = 'info'): Log {
  const at =
    (own: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (order[own] >= order[level]) sink(own, message, fields);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Says nothing. */
export const silentLog: Log = createLog(() => undefined, 'error');
