/**
 * How many messages came and went: by direction, transport, method and what they were, a request or a response of which class. Counted from the
 * bytes themselves, so that what cannot be parsed, and what is turned away unparsed, is counted like everything else. One addition to a typed array.
 */
import { beginOf, cseqMethod, isResponseAt, methodAt, METHODS, statusClassAt, type KnownMethod } from '../wire/peek';
import type { Flow, Protocol, Tap } from '../transport/types';

const PROTOCOLS: readonly Protocol[] = ['udp', 'tcp', 'tls', 'ws', 'wss'];
/** A response whose status cannot be read is neither. */
const KINDS = ['requests', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', 'unreadable'] as const;
const UNREADABLE = KINDS.length - 1;

export type MessageKind = (typeof KINDS)[number];
/** By transport, then by the method (of a response: the one in its CSeq); what was never seen is left out. */
export type MessageCounts = Partial<Record<Protocol, Partial<Record<KnownMethod, Partial<Record<MessageKind, number>>>>>>;

export interface TrafficCounts {
  received: MessageCounts;
  sent: MessageCounts;
}

export class Traffic implements Tap {
  // Floating point holds whole numbers to 2^53; 32 bits would be round after two days of 25,000 messages a second.
  private readonly in = new Float64Array(PROTOCOLS.length * METHODS.length * KINDS.length);
  private readonly out = new Float64Array(this.in.length);

  received(data: Buffer, flow: Flow): void {
    count(this.in, data, flow.protocol);
  }

  sent(data: Buffer, flow: Flow): void {
    count(this.out, data, flow.protocol);
  }

  counts(): TrafficCounts {
    return { received: table(this.in), sent: table(this.out) };
  }
}

function count(cells: Float64Array, data: Buffer, protocol: Protocol): void {
  const at = beginOf(data);
  let method: number;
  let kind = 0;
  if (isResponseAt(data, at)) {
    method = cseqMethod(data);
    kind = statusClassAt(data, at) || UNREADABLE;
  } else method = methodAt(data, at);
  const cell = (PROTOCOLS.indexOf(protocol) * METHODS.length + method) * KINDS.length + kind;
  cells[cell] = (cells[cell] as number) + 1;
}

function table(cells: Float64Array): MessageCounts {
  const counts: MessageCounts = {};
  cells.forEach((value, cell) => {
    if (value === 0) return;
    const row = Math.floor(cell / KINDS.length);
    const protocol = PROTOCOLS[Math.floor(row / METHODS.length)] as Protocol;
    const method = METHODS[row % METHODS.length] as KnownMethod;
    ((counts[protocol] ??= {})[method] ??= {})[KINDS[cell % KINDS.length] as MessageKind] = value;
  });
  return counts;
}
