/**
 * Page-mode messages (RFC 3428) between extensions: a MESSAGE goes to every phone of whom it is for, and its sender hears how that went.
 *
 *   the first 2xx is the answer; without one, what says most: the person's refusal
 *   nobody is there, or answers within seconds: it is kept (202), and sent when a phone comes (`kept-messages`)
 */
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { Extension, Store, TextMessage } from '../store/store';
import { beside } from '../tenants';
import type { Binding } from './binding';
import type { SipRequest } from './dialogs';
import { dialledNumber, withoutPlus } from './dialplan';
import type { Responder } from './exchange';
import { ownHost } from './flow';
import { CPIM_TYPE, notice, noticeAsked, wants, type Disposition } from './imdn';
import { KeptMessages, type KeptState } from './kept-messages';
import type { LocationEvent } from './locations';
import { sendToAll, type MessageSrf } from './message-sending';
import { addressOf, isPrintable, nameAddr } from './text';

/** RFC 3428 §8 allows 1,300 bytes where the way is UDP; phones that write longer ones do so over TCP or TLS. */
export const MAX_BYTES = 8192;
/** Messages on their way at once. */
export const MAX_UNDER_WAY = 1000;
/** A phone that has not answered by then is not there: its sender's own transaction does not last for ever (RFC 4320). */
const KEPT_AFTER_MS = 4000;

/** The headers that belong to the text. */
const passedOn = ['Content-Type', 'Content-Disposition', 'Content-Language', 'Date'];
/** That somebody is typing is no news later. */
const FLEETING = /^application\/im-iscomposing\+xml\b/i;

export interface MessagesDeps {
  srf: MessageSrf;
  store: Store['texts'];
  locations: { lookup(extension: string): Binding[]; onEvent(listener: (event: LocationEvent) => void): void };
  directory: { find(number: string): Promise<Pick<Extension, 'name'> | undefined> };
  reach: { isLocal(address: string): boolean; addressFor(peer: string, family: 4 | 6): string | undefined };
  clock: Clock;
  random: Random;
  log: Logger;
  settings: { keepDays: number };
}

type Text = Pick<TextMessage, 'from' | 'fromName' | 'to' | 'contentType' | 'body'>;

export class Messages {
  private underWay = 0;
  private readonly counters = { passed: 0, failed: 0 };
  private readonly kept: KeptMessages;
  private readonly listeners: Array<(message: TextMessage, state: KeptState) => void> = [];

  constructor(private readonly deps: MessagesDeps) {
    const { store, locations, clock, random, log, settings } = deps;
    this.kept = new KeptMessages({
      store, locations, clock, random, log,
      keepDays: settings.keepDays,
      send: (message, bindings) => sendToAll(deps, bindings, { ...headersOf(message), Date: new Date(message.receivedAt).toUTCString() }, message.body),
      tell: (message, what) => {
        for (const listener of this.listeners) listener(message, what);
        this.report(message, what);
      },
    });
  }

  /** Errors: the store's. */
  start(): Promise<void> {
    return this.kept.start();
  }

  /** What becomes of messages that are kept. */
  onKept(listener: (message: TextMessage, state: KeptState) => void): void {
    this.listeners.push(listener);
  }

  /** A MESSAGE outside any dialog, from an extension that has proved who it is. Errors: those of the directory and the store. */
  async onMessage(req: SipRequest, res: Responder, from: Pick<Extension, 'number' | 'name'>): Promise<void> {
    const answer = (status: number, reason: string, headers: Record<string, string> = {}): void => {
      if (status < 300) this.counters.passed++;
      else this.counters.failed++;
      res.send(status, reason, { headers });
    };
    const body = req.body ?? '';
    if (Buffer.byteLength(body) > MAX_BYTES) return answer(413, `At Most ${MAX_BYTES} Bytes Are Passed On`);
    const contentType = req.get('Content-Type') ?? '';
    // a packed body does not get here whole: it comes as text
    if (!isPlain(req.get('Content-Encoding'))) return answer(415, 'Not Packed, Please', { 'Accept-Encoding': 'identity' });
    if (body !== '' && contentType === '') return answer(400, 'A Message Needs a Content-Type');
    const dialled = dialledNumber(req.uri);
    if (dialled === undefined) return answer(484, 'No Valid Number');
    const number = beside(from.number, withoutPlus(dialled));
    if (!(await this.deps.directory.find(number))) return answer(404, 'There Is No Such Number');
    if (this.underWay >= MAX_UNDER_WAY) return answer(503, 'Too Many Messages', { 'Retry-After': '5' });
    this.underWay++;
    try {
      const text = { from: from.number, fromName: from.name, to: number, contentType, body };
      const status = await this.pass(text, { ...headersOf(text), ...headersIn(req) });
      answer(status, status === 480 ? 'No Phone Could Be Reached' : status === 202 ? 'Accepted' : '');
    } finally {
      this.underWay--;
    }
  }

