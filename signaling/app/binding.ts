/** A binding: one way to reach an extension, made by REGISTER (RFC 3261 §10), and the form in which the store keeps it. */
import type { Contact } from '../store/store';
import { formatFlow, parseFlow, type Flow } from './flow';

export interface Binding {
  readonly extension: string;
  /** The Contact URI as registered. */
  readonly uri: string;
  /** The flow the REGISTER came over: the way back to the phone. */
  readonly source: Flow;
  /** `+sip.instance` without its quotes, and `reg-id` (RFC 5626 §4.1). */
  readonly instance: string | null;
  readonly regId: number | null;
  readonly callId: string;
  readonly cseq: number;
  /** Preference, 0 to 1. */
  readonly q: number;
  readonly userAgent: string | null;
  /** The Path header as received (RFC 3327). */
  readonly path: string | null;
  /** On Clock.now(), which never goes back; the store's copy is unix time. */
  readonly expiresAt: number;
  readonly updatedAt: number;
}

/** `epoch` is Clock.wall() minus Clock.now(), in ms: what turns one time into the other. */
export function toContact(b: Binding, epoch: number): Contact {
  return {
    extension: b.extension,
    uri: b.uri,
    source: formatFlow(b.source),
    instance: b.instance,
    regId: b.regId,
    callId: b.callId,
    cseq: b.cseq,
    expiresAt: Math.round(b.expiresAt + epoch),
    q: b.q,
    userAgent: b.userAgent,
    path: b.path,
    updatedAt: Math.round(b.updatedAt + epoch),
  };
}

/** The reverse of `toContact`; undefined when the stored flow cannot be read. */
export function fromContact(c: Contact, epoch: number): Binding | undefined {
  const source = parseFlow(c.source);
  return (
    source && {
      extension: c.extension,
      uri: c.uri,
      source,
      instance: c.instance,
      regId: c.regId,
      callId: c.callId,
      cseq: c.cseq,
      q: c.q,
      userAgent: c.userAgent,
      path: c.path,
      expiresAt: c.expiresAt - epoch,
      updatedAt: c.updatedAt - epoch,
    }
  );
}
