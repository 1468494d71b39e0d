/**
 * The proxy (RFC 3261 §16): requests an application has sent on (PROTOCOL 14), and those within calls that were record-routed here, which
 * no application is asked about.
 *
 *     proxy ────▶ checks ─▶ targets ─▶ response context ─▶ branches
 *     relay ────▶ our ticket in Route? ─▶ checks ─▶ response context with one branch
 *     relayAck ─▶ our ticket in Route? ─▶ sent on, without state
 */
import { BusyMap } from '../../busy-map';
import type { Flow } from '../../transport/types';
import type { ServerTransaction } from '../../transaction/types';
import type { SipRequest } from '../../wire/message';
import { SipParseError } from '../../wire/errors';
import { parseUri, sameUri } from '../../wire/uri';
import type { App } from '../app';
import type { Local } from '../build';
import type { CoreContext } from '../context';
import type { Incoming } from '../incoming';
import { isOwnUri, problemWith } from '../next-hop';
import type { Parts } from '../parts';
import { rememberRegistration } from '../registrations';
import { breadthRejection, hopsLeft, rejection } from './admission';
import { breadthOf } from './breadth';
import { Challenged } from './challenged';
import { copyOf, stay } from './copy';
import { callersFlow, nameOf, targetsFlow, wayTo } from './flows';
import type { ProxyJob } from './job';
import { Marks } from './marks';
import { askedFlow, isForged, pathToken } from './outbound';
import { recordsFor, recordsForBye } from './records';
import { ResponseContext } from './response-context';
import { faceTarget, takeOwnRoutes, takeTopRoute, type Faces, type Routed } from './routes';
import { nobody, type ProxyListener, type ProxySpec } from './spec';
import { TargetSet, type ProxyTarget } from './targets';

export class Proxying {
  /** Requests without a final response, by their server transaction: a CANCEL can still come. */
  private readonly open = new BusyMap<ResponseContext>();
  private readonly marks: Marks;
  private readonly challenged: Challenged;

  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {
    this.marks = new Marks(context.options.proxySecret, context.random);
    this.challenged = new Challenged(context.clock);
  }

  get size(): number {
    return this.open.size;
  }

  /** This application has something sent on that has no end yet. */
  worksFor(app: App): boolean {
    return [...this.open.values()].some((open) => open.app === app);
  }

  // --- what an application sends on ----------------------------------------------------------------------------------

  proxy(app: App, transactionId: string, spec: ProxySpec, listener: ProxyListener): void {
    const incoming = this.context.incoming.get(transactionId);
    if (!incoming || incoming.app !== app || incoming.answered || !incoming.initial) {
      this.context.count('refusedCommands');
      listener.refused(`Unknown transaction id: ${transactionId}`);
    } else this.sendOn(incoming, spec, listener);
  }

  /** Takes a request over that nobody has answered. What cannot be sent on is answered here. */
  sendOn(incoming: Incoming, spec: ProxySpec, listener: ProxyListener = nobody): void {
    const { request } = incoming;
    const { maxProxyTargets } = this.context.options;
    if (spec.destinations.length > maxProxyTargets) return this.reject(incoming, 500, `error proxying request to more than ${maxProxyTargets} destinations`, listener);
    const mark = this.marks.loop(request);
    const rejected = rejection(request, mark);
    if (rejected) return this.reject(incoming, rejected.status, rejected.words, listener, rejected.headers, rejected.counter);
    let routed: Routed;
    try {
      routed = takeTopRoute(request, (uri) => isOwnUri(uri, this.context.transport));
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      return this.reject(incoming, 400, `Rejected with 400 Bad Request: ${error.message}`, listener);
    }
    const targets = new TargetSet(maxProxyTargets);
    const secure = parseUri(routed.request.uri).scheme === 'sips';
    const only = askedFlow(request, incoming.flow, this.marks);
    const onlyFor = (uri: string): string | undefined => (sameUri(uri, routed.request.uri) ? only : undefined);
    // RFC 5626 §5.3: who is reached over one flow alone cannot be reached without us later on.
    const remain = spec.remain || spec.destinations.some((uri) => onlyFor(uri) !== undefined);
    const problems = spec.destinations.map((uri) => this.problemOf(uri, secure, onlyFor(uri)));
    const usable = spec.destinations.filter((_uri, at) => problems[at] === undefined);
    targets.add(this.challenged.narrow(request, usable).map((uri) => ({ uri, requestUri: isOwnUri(parseUri(routed.request.uri), this.context.transport) ? uri : undefined, only: onlyFor(uri) })));
    if (targets.isEmpty) {
      const [uri = ''] = spec.destinations;
      return this.reject(incoming, 500, `error proxying request to ${uri}: ${problems[0] ?? 'no destination was given'}`, listener);
    }
    const breadth = breadthOf(request, this.context.options.maxBreadth);
    const tooBroad = breadthRejection(breadth, spec.simultaneous ? targets.size : 1);
    if (tooBroad) return this.reject(incoming, tooBroad.status, tooBroad.words, listener, [], tooBroad.counter);
    incoming.sentOn = true;
    this.parts.responses.conclude(incoming);
    this.context.count('proxied');
    this.begin({
      transaction: incoming.transaction,
      request,
      mark,
      breadth,
      targets,
      policy: spec,
      copyFor: (target, flow, part) => this.copyFor(target, flow, part, routed.request, incoming.flow, spec, remain),
      moved: remain ? (copy, to) => stay(copy, routed.request, this.faces(to, routed.request, incoming.flow)) : undefined,
      listener,
      app: incoming.app,
      records: recordsFor(this.context, request),
      faceTarget: remain ? (response, flow) => faceTarget(response, this.marks, flow.id === only ? nameOf(flow) : targetsFlow(response, flow)) : undefined,
      onAnswer: (target, response) => {
        this.challenged.remember(target, response);
        rememberRegistration(incoming, response, this.context.transport);
      },
    });
  }

