/**
 * What one request has been asked for so far (RFC 3261 §22.2, §22.3): a proxy on the way and the server behind it may each want credentials, one
 * after the other, and both then go into the same request. sip.js's own guard answers one challenge and takes the next one for a loop.
 *
 *   401 or 407 ─┬─ a realm that was not answered yet          all credentials so far, made anew, and again
 *               ├─ one that was, which calls the nonce stale   once: the same with the new nonce
 *               └─ one that was                                the password is wrong: the answer is passed on
 */
import type { Core } from './sip-js';

/** More realms than any way has; a server with a new one each time must not keep us busy. */
const mostRealms = 4;

const kinds = [
  { challenge: 'www-authenticate', credentials: 'authorization' },
  { challenge: 'proxy-authenticate', credentials: 'proxy-authorization' },
] as const;

interface Challenge {
  realm?: unknown;
  nonce?: unknown;
  stale?: unknown;
}

/** What makes credentials: of sip.js, or `digest.ts`. */
type Authentication = Pick<Core.DigestAuthentication, 'authenticate' | 'toString'>;

/** What sip.js keeps to itself of its clients. */
interface ClientInside {
  message: Core.OutgoingRequestMessage;
  authenticationGuard(response: Core.IncomingResponseMessage): boolean;
  init(): void;
}

interface Answered {
  challenge: Challenge;
  /** Its nonce was replaced once. */
  renewed: boolean;
}

export class Authorization {
  /** By kind and realm. */
  private readonly answered = new Map<string, Answered>();

  constructor(private readonly authentication: Authentication) {}

  /** Puts credentials for all that was asked into the request; false: there are none that could help, and the request is as it was. */
  answer(request: Core.OutgoingRequestMessage, response: Core.IncomingResponseMessage): boolean {
    const asked = kinds.flatMap(({ challenge: name }) => {
      const challenge = response.hasHeader(name) ? (response.parseHeader(name) as Challenge | undefined) : undefined;
      return challenge ? [{ key: `${name} ${String(challenge.realm)}`, challenge }] : [];
    });
    if (asked.length === 0 || !asked.every(({ key, challenge }) => this.helps(key, challenge))) return false;
    const values: Record<string, string[]> = {};
    const next = new Map(this.answered);
    for (const { key, challenge } of asked) next.set(key, { challenge, renewed: next.has(key) });
    for (const [key, { challenge }] of next) {
      // Each use of a nonce is counted, so that what was sent before is not sent again as it was (RFC 7616 §3.4).
      if (!this.authentication.authenticate(request, challenge)) return false;
      const { credentials } = kinds.find((kind) => key.startsWith(`${kind.challenge} `))!;
      (values[credentials] ??= []).push(this.authentication.toString());
    }
    for (const { key } of asked) this.answered.set(key, next.get(key)!);
    for (const [name, lines] of Object.entries(values)) request.setHeader(name, lines);
    return true;
  }

  private helps(key: string, challenge: Challenge): boolean {
    const before = this.answered.get(key);
    if (!before) return this.answered.size < mostRealms;
    return challenge.stale === true && !before.renewed && challenge.nonce !== before.challenge.nonce;
  }
}

export interface GuardSurroundings {
  /** undefined: there is no password. */
  authentication(): Authentication | undefined;
  dialogs: ReadonlyMap<string, Core.Dialog>;
  /** Whether it is to be sent at all any more. */
  wanted(client: Core.UserAgentClient): boolean;
}

/** Has `client` answer its challenges by an Authorization instead of by itself. */
export function guard(client: Core.UserAgentClient, { authentication, dialogs, wanted }: GuardSurroundings): void {
  const inside = client as unknown as ClientInside;
  let authorization: Authorization | undefined;
  inside.authenticationGuard = (response) => {
    if (response.statusCode !== 401 && response.statusCode !== 407) return true;
    const { message } = inside;
    const credentials = authorization ? undefined : authentication();
    if (credentials) authorization = new Authorization(credentials);
    if (!authorization || !wanted(client) || !authorization.answer(message, response)) return true;
    // Within a dialog it takes the next number of that (RFC 3261 §22.2, §12.2.1.1); sip.js does so for re-INVITE only, and would use it twice.
    const dialog = dialogs.get(`${message.callId}${message.fromTag}${message.toTag}`) as (Core.Dialog & { incrementLocalSequenceNumber(): void }) | undefined;
    dialog?.incrementLocalSequenceNumber();
    message.cseq = dialog?.localSequenceNumber ?? message.cseq + 1;
    message.setHeader('cseq', `${message.cseq} ${message.method}`);
    inside.init();
    return false;
  };
}