  /** A text of our own for the phones of an extension, as from that number. Whether one of them has had it. Never rejects. */
  async tell(number: string, from: string, text: string): Promise<boolean> {
    const bindings = this.deps.locations.lookup(number);
    if (bindings.length === 0 || this.underWay >= MAX_UNDER_WAY) return false;
    this.underWay++;
    const headers = { From: nameAddr({ name: null, number: from }), To: `<${addressOf(number)}>`, 'Content-Type': 'text/plain; charset=utf-8' };
    const status = await sendToAll(this.deps, bindings, headers, text);
    this.underWay--;
    return status < 300;
  }

  stats(): { underWay: number; passed: number; failed: number } & ReturnType<KeptMessages['stats']> {
    const { failed: undelivered, ...kept } = this.kept.stats();
    return { underWay: this.underWay, ...kept, ...this.counters, failed: this.counters.failed + undelivered };
  }

  close(): void {
    this.kept.close();
  }

  /** Resolves with what its sender is told; 480: nobody was reached, and it was not kept. */
  private async pass(text: Text, headers: Record<string, string>): Promise<number> {
    const { deps, kept } = this;
    const bindings = deps.locations.lookup(text.to);
    const fleeting = FLEETING.test(text.contentType) || text.body === '';
    if (!fleeting && (bindings.length === 0 || kept.isWaiting(text.to))) return (await kept.keep(text)) ? 202 : 480;
    if (bindings.length === 0) return 480;
    const sending = sendToAll(deps, bindings, headers, text.body);
    const status = await this.soon(sending);
    if (status !== undefined && status !== 480) return status;
    if (!fleeting && (await kept.keep(text, sending))) return 202;
    return status ?? sending;
  }

  /** Undefined: that takes longer. */
  private soon(sending: Promise<number>): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = this.deps.clock.after(KEPT_AFTER_MS, () => resolve(undefined));
      void sending.then((status) => {
        timer.cancel();
        resolve(status);
      });
    });
  }

  /** The sender of a message that was kept hears what became of it, if it has asked. */
  private report(message: TextMessage, what: Disposition): void {
    const asked = noticeAsked(message.contentType, message.body);
    if (!asked || !wants(asked, what)) return;
    const { deps } = this;
    const work = async (): Promise<void> => {
      const host = deps.locations.lookup(message.from).map(({ source }) => ownHost(deps.reach, source.address)).find((one) => one !== undefined) ?? 'localhost';
      const { to, from } = message;
      const id = deps.random(12).toString('hex');
      const body = notice(asked, what, { from: addressOf(to, host), to: addressOf(from, host), id, at: deps.clock.wall() });
      const text = { from: to, fromName: (await deps.directory.find(to))?.name ?? null, to: from, contentType: CPIM_TYPE, body };
      await this.pass(text, headersOf(text));
    };
    work().catch((err: unknown) => deps.log.warn({ message: message.id, error: String(err) }, 'the sender of a message could not be told what became of it'));
  }
}

/** Who it is from is what was proved, whatever its From says. */
function headersOf({ from, fromName, to, contentType }: Text): Record<string, string> {
  return { From: nameAddr({ name: fromName, number: from }), To: `<${addressOf(to)}>`, ...(usable(contentType) && { 'Content-Type': contentType }) };
}

function headersIn(req: SipRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const header of passedOn) {
    const value = req.get(header);
    if (usable(value)) headers[header] = value;
  }
  return headers;
}

/** Content-Encoding (RFC 3261 §20.12): none. */
const isPlain = (encoding: string | undefined): boolean => encoding === undefined || encoding.trim().toLowerCase() === 'identity';

const usable = (value: string | undefined): value is string => value !== undefined && value !== '' && value.length <= 200 && isPrintable(value);
