/**
 * Logging: the interface that parts take, and the one place where pino is used.
 *
 * Everything goes to stderr; stdout belongs to what a program reads (the `ready {…}` line) and to passwords shown once. A terminal gets
 * lines for people, anything else gets pino's JSON lines for machines.
 */
import pino from 'pino';

export interface LogFn {
  (message: string): void;
  (fields: object, message: string): void;
}

export interface Logger {
  error: LogFn;
  warn: LogFn;
  info: LogFn;
  debug: LogFn;
  trace: LogFn;
  /** The same logger with fields that every line of it carries, e.g. `{ part: 'registrar' }`. */
  child(fields: Record<string, unknown>): Logger;
}

export type LogLevel = 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogOptions {
  level: LogLevel;
  /** `auto`: text on a terminal, JSON otherwise. */
  format?: 'auto' | 'text' | 'json';
  /** Where lines go; stderr unless a test listens. */
  write?: (line: string) => void;
}

export function createLogger(options: LogOptions): Logger {
  const format = options.format ?? 'auto';
  const text = format === 'text' || (format === 'auto' && process.stderr.isTTY === true);
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  return pino({ level: options.level, base: null }, { write: text ? (line) => write(readable(line)) : write });
}

/** A logger that keeps quiet, for tests and for commands that answer by their output. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => silentLogger,
};

const names: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };

/** `{"level":30,"time":…,"part":"registrar","msg":"registered","number":"1001"}` as `12:03:11 info  registrar: registered number=1001`. */
export function readable(line: string): string {
  const { level, time, part, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  // The stack of an error stays in the JSON form: a person reads its message.
  if (err) rest['error'] = (err as { message?: unknown }).message ?? err;
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const clock = new Date(Number(time)).toTimeString().slice(0, 8);
  return `${clock} ${(names[Number(level)] ?? '').padEnd(5)} ${part ? `${String(part)}: ` : ''}${String(msg ?? '')}${fields.join('')}\n`;
}