  private copyFor(target: ProxyTarget, flow: Flow, breadth: number, routed: SipRequest, from: Flow, spec: ProxySpec, remain: boolean): SipRequest {
    const towardsTarget = this.localOf(flow);
    return copyOf(routed, {
      uri: target.requestUri,
      breadth,
      headers: spec.headers,
      hostport: `${towardsTarget.host}:${towardsTarget.port}`,
      remain: remain ? this.faces(flow, routed, from) : undefined,
    });
  }

  private faces(to: Flow, routed: SipRequest, from: Flow): Faces {
    return { towardsCaller: this.localOf(from), towardsTarget: this.localOf(to), marks: this.marks, flow: callersFlow(routed, from), token: pathToken(routed, from, this.marks) };
  }

  private reject(incoming: Incoming, status: number, words: string, listener: ProxyListener, headers: Array<[string, string]> = [], counter: Parameters<CoreContext['count']>[0] = 'refusedCommands'): void {
    this.context.count(counter);
    this.parts.responses.conclude(incoming);
    this.parts.responses.refuse(incoming.transaction, incoming.request, status, undefined, headers);
    listener.refused(words);
  }

  // --- within record-routed calls ------------------------------------------------------------------------------------

  /** False: it is not a request of a call that was let through here. */
  relay(transaction: ServerTransaction, request: SipRequest): boolean {
    const { responses } = this.parts;
    const refuse = (status: number, reason?: string, headers: Array<[string, string]> = []): true => {
      responses.refuse(transaction, request, status, reason, headers);
      return true;
    };
    const routed = takeOwnRoutes(request, this.marks);
    if (!routed) return false;
    if (request.method === 'INVITE') responses.trying(transaction, request);
    const mark = this.marks.loop(request);
    const breadth = breadthOf(request, this.context.options.maxBreadth);
    const rejected = rejection(request, mark) ?? breadthRejection(breadth, 1);
    if (rejected) {
      this.context.count(rejected.counter);
      return refuse(rejected.status, undefined, rejected.headers);
    }
    if (this.size >= this.context.options.maxPendingRequests) {
      this.context.count('overload');
      return refuse(503, undefined, [['Retry-After', String(this.context.options.retryAfterSeconds)]]);
    }
    // §16.5: nowhere to go.
    if (!routed.flow && this.problemOf(routed.nextHop) !== undefined) return refuse(480);
    const targets = new TargetSet(1);
    targets.add([{ uri: routed.nextHop, flow: routed.flow }]);
    this.context.count('relayed');
    this.begin({
      transaction,
      request,
      mark,
      breadth,
      targets,
      policy: { simultaneous: false, followRedirects: false },
      copyFor: (_target, _flow, part) => copyOf(routed.request, { breadth: part, hostport: '' }),
      records: request.method === 'BYE' ? recordsForBye(this.context, request) : undefined,
    });
    return true;
  }

  /** The ACK to a 2xx (§16.11). False: as for `relay`. */
  relayAck(ack: SipRequest): boolean {
    const routed = takeOwnRoutes(ack, this.marks);
    if (!routed) return false;
    if (hopsLeft(ack) === 0 || (!routed.flow && this.problemOf(routed.nextHop) !== undefined)) {
      this.context.count('strays');
      return true;
    }
    this.context.count('relayed');
    const { transactions, transport } = this.context;
    const send = (flow: Flow): void => void transactions.sendDirect(copyOf(routed.request, { hostport: '' }), flow);
    const failed = (error: Error): void => this.context.log.info({ callId: ack.callId, error: error.message }, 'an ACK could not be sent on');
    const way = wayTo({ uri: routed.nextHop, flow: routed.flow }, transport);
    if (way instanceof Promise) way.then(send).catch(failed);
    else send(way);
    return true;
  }

  // --- both ----------------------------------------------------------------------------------------------------------

  /** RFC 5626 §5.3: it asks for a flow with a token that was not made here. */
  isForged(request: SipRequest): boolean {
    return isForged(request, this.marks, this.context.transport);
  }

  /** The CANCEL is answered already. False: nothing of ours. */
  cancel(invite: ServerTransaction, cancel: SipRequest): boolean {
    const open = this.open.get(invite.id);
    if (!open) return false;
    this.context.count('cancelled');
    open.cancel(cancel.headers.getAll('reason').map((value) => ({ name: 'Reason', value })));
    return true;
  }

  close(): void {
    for (const open of [...this.open.values()]) open.close();
  }

  private begin(job: Omit<ProxyJob, 'context' | 'isUsable' | 'onConcluded'>): void {
    const { id } = job.transaction;
    const open = new ResponseContext({
      ...job,
      context: this.context,
      isUsable: (uri) => this.problemOf(uri) === undefined,
      onConcluded: () => void this.open.delete(id),
    });
    this.open.set(id, open);
    open.start();
  }

  private problemOf(uri: string, secure = false, only?: string): string | undefined {
    const { transport } = this.context;
    const flow = only === undefined ? undefined : transport.flowNamed(only);
    // A flow that is gone is the target's answer (430), not a fault of the command.
    return only !== undefined && !flow ? undefined : problemWith(uri, transport, secure, flow);
  }

  private localOf(flow: Flow): Local {
    return { ...this.context.transport.sentBy(flow), protocol: flow.protocol };
  }
}
