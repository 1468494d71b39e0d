/** A request handler as a setting has it: `INVITE|MESSAGE http://127.0.0.1:8080/route POST`. */
import { z } from 'zod';
import type { Kind } from './kinds';

export interface RequestHandler {
  /** In capitals; `*`: all that no other handler names. */
  methods: string[];
  url: string;
  httpMethod: 'GET' | 'POST';
}

const DIRECT = new Set(['tcp:', 'tls:']);
const PROTOCOLS = new Set(['http:', 'https:', ...DIRECT]);

export function requestHandler(): Kind<RequestHandler> {
  return {
    schema: z.string().transform((value, context) => {
      const parsed = parse(value.trim());
      if (parsed) return parsed;
      context.addIssue({ code: 'custom', message: 'not METHODS URL' });
      return z.NEVER;
    }),
    allowed: 'METHODS URL or METHODS URL POST, the methods separated by | or *, the URL of http, https, tcp or tls (with a port), e.g. INVITE|MESSAGE http://127.0.0.1:8080/route',
    write: ({ methods, url, httpMethod }) => `${methods.join('|')} ${url}${httpMethod === 'POST' ? ' POST' : ''}`,
  };
}

/** Whether it is an application that the engine calls by itself, without asking anybody. */
export const isDirect = ({ url }: RequestHandler): boolean => DIRECT.has(new URL(url).protocol);

function parse(value: string): RequestHandler | undefined {
  const [names = '', url = '', verb = 'GET', ...more] = value.split(/\s+/);
  const methods = names.toUpperCase().split('|');
  if (more.length > 0 || !methods.every((name) => /^([A-Z]+|\*)$/.test(name)) || (verb !== 'GET' && verb !== 'POST') || !URL.canParse(url)) return undefined;
  const { protocol, port, hostname } = new URL(url);
  if (!PROTOCOLS.has(protocol) || hostname === '' || (DIRECT.has(protocol) && port === '')) return undefined;
  return { methods, url, httpMethod: verb };
}
