/** The messages of a call as somebody may see them: who said what to whom, which were repetitions, no secrets. */
import type { Protocol } from '../transport/types';
import { firstLine } from '../wire/peek';
import { draw } from './ladder-drawing';
import type { Kept, LadderMemory } from './ladder-memory';
import { masked } from './mask';

export interface LadderMessage {
  /** Milliseconds since 1970. */
  at: number;
  direction: 'received' | 'sent';
  /** `192.0.2.7:5060`, `[2001:db8::7]:5060`. */
  from: string;
  to: string;
  transport: Protocol;
  callId: string;
  firstLine: string;
  /** Of the whole message. */
  bytes: number;
  /** The same bytes went the same way before. */
  again: boolean;
  /** Digest responses and keys of media are masked. */
  text: string;
  /** `text` is only the beginning. */
  cut: boolean;
}

export interface Ladder {
  messages: LadderMessage[];
  /** For people: columns are who took part, time goes down. */
  diagram: string;
}

/** Our address towards a peer, for sockets bound to all of them. */
export type LocalAddress = (ends: Pick<Kept, 'local' | 'remote'>) => string;

/** @param columns of the diagram; 80 to 120 */
export function ladderOf(memory: LadderMemory, callIds: readonly string[], localAddress: LocalAddress, columns?: number): Ladder {
  const kept = memory.of(callIds.map((id) => Buffer.from(id, 'utf8').toString('latin1')));
  const messages = kept.map((one, index) => messageOf(one, localAddress, isAgain(kept, index)));
  return { messages, diagram: draw(messages, columns) };
}

function messageOf(kept: Kept, localAddress: LocalAddress, again: boolean): LadderMessage {
  const us = endpoint(localAddress(kept), kept.local.port);
  const them = endpoint(kept.remote.address, kept.remote.port);
  return {
    at: kept.at,
    direction: kept.sent ? 'sent' : 'received',
    from: kept.sent ? us : them,
    to: kept.sent ? them : us,
    transport: kept.protocol,
    callId: Buffer.from(kept.callId, 'latin1').toString('utf8'),
    firstLine: firstLine(kept.data),
    bytes: kept.length,
    again,
    text: masked(kept.data.toString('utf8')),
    cut: kept.length > kept.data.length,
  };
}

function isAgain(all: readonly Kept[], index: number): boolean {
  const one = all[index] as Kept;
  for (let before = index - 1; before >= 0; before--) {
    const other = all[before] as Kept;
    if (other.sent === one.sent && other.length === one.length && other.remote.port === one.remote.port && other.remote.address === one.remote.address && other.data.equals(one.data)) return true;
  }
  return false;
}

function endpoint(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
