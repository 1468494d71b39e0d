/**
 * The kinds of values that settings take. A kind reads text (from a flag or the environment) as well as the typed value of a
 * configuration file, says in words what it allows, and writes a value back as such a file would have it.
 */
import { isIP } from 'node:net';
import { z } from 'zod';

export interface HostPort {
  /** IPv4 or IPv6 address (without brackets) or name. */
  host: string;
  /** 0 = any free port. */
  port: number;
}

export interface Kind<T> {
  schema: z.ZodType<T>;
  /** Follows "must be". */
  allowed: string;
  /** The value as a configuration file has it. */
  write(value: T): string | number | boolean | null | Array<string | number>;
}

/** `unit` as in "from 1 to 10 seconds". */
export function whole(min: number, max: number, unit?: string): Kind<number> {
  const fromText = (raw: unknown) => (typeof raw === 'string' && /^\s*[+-]?\d+\s*$/.test(raw) ? Number(raw) : raw);
  return {
    schema: z.preprocess(fromText, z.number().int().min(min).max(max)),
    allowed: `a whole number from ${min} to ${max}${unit ? ` ${unit}` : ''}`,
    write: (value) => value,
  };
}

export function text(pattern: RegExp, allowed: string): Kind<string> {
  // A file may hold 12345 for a secret; YAML reads that as a number.
  const fromNumber = (raw: unknown) => (typeof raw === 'number' ? String(raw) : raw);
  return { schema: z.preprocess(fromNumber, z.string().regex(pattern)), allowed, write: (value) => value };
}

export function oneOf<const T extends string>(...values: T[]): Kind<T> {
  const allowed = `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
  return { schema: z.enum(values) as z.ZodType<T>, allowed, write: (value) => value };
}

/** An IANA time zone, as this machine's Node knows them. */
export function timeZone(): Kind<string> {
  const known = (value: string) => {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: value }) !== undefined;
    } catch {
      return false;
    }
  };
  return { schema: z.string().min(1).refine(known), allowed: 'a time zone such as Europe/Berlin', write: (value) => value };
}

/** A folder; made absolute by whoever loads, since what it is relative to depends on where it was written. */
export function folder(): Kind<string> {
  return { schema: z.string().min(1).refine((path) => !path.includes('\0')), allowed: 'a folder', write: (value) => value };
}

/** A file or folder, or a word that stands for one. */
export function path(): Kind<string> {
  return { schema: z.string().min(1).refine((value) => !value.includes('\0')), allowed: 'a file or folder', write: (value) => value };
}

/** An IP address, without brackets. */
export function ipAddress(family?: 4 | 6): Kind<string> {
  const which = family ? `an IPv${family} address` : 'an IP address';
  const valid = (value: string) => (family ? isIP(value) === family : isIP(value) !== 0);
  return { schema: z.preprocess(unbracket, z.string().refine(valid)), allowed: which, write: (value) => value };
}

/** An IP address or a DNS name. */
export function host(): Kind<string> {
  return {
    schema: z.preprocess(unbracket, z.string().refine(isHost)),
    allowed: 'an IP address or a host name',
    write: (value) => value,
  };
}

/** `HOST:PORT`, IPv6 in brackets; with `defaultPort` the port may be left out. */
export function hostPort(defaultPort?: number): Kind<HostPort> {
  const example = defaultPort === undefined ? 'HOST:PORT' : 'HOST or HOST:PORT';
  return {
    schema: z.string().transform((value, context) => {
      const parsed = parseHostPort(value.trim(), defaultPort);
      if (parsed) return parsed;
      context.addIssue({ code: 'custom', message: 'not HOST:PORT' });
      return z.NEVER;
    }),
    allowed: `${example}, an IPv6 address in [brackets], the port from 0 to 65535`,
    write: formatHostPort,
  };
}

/** A network such as `192.168.0.0/16` or `fc00::/7`. */
export function network(): Kind<string> {
  const valid = (value: string) => {
    const [address = '', bits = '', ...more] = value.split('/');
    const longest = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1;
    return more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= longest;
  };
  return { schema: z.string().refine(valid), allowed: 'a network such as 192.168.0.0/16', write: (value) => value };
}

/** A list: an array in a file, comma-separated in text. */
export function listOf<T>(kind: Kind<T>, atLeast: 0 | 1, names: string): Kind<T[]> {
  const fromText = (raw: unknown) => (typeof raw === 'string' ? raw.split(',').map((item) => item.trim()).filter(Boolean) : raw);
  return {
    schema: z.preprocess(fromText, z.array(kind.schema).min(atLeast)),
    allowed: `${names}: each ${kind.allowed}`,
    write: (values) => values.map((value) => kind.write(value) as string | number),
  };
}

/** The kind or null, which is written `none` (or nothing at all) in text. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  const fromText = (raw: unknown) => (typeof raw === 'string' && /^(none|null|)$/i.test(raw.trim()) ? null : raw);
  return {
    schema: z.preprocess(fromText, z.union([z.null(), kind.schema])),
    allowed: `${kind.allowed}, or none`,
    write: (value) => (value === null ? null : kind.write(value)),
  };
}

/** `192.0.2.1:5060`, `[2001:db8::1]:5060`, `pbx.example:5060`. */
export function formatHostPort(value: HostPort): string {
  return `${value.host.includes(':') ? `[${value.host}]` : value.host}:${value.port}`;
}

function parseHostPort(value: string, defaultPort: number | undefined): HostPort | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(value);
  if (!match) return undefined;
  const name = match[1] ?? match[2] ?? '';
  const port = match[3] === undefined ? defaultPort : Number(match[3]);
  if (port === undefined || port > 65535) return undefined;
  if (match[1] !== undefined ? isIP(name) !== 6 : !isHost(name)) return undefined;
  return { host: name, port };
}

/** RFC 1123 §2.1 names, and addresses; four numbers that are no IPv4 address are no name either. */
function isHost(value: string): boolean {
  if (isIP(value)) return true;
  if (/^[\d.]+$/.test(value) || value.length > 253) return false;
  return value.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

function unbracket(raw: unknown): unknown {
  return typeof raw === 'string' ? raw.trim().replace(/^\[(.*)\]$/, '$1') : raw;
}
