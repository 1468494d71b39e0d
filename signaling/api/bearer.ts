/**
 * Programs show a token (RFC 6750). Who shows a wrong one too often is told to wait, and costs the store no more questions; a right one is
 * taken all the same, since many programs may come from one address.
 */
import type { IncomingMessage } from 'node:http';
import { OffhookError } from '../errors';
import { isToken, tokenDigest } from '../token';
import type { AskerOf, Scope } from './access';

export interface BearerDeps {
  tokens: { byDigest(digest: string): Promise<{ name: string; scope: Scope } | undefined> };
  /** Counts wrong tokens by where they come from. */
  failures: {
    /** Seconds; 0: not at all. */
    blockedFor(source: string): number;
    fail(source: string): unknown;
  };
  /** What counts as one source, of an address. */
  sourceOf: (address: string) => string;
}

/** Nobody who shows nothing. Errors: `api.bad-token`, `api.too-many-failures`, the store's. */
export function bearer({ tokens, failures, sourceOf }: BearerDeps): AskerOf {
  return async ({ headers, socket }: IncomingMessage) => {
    const shown = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (shown === undefined) return undefined;
    const token = isToken(shown) ? await tokens.byDigest(tokenDigest(shown)) : undefined;
    if (token) return { name: `the token “${token.name}”`, scope: token.scope };
    const source = sourceOf(socket.remoteAddress ?? '');
    const seconds = failures.blockedFor(source);
    if (seconds > 0) throw new OffhookError('api.too-many-failures', { seconds });
    failures.fail(source);
    throw new OffhookError('api.bad-token', {});
  };
}
