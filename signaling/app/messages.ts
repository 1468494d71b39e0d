/**
 * Page-mode messages (RFC 3428) between extensions: a MESSAGE goes to every phone of whom it is for, and its sender hears how that went.
 *
 *   the first 2xx is the answer; without one, what says most: the person's refusal, else 480
 *
 * Nothing is kept: whoever has no phone registered is not written to (480).
 */
import type { Clock } from '../clock';
import { beside } from '../tenants';
import type { Extension } from '../store/store';
import type { Binding } from './binding';
import type { SipAnswer, SipRequest } from './dialogs';
import { dialledNumber } from './dialplan';
import type { Responder } from './exchange';
import { relayedStatus } from './reasons';
import { addressOf, isPrintable, nameAddr } from './text';
import { wayBack } from './way-back';

/** RFC 3428 §8 allows 1,300 bytes where the way is UDP; phones that write longer ones do so over TCP or TLS. */
export const MAX_BYTES = 8192;
/** Messages on their way at once. */
export const MAX_UNDER_WAY = 1000;
/** 64*T1 and a little: the transaction has ended by then. */
const PATIENCE_MS = 34_000;

/** The headers that belong to the text. */
const passedOn = ['Content-Type', 'Content-Disposition', 'Content-Language', 'Content-Encoding', 'Date'];

export interface MessageSrf {
  request(uri: string, options: { method: string; proxy: string; headers: Record<string, string>; body: string }, sent: (err: unknown, request?: { on(event: 'response', fn: (answer: SipAnswer) => void): unknown }) => void): unknown;
}

export interface MessagesDeps {
  srf: MessageSrf;
  locations: { lookup(extension: string): Binding[] };
  directory: { find(number: string): Promise<unknown> };
  reach: { isLocal(address: string): boolean };
  clock: Clock;
}

export class Messages {
  private underWay = 0;
  private readonly counters = { passed: 0, failed: 0 };

  constructor(private readonly deps: MessagesDeps) {}

  /** A MESSAGE outside any dialog, from an extension that has proved who it is. Errors: those of the directory. */
  async onMessage(req: SipRequest, res: Responder, from: Pick<Extension, 'number' | 'name'>): Promise<void> {
    const answer = (status: number, reason: string, headers: Record<string, string> = {}): void => {
      if (status < 300) this.counters.passed++;
      else this.counters.failed++;
      res.send(status, reason, { headers });
    };
    const body = req.body ?? '';
    if (Buffer.byteLength(body) > MAX_BYTES) return answer(413, `At Most ${MAX_BYTES} Bytes Are Passed On`);
    if (body !== '' && !req.get('Content-Type')) return answer(400, 'A Message Needs a Content-Type');
    const dialled = dialledNumber(req.uri);
    if (dialled === undefined) return answer(484, 'No Valid Number');
    const number = beside(from.number, dialled);
    if (!(await this.deps.directory.find(number))) return answer(404, 'There Is No Such Number');
    const bindings = this.deps.locations.lookup(number);
    if (bindings.length === 0) return answer(480, 'No Phone Is Registered');
    if (this.underWay >= MAX_UNDER_WAY) return answer(503, 'Too Many Messages', { 'Retry-After': '5' });
    this.underWay++;
    const statuses = await this.sendAll(bindings, headersOf(req, from, number), body);
    this.underWay--;
    const status = verdict(statuses);
    answer(status, status === 480 ? 'No Phone Could Be Reached' : '');
  }

  /** A text of our own for the phones of an extension, as from that number. Whether one of them has had it. Never rejects. */
  async tell(number: string, from: string, text: string): Promise<boolean> {
    const bindings = this.deps.locations.lookup(number);
    if (bindings.length === 0 || this.underWay >= MAX_UNDER_WAY) return false;
    this.underWay++;
    const headers = { From: nameAddr({ name: null, number: from }), To: `<${addressOf(number)}>`, 'Content-Type': 'text/plain; charset=utf-8' };
    const statuses = await this.sendAll(bindings, headers, text);
    this.underWay--;
    return statuses.some((status) => status < 300);
  }

  stats(): { underWay: number; passed: number; failed: number } {
    return { underWay: this.underWay, ...this.counters };
  }

  /** Resolves with the first 2xx at once, otherwise when all have answered. Never rejects. */
  private sendAll(bindings: readonly Binding[], headers: Record<string, string>, body: string): Promise<number[]> {
    return new Promise((resolve) => {
      const statuses: number[] = [];
      const timer = this.deps.clock.after(PATIENCE_MS, () => resolve(statuses));
      const heard = (status: number): void => {
        statuses.push(status);
        if (status >= 300 && statuses.length < bindings.length) return;
        timer.cancel();
        resolve(statuses);
      };
      for (const binding of bindings) this.send(binding, headers, body, heard);
    });
  }

  private send(binding: Binding, headers: Record<string, string>, body: string, heard: (status: number) => void): void {
    let done = false;
    const once = (status: number): void => {
      if (!done) heard(status);
      done = true;
    };
    try {
      this.deps.srf.request(binding.uri, { method: 'MESSAGE', proxy: wayBack(binding, this.deps.reach), headers, body }, (err, request) => {
        if (err || !request) return once(408);
        request.on('response', ({ status }) => {
          if (status >= 200) once(status);
        });
      });
    } catch {
      // srf throws when its connection is gone
      once(408);
    }
  }
}

/** What the sender is told: the first success; else a refusal by somebody who was there. */
function verdict(statuses: readonly number[]): number {
  const good = statuses.find((status) => status < 300);
  if (good !== undefined) return relayedStatus(good);
  const told = statuses.find((status) => status !== 408 && status !== 410 && status !== 430);
  return told === undefined ? 480 : relayedStatus(told);
}

/** Who it is from is what was proved, whatever its From says. */
function headersOf(req: SipRequest, { number, name }: Pick<Extension, 'number' | 'name'>, to: string): Record<string, string> {
  const headers: Record<string, string> = {
    From: nameAddr({ name, number }),
    To: `<${addressOf(to)}>`,
  };
  for (const header of passedOn) {
    const value = req.get(header);
    if (value !== undefined && value.length <= 200 && isPrintable(value)) headers[header] = value;
  }
  return headers;
}
