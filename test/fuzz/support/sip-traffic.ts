/**
 * Valid SIP traffic as a user agent on loopback would send it: requests outside and inside of dialogs, and responses to what was received. What a
 * fuzzer starts from. Dialogs are learnt from the To tags that come back.
 */
export type Random = () => number;

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const OUTSIDE = ['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'INFO', 'REFER', 'PUBLISH', 'UPDATE', 'PRACK', 'BYE', 'CANCEL', 'ACK'] as const;
const INSIDE = ['ACK', 'BYE', 'INVITE', 'UPDATE', 'INFO', 'PRACK', 'REFER', 'NOTIFY', 'MESSAGE', 'OPTIONS', 'CANCEL'] as const;
const STATUSES = [100, 180, 183, 199, 200, 202, 302, 401, 407, 408, 422, 480, 481, 486, 487, 491, 500, 503, 600, 603];
const KEPT_DIALOGS = 200;

const SDP = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');

interface KnownDialog {
  callId: string;
  fromTag: string;
  toTag: string;
  branch: string;
  cseq: number;
}

export interface Place {
  transport: string;
  /** host:port of the socket that sends. */
  from: string;
  /** host:port of the engine. */
  to: string;
}

export class SipTraffic {
  private readonly dialogs: KnownDialog[] = [];
  private serial = 0;

  constructor(private readonly random: Random) {}

  /** A request as text. */
  request(place: Place): string {
    const known = this.random() < 0.4 && this.dialogs.length > 0 ? pick(this.random, this.dialogs) : undefined;
    return known ? this.inside(place, known) : this.outside(place);
  }

  /** A response to a request that was received, as text; undefined when that cannot be answered. */
  response(place: Place, request: string): string | undefined {
    const line = (name: string): string | undefined => new RegExp(`^${name}\\s*:[^\\r\\n]*`, 'im').exec(request)?.[0];
    const vias = [...request.matchAll(/^via\s*:[^\r\n]*/gim)].map(([text]) => text);
    const [from, to, callId, cseq] = ['from', 'to', 'call-id', 'cseq'].map(line);
    if (vias.length === 0 || !from || !to || !callId || !cseq) return undefined;
    const status = pick(this.random, STATUSES);
    const body = status === 200 && cseq.includes('INVITE') ? SDP : '';
    const extra = [
      ...vias,
      from,
      to.includes(';tag=') || status === 100 ? to : `${to};tag=a${this.serial++}`,
      callId,
      cseq,
      `Contact: <sip:peer@${place.from}>`,
      ...(this.random() < 0.2 && status > 100 && status < 200 ? ['Require: 100rel', `RSeq: ${1 + Math.floor(this.random() * 5)}`] : []),
      ...(status === 422 ? ['Min-SE: 1800'] : []),
      ...(status === 401 ? ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'] : []),
    ];
    return text(`SIP/2.0 ${status} Answer`, extra, body);
  }

  /** Learns from a response that came back. */
  learn(message: string): void {
    if (!message.startsWith('SIP/2.0 ')) return;
    const of = (pattern: RegExp): string | undefined => pattern.exec(message)?.[1];
    const toTag = of(/^to\s*:[^\r\n]*;tag=([^;\r\n]+)/im);
    const fromTag = of(/^from\s*:[^\r\n]*;tag=([^;\r\n]+)/im);
    const callId = of(/^call-id\s*:\s*([^\r\n]+)/im);
    const branch = of(/^via\s*:[^\r\n]*;branch=([^;\r\n]+)/im);
    if (!toTag || !fromTag || !callId || !branch || !/^cseq\s*:\s*\d+ INVITE/im.test(message)) return;
    const known = { callId, fromTag, toTag, branch, cseq: 1 };
    if (this.dialogs.length < KEPT_DIALOGS) this.dialogs.push(known);
    else this.dialogs[Math.floor(this.random() * KEPT_DIALOGS)] = known;
  }

  private outside(place: Place): string {
    const method = pick(this.random, OUTSIDE);
    const n = this.serial++;
    const user = `u${n % 50}`;
    const body = method === 'INVITE' ? SDP : method === 'MESSAGE' ? 'hello' : '';
    return text(`${method} sip:${user}@${place.to} SIP/2.0`, [
      `Via: SIP/2.0/${place.transport} ${place.from};branch=z9hG4bKf${n};rport`,
      'Max-Forwards: 70',
      `From: <sip:f${n % 30}@${place.to}>;tag=f${n}`,
      `To: <sip:${user}@${place.to}>`,
      `Call-ID: fuzz-${n}`,
      `CSeq: 1 ${method}`,
      `Contact: <sip:f@${place.from};transport=${place.transport.toLowerCase()}>`,
      ...this.oddments(method),
      ...(body ? [`Content-Type: ${method === 'INVITE' ? 'application/sdp' : 'text/plain'}`] : []),
    ], body);
  }

  private oddments(method: string): string[] {
    const maybe = (share: number, line: string): string[] => (this.random() < share ? [line] : []);
    return [
      ...(method === 'SUBSCRIBE' || method === 'NOTIFY' || method === 'PUBLISH' ? ['Event: presence'] : []),
      ...(method === 'NOTIFY' ? ['Subscription-State: active;expires=60'] : []),
      ...(method === 'REFER' ? ['Refer-To: <sip:x@127.0.0.1>'] : []),
      ...(method === 'PRACK' ? ['RAck: 1 1 INVITE'] : []),
      ...maybe(0.2, 'Supported: 100rel, timer, replaces'),
      ...maybe(0.1, 'Session-Expires: 1800;refresher=uac'),
      ...maybe(0.05, 'Require: 100rel'),
      ...maybe(0.05, 'Expires: 60'),
      ...maybe(0.05, 'Replaces: fuzz-1;to-tag=a;from-tag=b'),
      ...maybe(0.03, 'Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", response="00000000000000000000000000000000"'),
    ];
  }

  private inside(place: Place, known: KnownDialog): string {
    const method = pick(this.random, INSIDE);
    const sameTransaction = method === 'CANCEL' || this.random() < 0.1;
    const cseq = method === 'ACK' || method === 'CANCEL' ? 1 : ++known.cseq;
    return text(`${method} sip:u@${place.to} SIP/2.0`, [
      `Via: SIP/2.0/${place.transport} ${place.from};branch=${sameTransaction ? known.branch : `z9hG4bKd${this.serial++}`};rport`,
      'Max-Forwards: 70',
      `From: <sip:f@${place.to}>;tag=${known.fromTag}`,
      `To: <sip:u@${place.to}>${method === 'CANCEL' ? '' : `;tag=${known.toTag}`}`,
      `Call-ID: ${known.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:f@${place.from}>`,
      ...this.oddments(method),
      ...(method === 'INVITE' ? ['Content-Type: application/sdp'] : []),
    ], method === 'INVITE' ? SDP : '');
  }
}

export function text(start: string, headers: readonly string[], body = ''): string {
  return [start, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}
