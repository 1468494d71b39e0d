/** rtpengine under control: its ng protocol (bencoded dictionaries over UDP, a cookie in front), as far as a benchmark needs it. */
import { createSocket, type Socket } from 'node:dgram';

export type Bencodable = string | number | Bencodable[] | { [key: string]: Bencodable };

export function bencode(value: Bencodable): string {
  if (typeof value === 'number') return `i${value}e`;
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`;
  if (Array.isArray(value)) return `l${value.map(bencode).join('')}e`;
  return `d${Object.keys(value).sort().map((key) => bencode(key) + bencode(value[key] ?? '')).join('')}e`;
}

/** @throws Error when the text ends early */
export function bdecode(text: string, at = { position: 0 }): Bencodable {
  const first = text[at.position];
  if (first === 'i') {
    const end = text.indexOf('e', at.position);
    const value = Number(text.slice(at.position + 1, end));
    at.position = end + 1;
    return value;
  }
  if (first === 'l' || first === 'd') {
    at.position++;
    const items: Bencodable[] = [];
    while (text[at.position] !== 'e') {
      if (at.position >= text.length) throw new Error('bencoded text ends early');
      items.push(bdecode(text, at));
    }
    at.position++;
    if (first === 'l') return items;
    const entries: Record<string, Bencodable> = {};
    for (let i = 0; i + 1 < items.length; i += 2) entries[String(items[i])] = items[i + 1] ?? '';
    return entries;
  }
  const colon = text.indexOf(':', at.position);
  if (colon < 0) throw new Error('bencoded text ends early');
  const length = Number(text.slice(at.position, colon));
  at.position = colon + 1 + length;
  return text.slice(colon + 1, colon + 1 + length);
}

export class NgClient {
  private readonly socket: Socket = createSocket('udp4');
  private readonly waiting = new Map<string, (answer: Record<string, Bencodable>) => void>();
  private cookies = 0;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {
    this.socket.on('message', (message) => {
      const text = message.toString('latin1');
      const space = text.indexOf(' ');
      this.waiting.get(text.slice(0, space))?.(bdecode(text.slice(space + 1)) as Record<string, Bencodable>);
    });
  }

  request(command: Record<string, Bencodable>, timeoutMs = 2000): Promise<Record<string, Bencodable>> {
    const cookie = `b${++this.cookies}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(cookie);
        reject(new Error(`rtpengine did not answer ${String(command['command'])}`));
      }, timeoutMs);
      this.waiting.set(cookie, (answer) => {
        clearTimeout(timer);
        this.waiting.delete(cookie);
        if (answer['result'] === 'error') reject(new Error(`rtpengine: ${String(answer['error-reason'])}`));
        else resolve(answer);
      });
      this.socket.send(`${cookie} ${bencode(command)}`, this.port, this.host);
    });
  }

  close(): void {
    this.socket.close();
  }
}

const sdp = (address: string, port: number): string =>
  ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', `m=audio ${port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', 'a=sendrecv', ''].join('\r\n');

const portOf = (answer: Record<string, Bencodable>): number => Number(/m=audio (\d+)/.exec(String(answer['sdp']))?.[1] ?? 0);

/** One call by offer and answer; the ports where rtpengine receives from a and from b. */
export async function setUpCall(ng: NgClient, id: string, address: string, a: number, b: number): Promise<{ a: number; b: number }> {
  const common = { 'call-id': id, 'from-tag': `${id}a`, ICE: 'remove', replace: ['origin', 'session-connection'] };
  const offer = await ng.request({ ...common, command: 'offer', sdp: sdp(address, a) });
  const answer = await ng.request({ ...common, command: 'answer', 'to-tag': `${id}b`, sdp: sdp(address, b) });
  return { a: portOf(answer), b: portOf(offer) };
}
