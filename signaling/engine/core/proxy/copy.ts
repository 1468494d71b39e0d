/**
 * The request as a target gets it (RFC 3261 §16.6 steps 1 to 5): the one that was received, changed as little as can be. Via is
 * the transaction layer's.
 */
import { SipRequest } from '../../wire/message';
import type { Headers } from '../../wire/headers';
import { parseUri } from '../../wire/uri';
import { replaceLocalhost } from '../app-message';
import { hopsLeft } from './admission';
import { MAX_BREADTH } from './breadth';
import { pathEntry, recordRoutes, type Faces } from './routes';

export interface Change {
  /** Request-URI; absent: as it is. */
  uri?: string | undefined;
  /** Branches it may have from here on; absent: nothing is said about that (an ACK has none). */
  breadth?: number | undefined;
  /** We stay in the way: how the caller and the target reach us. */
  remain?: Faces | undefined;
  /** Of the application, in place of those of the same name. */
  headers?: Headers | undefined;
  /** What `localhost` in them becomes. */
  hostport: string;
}

const DEFAULT_HOPS = 70;
/** What makes the request the one it is: an application that wants another sends its own. */
const untouchable = new Set(['from', 'to', 'call-id', 'cseq', 'max-forwards', 'max-breadth', 'contact', 'content-type', 'content-encoding', 'content-length']);

export function copyOf(routed: SipRequest, change: Change): SipRequest {
  const copy = routed.clone();
  if (change.uri !== undefined) copy.uri = change.uri;
  copy.headers.set('Max-Forwards', String((hopsLeft(routed) ?? DEFAULT_HOPS + 1) - 1));
  if (change.breadth !== undefined) copy.headers.set(MAX_BREADTH, String(change.breadth));
  if (change.remain) stay(copy, routed, change.remain);
  for (const { key } of change.headers ?? []) if (!untouchable.has(key)) copy.headers.remove(key);
  for (const { key, name, value } of change.headers ?? []) {
    if (!untouchable.has(key)) copy.headers.append(name, key === 'p-asserted-identity' ? replaceLocalhost(value, change.hostport) : value);
  }
  return copy;
}

/** Puts our entries on top of those that were received; once more when the copy takes another way than it was made for. */
export function stay(copy: SipRequest, routed: SipRequest, faces: Faces): void {
  const secure = parseUri(copy.uri).scheme === 'sips';
  const registers = copy.method === 'REGISTER';
  const name = registers ? 'Path' : 'Record-Route';
  // RFC 3327 §5.2. A Path has no ticket: what comes by it begins calls, and those are the application's.
  const entries = registers ? [pathEntry(faces, secure)] : recordRoutes(copy, faces, secure);
  copy.headers.remove(name.toLowerCase());
  for (const entry of [...entries, ...routed.headers.getAll(name.toLowerCase())].reverse()) copy.headers.prepend(name, entry);
  if (!registers || copy.headers.getList('require').some((option) => option.toLowerCase() === 'path')) return;
  copy.headers.append('Require', 'path');
}
