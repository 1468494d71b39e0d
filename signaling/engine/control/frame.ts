/**
 * The payload of a frame: tokens separated by `|`, optionally CRLF and a SIP message to the end of the frame.
 *
 *     <id>|sip|<transactionId>|<dialogId>[|<routeUrl>] CRLF <SIP message>
 *
 * Token 0 is the id of the frame; the engine's answer carries it as token 2. The SIP part may contain any of the separators.
 */
export interface Frame {
  id: string;
  verb: string;
  /** Tokens behind the verb. */
  args: string[];
  /** The SIP message, without the CRLF before it; undefined when the frame has none. */
  sip: string | undefined;
}

/** Undefined when the payload has no id and verb. */
export function parseFrame(payload: string): Frame | undefined {
  const end = payload.search(/[\r\n]/);
  const line = end < 0 ? payload : payload.slice(0, end);
  const [id, verb, ...args] = line.split('|');
  if (!id || !verb) return undefined;
  if (end < 0) return { id, verb, args, sip: undefined };
  const crlf = payload.startsWith('\r\n', end) ? 2 : 1;
  return { id, verb, args, sip: payload.slice(end + crlf) };
}

/** Old versions of drachtio-srf sent the word `undefined` where there is no id. */
export function idToken(token: string | undefined): string {
  return token === undefined || token === 'undefined' ? '' : token;
}

/** A command failed, and why: one line, and one token. */
export function refusal(reason: string): string {
  return `NOK|${reason.replace(/[\r\n|]+/g, ' ')}`;
}
