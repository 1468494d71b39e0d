/**
 * What phones publish of themselves (RFC 3903): kept in memory until it expires. After a restart a phone that refreshes hears 412 and publishes anew.
 *
 *   PUBLISH with body                       new one, or with SIP-If-Match another body       200, SIP-ETag
 *   PUBLISH with SIP-If-Match, no body      refresh                                          200, another SIP-ETag
 *   PUBLISH with SIP-If-Match, Expires: 0   gone                                             200
 */
import type { Clock, Random, Timer } from '../../../../clock';
import { shown } from '../../../../tenants';
import { parseSipUri } from '../../../addresses';
import type { IncomingRequest, Refusal, Responder } from '../../../exchange';
import { expiresOf } from '../../subscribe';
import { PIDF_TYPE, readPidf, type Presence } from './pidf';

export interface PublishRequest extends IncomingRequest {
  readonly body: string | undefined;
}

export interface Publication extends Presence {
  /** The same as long as it is refreshed. */
  readonly id: string;
}

export interface PublicationsDeps {
  clock: Clock;
  random: Random;
  /** Somebody's publications are different. */
  changed(number: string): void;
}

const MAX_SECONDS = 3600;
const MAX_BYTES = 8192;
/** Devices of one person, and those that were restarted. */
const MAX_EACH = 20;
const MAX_ALL = 50_000;

interface Kept {
  readonly id: string;
  etag: string;
  presence: Presence;
  timer: Timer;
}

export class Publications {
  private readonly byNumber = new Map<string, Kept[]>();
  private readonly counters = { taken: 0, refused: {} as Record<string, number> };
  private size = 0;
  private serial = 0;

  constructor(private readonly deps: PublicationsDeps) {}

  /** Of an extension that has proved who it is. */
  publish(req: PublishRequest, res: Responder, number: string): void {
    const done = this.carryOut(req, number);
    if ('status' in done) {
      this.counters.refused[done.status] = (this.counters.refused[done.status] ?? 0) + 1;
      res.send(done.status, done.reason, { headers: done.headers ?? {} });
      return;
    }
    this.counters.taken++;
    res.send(200, 'OK', { headers: { 'SIP-ETag': done.etag, Expires: String(done.expires) } });
  }

  /** The oldest first. */
  of(number: string): Publication[] {
    return (this.byNumber.get(number) ?? []).map(({ id, presence }) => ({ ...presence, id }));
  }

  stats(): { publications: number; taken: number; refused: Record<string, number> } {
    return { publications: this.size, ...this.counters, refused: { ...this.counters.refused } };
  }

  close(): void {
    for (const all of this.byNumber.values()) for (const { timer } of all) timer.cancel();
  }

  private carryOut(req: PublishRequest, number: string): { etag: string; expires: number } | Refusal {
    if (parseSipUri(req.uri)?.user !== shown(number)) return { status: 403, reason: 'Your Own Presence Only' };
    const event = req.get('event')?.split(';', 1)[0]?.trim().toLowerCase();
    if (event !== 'presence') return { status: 489, reason: 'Bad Event', headers: { 'Allow-Events': 'presence' } };
    const body = req.body ?? '';
    if (Buffer.byteLength(body) > MAX_BYTES) return { status: 413, reason: `At Most ${MAX_BYTES} Bytes` };
    const match = req.get('sip-if-match')?.trim();
    const kept = match === undefined ? undefined : this.byNumber.get(number)?.find(({ etag }) => etag === match);
    if (match !== undefined && !kept) return { status: 412, reason: 'Conditional Request Failed' };
    const expires = expiresOf(req, MAX_SECONDS);
    if (typeof expires === 'object') return expires;
    if (kept && expires === 0) {
      this.remove(number, kept);
      return { etag: kept.etag, expires };
    }
    const presence = body === '' ? kept?.presence : this.read(req, body);
    if (!presence) return { status: 400, reason: 'What Is to Be Published Is Missing' };
    if ('status' in presence) return presence;
    return this.keep(number, kept, presence, expires);
  }

  private read(req: PublishRequest, body: string): Presence | Refusal {
    const type = req.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== PIDF_TYPE) return { status: 415, reason: 'Unsupported Media Type', headers: { Accept: PIDF_TYPE } };
    return readPidf(body) ?? { status: 400, reason: 'A Bad Presence Document' };
  }

  private keep(number: string, before: Kept | undefined, presence: Presence, expires: number): { etag: string; expires: number } | Refusal {
    const etag = this.deps.random(8).toString('hex');
    // asked once, so to speak
    if (expires === 0) return { etag, expires };
    const all = this.byNumber.get(number) ?? [];
    if (!before && (all.length >= MAX_EACH || this.size >= MAX_ALL)) return { status: 503, reason: 'Too Many Publications', headers: { 'Retry-After': '60' } };
    before?.timer.cancel();
    const kept = before ?? { id: `p${++this.serial}`, etag, presence, timer: { cancel: () => undefined } };
    const news = !before || JSON.stringify(before.presence) !== JSON.stringify(presence);
    Object.assign(kept, { etag, presence, timer: this.deps.clock.after(expires * 1000, () => this.remove(number, kept)) });
    if (!before) {
      this.byNumber.set(number, [...all, kept]);
      this.size++;
    }
    if (news) this.deps.changed(number);
    return { etag, expires };
  }

  private remove(number: string, kept: Kept): void {
    kept.timer.cancel();
    const left = (this.byNumber.get(number) ?? []).filter((one) => one !== kept);
    if (left.length > 0) this.byNumber.set(number, left);
    else this.byNumber.delete(number);
    this.size--;
    this.deps.changed(number);
  }
}
