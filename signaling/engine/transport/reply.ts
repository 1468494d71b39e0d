/** A response to a request, as every layer below the core makes it (RFC 3261 §8.2.6.2): Via, From, To, Call-ID and CSeq copied. */
import { createHash, randomBytes } from 'node:crypto';
import { formatNameAddr, parseNameAddr } from '../wire/name-addr';
import { SipResponse, type SipRequest } from '../wire/message';
import { reasonPhrase } from '../wire/reasons';

const copied: ReadonlySet<string> = new Set(['via', 'from', 'to', 'call-id', 'cseq']);

/**
 * `toTag` is added to To unless the request's To has a tag already or the status is 100 (RFC 3261 §8.2.6.1).
 * Works on what a malformed request left behind: fields that are missing stay missing.
 */
export function makeResponse(request: SipRequest, status: number, toTag?: string, reason = reasonPhrase(status)): SipResponse {
  const response = new SipResponse(status, reason);
  for (const entry of request.headers) {
    if (!copied.has(entry.key)) continue;
    if (entry.key === 'to' && toTag && status > 100) response.headers.append('To', withTag(entry.value, toTag));
    else response.headers.pushChecked(entry);
  }
  return response;
}

function withTag(to: string, tag: string): string {
  if (!/;\s*tag\s*=/i.test(to)) {
    const end = to.trimEnd();
    // A bare addr-spec: its parameters are the header's, so appending is right in both forms (RFC 3261 §20.10).
    return `${end};tag=${tag}`;
  }
  try {
    const parsed = parseNameAddr(to);
    if (parsed.params.has('tag')) return to;
    parsed.params.set('tag', tag);
    return formatNameAddr(parsed);
  } catch {
    return to;
  }
}

let processSecret: Buffer | undefined;

/** The To tag of an answer given without state: the same for each retransmission of the request (RFC 3261 §8.2.7), different in each process. */
export function statelessTag(request: SipRequest): string {
  const hash = createHash('sha1').update((processSecret ??= randomBytes(16)));
  for (const key of copied) hash.update(request.headers.get(key) ?? '').update('\n');
  return hash.digest('base64url').slice(0, 16);
}
