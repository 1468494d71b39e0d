/**
 * Request handlers (PROTOCOL 18): new requests about which a web server, or a listening application, is asked first.
 *
 *     INVITE ─▶ GET http://…/?method=INVITE&… ─▶ {"action":"route","data":{"uri":"host:port"}} ─▶ connection to srf.listen ─▶ sip frame
 *
 * No answer in time: 504 (RFC 3261 §21.5.5); none that can be used: 500; an application that cannot be reached: 480.
 */
import type { Clock } from '../../../clock';
import type { App, Envelope } from '../../core/app';
import type { Decider, Decision } from '../../core/decision';
import type { Log } from '../../log';
import { readAuthorities } from '../../transport/certificates';
import type { SipRequest } from '../../wire/message';
import { messageText } from '../../wire/serialize';
import type { Connection } from '../connection';
import type { ControlCounter } from '../counters';
import type { Routes } from '../routes';
import { AnswerError, readAnswer, type Answer, type AppAddress } from './answer';
import { AskError, Asker } from './ask';
import { queryFor } from './facts';
import { defaultTimeoutSeconds, handlerProblem, type RequestHandlerSettings } from './settings';

export interface HandlersDeps {
  clock: Clock;
  log: Log;
  routes: Routes;
  count(name: ControlCounter): void;
  call(to: AppAddress, timeoutMs: number, authorities: string | undefined): Promise<Connection>;
}

interface Handler {
  settings: RequestHandlerSettings;
  timeoutMs: number;
  authorities: string | undefined;
  /** Absent: the application is called without asking. */
  asker: Asker | undefined;
}

const unavailable: Decision = { kind: 'response', status: 480 };

export class Handlers implements Decider {
  private readonly byMethod = new Map<string, Handler>();
  private readonly all = new Set<Handler>();

  private constructor(private readonly deps: HandlersDeps) {}

  /** Reads the files that the settings name. @throws CertificateError; Error in words */
  static make(settings: readonly RequestHandlerSettings[], deps: HandlersDeps): Handlers {
    const handlers = new Handlers(deps);
    for (const one of settings) {
      const problem = handlerProblem(one);
      if (problem !== undefined) throw new Error(problem);
      const authorities = one.authorities === undefined ? undefined : readAuthorities(one.authorities, 'handlers');
      const asker = /^https?:/i.test(one.url) ? new Asker(deps.clock, authorities) : undefined;
      handlers.add({ settings: one, timeoutMs: (one.timeoutSeconds ?? defaultTimeoutSeconds) * 1000, authorities, asker });
    }
    return handlers;
  }

  decide(request: SipRequest, envelope: Envelope): Promise<Decision> | undefined {
    const handler = this.byMethod.get(request.method) ?? this.byMethod.get('*');
    if (!handler) return undefined;
    this.deps.count('asked');
    return this.ask(handler, request, envelope);
  }

  close(): void {
    for (const { asker } of this.all) asker?.close();
  }

  private add(handler: Handler): void {
    this.all.add(handler);
    for (const method of handler.settings.methods) this.byMethod.set(method.toUpperCase(), handler);
  }

  private async ask(handler: Handler, request: SipRequest, envelope: Envelope): Promise<Decision> {
    const { settings, asker, timeoutMs } = handler;
    if (!asker) return this.reach(handler, direct(settings.url), request);
    let answer: Answer;
    try {
      const body = settings.httpMethod === 'POST' ? messageText(request) : undefined;
      answer = readAnswer(await asker.ask(queryFor(settings.url, request, envelope), body, timeoutMs));
    } catch (error) {
      if (!(error instanceof AskError) && !(error instanceof AnswerError)) throw error;
      this.deps.count('unanswered');
      this.deps.log.error({ handler: settings.url, callId: request.callId, error: error.message }, 'a request handler did not say where a request goes');
      return { kind: 'response', status: error instanceof AskError && error.kind === 'timeout' ? 504 : 500 };
    }
    return this.decision(answer, handler, request);
  }

  private decision(answer: Answer, handler: Handler, request: SipRequest): Decision | Promise<Decision> {
    switch (answer.action) {
      case 'reject':
        return { kind: 'response', status: answer.status, reason: answer.reason };
      case 'redirect':
        return { kind: 'response', status: 302, headers: answer.contacts.map((contact) => ['Contact', contact]) };
      case 'proxy':
        return { kind: 'proxy', spec: answer.spec };
      case 'tag': {
        const app = this.deps.routes.pick(request.method, answer.tag);
        if (!app) this.deps.log.warn({ tag: answer.tag, method: request.method }, 'no application with this tag serves the method');
        return app ? { kind: 'application', app } : unavailable;
      }
      case 'call':
        return this.reach(handler, answer.to, request);
    }
  }

  private async reach(handler: Handler, to: AppAddress, request: SipRequest): Promise<Decision> {
    try {
      const app = await this.deps.call(to, handler.timeoutMs, handler.authorities);
      return { kind: 'application', app: app as App, unused: () => app.close('the request it was called for is over') };
    } catch (error) {
      this.deps.count('unreachedApplications');
      this.deps.log.error({ application: `${to.host}:${to.port}`, callId: request.callId, error: (error as Error).message }, 'an application could not be reached');
      return unavailable;
    }
  }
}

function direct(url: string): AppAddress {
  const { protocol, hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), secure: protocol === 'tls:' };
}
