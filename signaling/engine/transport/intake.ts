/**
 * Bytes become checked messages (RFC 3261 §18.2.1), or are told what is wrong with them:
 *
 *     framing ─► rate ─► parse ─► stamp Via ─► validate ─► onMessage
 *                  │        └────────┴─ 400, 413, 505 ◄────────┘
 *                  └─ dropped (UDP), 503
 */
import { SipRequest, type SipResponse } from '../wire/message';
import { parseMessage, SipParseError, validateRequest, validateResponse, type WireLimits } from '../wire/parser';
import { beginOf, isResponseAt } from '../wire/peek';
import { serialize } from '../wire/serialize';
import { ConnectionFlow } from './connection-flow';
import type { TransportCounters } from './counters';
import type { RateLimit } from './rate-limit';
import { makeResponse, statelessTag } from './reply';
import type { Flow, Log, MessageHandler, Tap } from './types';
import { stampVia } from './via-stamp';

export interface IntakeParts {
  wire: WireLimits;
  rate: RateLimit;
  counters: TransportCounters;
  log: Log;
  tap: Tap | undefined;
  /** A message that is good, before it is handled. */
  seen(message: SipRequest | SipResponse, flow: Flow): void;
  handler(): MessageHandler;
}

export class Intake {
  constructor(private readonly parts: IntakeParts) {}

  receive(data: Buffer, flow: Flow): void {
    const { counters, log, wire, rate } = this.parts;
    counters.messagesReceived++;
    counters.bytesReceived += data.length;
    this.parts.tap?.received(data, flow);
    const over = !isResponseAt(data, beginOf(data)) && !rate.allows(flow.remote.address);
    if (over) {
      counters.rateLimited++;
      // The sender repeats it, slower each time; on a connection nothing is repeated, so there it is told.
      if (!flow.reliable) return;
    }
    let message: SipRequest | SipResponse;
    try {
      message = parseMessage(data, wire);
      if (message instanceof SipRequest) {
        stampVia(message, flow.remote);
        validateRequest(message);
      } else validateResponse(message);
    } catch (error) {
      if (error instanceof SipParseError) this.reject(error, flow, data.length);
      else {
        counters.internalErrors++;
        log.error({ err: error, flow: flow.id }, 'A message could not be read');
      }
      return;
    }
    if (over && message instanceof SipRequest) {
      this.tooMany(message, flow);
      return;
    }
    this.parts.seen(message, flow);
    try {
      this.parts.handler()(message, flow, data.length);
    } catch (error) {
      counters.handlerErrors++;
      log.error({ err: error, flow: flow.id }, 'A message could not be handled');
    }
  }

  /** Answers what can be answered (RFC 3261 §8.2, §21.4); nobody answers an ACK or a response. */
  reject(error: SipParseError, flow: Flow, bytes = 0): void {
    const { counters, log } = this.parts;
    counters.malformed++;
    counters.malformedByCode[error.code]++;
    log.debug({ flow: flow.id, code: error.code }, `A message was not understood: ${error.message}`);
    const request = error.partial;
    if (request && request.method !== 'ACK') {
      try {
        stampVia(request, flow.remote);
        flow.send(serialize(makeResponse(request, error.status, statelessTag(request))));
        counters.malformedAnswered++;
      } catch (problem) {
        log.debug({ err: problem, flow: flow.id }, 'A message that was not understood could not be answered either');
      }
    }
    if (flow instanceof ConnectionFlow) flow.unparsable(bytes);
  }

  private tooMany(request: SipRequest, flow: Flow): void {
    if (request.method === 'ACK') return;
    const response = makeResponse(request, 503, statelessTag(request));
    response.headers.append('Retry-After', '1');
    flow.send(serialize(response));
  }
}
