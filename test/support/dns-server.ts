/**
 * A name server on loopback for tests (RFC 1035 §4): answers A, AAAA, SRV and NAPTR from a table over UDP, counts what it is asked. A name that is
 * in the table under another type gets an empty answer, any other NXDOMAIN.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Prop } from './stage';

const TYPES = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
type Type = keyof typeof TYPES;

export class DnsServer implements Prop {
  /** `SRV _sip._udp.a.test`, in the order they came. */
  readonly asked: string[] = [];
  private readonly table = new Map<string, { ttl: number; data: Buffer[] }>();

  private constructor(private readonly socket: Socket) {}

  static async start(): Promise<DnsServer> {
    const socket = createSocket('udp4');
    const server = new DnsServer(socket);
    socket.on('message', (query, from) => socket.send(server.answer(query), from.port, from.address));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return server;
  }

  /** For `Resolver.setServers`. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  /** `10 50 5060 host` for SRV; `10 50 s SIP+D2U replacement` for NAPTR; an address for A. AAAA: 16 groups of hex are not needed, only `::1`. */
  set(type: Type, name: string, records: readonly string[], ttl = 60): this {
    this.table.set(`${type} ${name}`, { ttl, data: records.map((record) => encode(type, record)) });
    return this;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
  }

  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const question = query.subarray(12, at + 5);
    const type = (Object.keys(TYPES) as Type[]).find((one) => TYPES[one] === query.readUInt16BE(at + 1));
    const name = labels.join('.').toLowerCase();
    if (type) this.asked.push(`${type} ${name}`);
    const found = type && this.table.get(`${type} ${name}`);
    const exists = [...this.table.keys()].some((key) => key.endsWith(` ${name}`));
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (exists ? 0 : 3), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(found?.data.length ?? 0, 6);
    const records = (found?.data ?? []).map((data) => {
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0); // the name of the question
      record.writeUInt16BE(TYPES[type as Type], 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(found?.ttl ?? 0, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    return Buffer.concat([head, question, ...records]);
  }
}

function encode(type: Type, record: string): Buffer {
  if (type === 'A') return Buffer.from(record.split('.').map(Number));
  if (type === 'AAAA') {
    if (record !== '::1') throw new Error(`this name server knows ::1 only, not ${record}`);
    return Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);
  }
  const [one, two, ...rest] = record.split(' ');
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16BE(Number(one), 0);
  numbers.writeUInt16BE(Number(two), 2);
  if (type === 'NAPTR') {
    const [flags = '', service = '', replacement = ''] = rest;
    return Buffer.concat([numbers, ...[flags, service, ''].map(text), nameBytes(replacement)]);
  }
  const port = Buffer.alloc(2);
  port.writeUInt16BE(Number(rest[0]), 0);
  return Buffer.concat([numbers, port, nameBytes(rest[1] ?? '')]);
}

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
const nameBytes = (name: string): Buffer => Buffer.concat([...name.split('.').filter(Boolean).map(text), Buffer.from([0])]);
