/** Header fields that sip.js knows nothing of, read from its messages without its grammar (which drops what it cannot parse). */
import type { Core } from './sip-js';

/** The short forms of RFC 3261 §7.3.3, RFC 4028, 3515, 3892 and 6665; sip.js gives only some of them their long names. */
const short: Readonly<Record<string, string>> = { 'session-expires': 'x', 'refer-to': 'r', 'referred-by': 'b', supported: 'k', event: 'o', 'content-type': 'c', subject: 's', 'allow-events': 'u' };

export const header = (message: Core.IncomingMessage, name: string): string | undefined => message.getHeader(name) ?? (short[name] === undefined ? undefined : message.getHeader(short[name]));

/** All values of a header field that is a list of tokens ('Supported', 'Require', 'Allow'), lower case, without parameters. */
export function tokens(message: Core.IncomingMessage, name: string): string[] {
  const lines = [...message.getHeaders(name), ...(short[name] === undefined ? [] : message.getHeaders(short[name]))];
  return lines.flatMap((line) => line.split(',')).map((token) => token.split(';')[0]!.trim().toLowerCase()).filter(Boolean);
}

/** The value and parameters of 'value;name=value;flag'; names lower case, quotes taken off. */
export function parameters(value: string): { value: string; params: Map<string, string> } {
  const [first = '', ...rest] = value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^;"<])+/g) ?? [];
  const params = new Map(
    rest.map((part) => {
      const at = part.indexOf('=');
      const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase();
      return [name, at < 0 ? '' : part.slice(at + 1).trim().replace(/^"(.*)"$/s, '$1')] as const;
    }),
  );
  return { value: first.trim(), params };
}

/** A count of seconds; undefined when it is none. */
export function seconds(text: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,10})/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The session description in a message; undefined: none. A body of another kind is none either. */
export function sdpIn(message: Core.IncomingMessage): string | undefined {
  if (!message.body) return undefined;
  const type = (header(message, 'content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  return type === 'application/sdp' ? message.body : undefined;
}

export const sdpBody = (content: string): Core.Body => ({ contentDisposition: 'session', contentType: 'application/sdp', content });

/** Reason (RFC 3326): the text for people, and the SIP cause. */
export function reasonIn(message: Core.IncomingMessage): { cause: number | undefined; text: string } | undefined {
  for (const line of message.getHeaders('reason')) {
    const { value, params } = parameters(line);
    if (!value) continue;
    const cause = seconds(params.get('cause'));
    return { cause: value.toLowerCase() === 'sip' ? cause : undefined, text: params.get('text') ?? '' };
  }
  return undefined;
}
