/**
 * What an application is told over the control protocol, as lines that do not depend on when and where they were recorded:
 *
 *     INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
 *     └ transaction: named by its method, counted        └ header fields beyond those every message has, the body, the To tag
 *
 * Times and sizes are checked for their form only; addresses become `engine`, `peer` or `-`.
 */
import type { Address } from '../../support/sip-peer';

/** In every message; not said. */
const everywhere = new Set(['via', 'from', 'to', 'call-id', 'cseq', 'max-forwards', 'content-length']);
const compact: Record<string, string> = { i: 'call-id', m: 'contact', l: 'content-length', c: 'content-type', f: 'from', s: 'subject', k: 'supported', t: 'to', v: 'via' };

export class Trace {
  readonly lines: string[] = [];
  private readonly transactions = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** @param isEngine whether this address is one the engine listens on */
  constructor(private readonly isEngine: (address: Address) => boolean) {}

  /** A frame to the application. */
  frame(payload: string): void {
    const end = payload.indexOf('\r\n');
    const [, verb, ...args] = (end < 0 ? payload : payload.slice(0, end)).split('|');
    const message = end < 0 ? undefined : readMessage(payload.slice(end + 2));
    if (verb === 'sip') this.delivered(args, message);
    else if (verb === 'response') this.answered(args, message);
    else if (verb?.startsWith('cdr:')) this.lines.push(`${verb} ${[args[0], ...args.slice(2)].join(' ')} | ${describe(message)}`);
    else throw new Error(`a frame of no known kind: ${payload.slice(0, 100)}`);
  }

  private delivered(args: string[], message: Message | undefined): void {
    const [transactionId = '', dialogId = ''] = args.slice(6);
    const on = args.length > 9 ? ` on:${this.place(args[8]!, args[9]!)}` : '';
    this.lines.push(`${this.transaction(transactionId, message)} sip ${this.meta(args)} ${dialogOf(dialogId, message)}${on} | ${describe(message)}`);
  }

  private answered(args: string[], message: Message | undefined): void {
    const [, verdict, ...rest] = args;
    if (verdict !== 'OK') this.lines.push(`- response ${verdict} ${rest.join('|').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')}`);
    else if (message === undefined) this.lines.push(`- response OK ${/^v\d/.test(rest[1] ?? '') ? 'greeting' : rest.join('|')}`.trim());
    else {
      const [transactionId = '', second = ''] = rest.slice(6);
      const dialog = rest.length > 9 ? ` ${dialogOf(second, message)}` : '';
      const tail = rest.filter((token) => token === 'Msg sent:' || token === 'continue').join();
      this.lines.push(`${this.transaction(transactionId, message)} echo ${this.meta(rest)}${dialog} ${tail} | ${describe(message)}`);
    }
  }

  private meta([source, bytes, protocol, address, port, time]: string[]): string {
    if (!/^\d+$/.test(bytes ?? '')) throw new Error(`no size: ${bytes}`);
    if (!/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}$/.test(time ?? '')) throw new Error(`no time of day: ${time}`);
    return `${source} ${bytes === '0' ? 0 : 'n'} ${protocol === '' ? '-' : protocol} ${this.place(address!, port!)}`;
  }

  private place(host: string, port: string): string {
    if (host === '' && port === '0') return '-';
    return this.isEngine({ host, port: Number(port) }) ? 'engine' : 'peer';
  }

  private transaction(id: string, message: Message | undefined): string {
    if (id === '' || id === 'unsolicited') return id || '-';
    const known = this.transactions.get(id);
    if (known !== undefined) return known;
    if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) throw new Error(`no UUID: ${id}`);
    const method = message?.method ?? '?';
    const count = (this.counts.get(method) ?? 0) + 1;
    this.counts.set(method, count);
    this.transactions.set(id, `${method}${count}`);
    return `${method}${count}`;
  }
}

interface Message {
  start: string;
  /** Of the CSeq. */
  method: string;
  names: string[];
  callId: string;
  tags: { from: string | undefined; to: string | undefined };
  hasBody: boolean;
}

function readMessage(text: string): Message {
  const blank = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = text.slice(0, blank).replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const name = line.slice(0, line.indexOf(':')).trim().toLowerCase();
    return [compact[name] ?? name, line.slice(line.indexOf(':') + 1).trim()];
  });
  const value = (name: string): string => fields.find(([one]) => one === name)?.[1] ?? '';
  const tag = (name: string): string | undefined => /;\s*tag=([^;\s]+)/.exec(value(name))?.[1];
  return {
    start,
    method: value('cseq').split(/\s+/)[1] ?? '',
    names: fields.map(([name]) => name),
    callId: value('call-id'),
    tags: { from: tag('from'), to: tag('to') },
    hasBody: text.length > blank + 4,
  };
}

function describe(message: Message | undefined): string {
  if (!message) return 'nothing';
  const kind = message.start.startsWith('SIP/') ? `${message.start.split(' ')[1]} ${message.method}` : message.start.split(' ')[0]!;
  const extra = [...new Set(message.names)].filter((name) => !everywhere.has(name)).sort();
  return [kind, ...(message.tags.to === undefined ? [] : ['to-tag']), ...extra.map((name) => `+${name}`), ...(message.hasBody ? ['body'] : [])].join(' ');
}

/** A dialog is named after the Call-ID and a tag that this very message has. */
function dialogOf(id: string, message: Message | undefined): string {
  if (id === '') return 'dialog:-';
  const { callId, tags } = message!;
  const fits = id === `${callId};from-tag=${tags.from}` ? 'from' : id === `${callId};from-tag=${tags.to}` ? 'to' : undefined;
  if (!fits) throw new Error(`dialog ${id} is not of this message`);
  return `dialog:${fits}`;
}
