/**
 * A call of ours until it is answered or not: INVITE, provisional answers of all branches (RFC 3261 §13.2), PRACK (RFC 3262), redirections
 * (§8.1.3.4), a longer session where one is wanted (422), another offer where there is one (488), CANCEL and what crosses it.
 */
import { allow, type Agent } from './agent';
import { firstOf, nameAddr, splitList } from './party';
import { header, parameters, sdpBody, sdpIn, seconds, tokens } from './headers';
import type { SessionTimer } from './session-timer';
import type { Core } from './sip-js';

export interface InviteOutEvents {
  /** 180, 183 … `sdp`: an answer before the call is answered; several branches may each have their own. */
  progress(response: Core.IncomingResponseMessage, sdp: string | undefined): void;
  accepted(dialog: Core.Session, response: Core.IncomingResponseMessage, sdp: string | undefined): void;
  /** The offer was refused (488): the next one to try; undefined: there is none. Never rejects. */
  refused(): Promise<string | undefined>;
  /** `response`: the final answer, ours (408, 503) where none came. Not called after `cancel()`. */
  failed(response: Core.IncomingResponseMessage): void;
}

export interface InviteOutRequest {
  target: Core.URI;
  offer: string;
  /** Besides what every INVITE has: Replaces, Referred-By … */
  headers?: string[];
}

/** Redirections followed for one call; each address once. */
const mostRedirects = 5;

export class InviteOut {
  private request: Core.OutgoingInviteRequest | undefined;
  private forget: (() => void) | undefined;
  private provisional = false;
  private finished = false;
  private cancelled: { reason: string | undefined; done: () => void } | undefined;
  private redirects = 0;
  private readonly tried = new Set<string>();
  private readonly to: Core.URI;
  private offer: string;
  /** The early dialogs, for UPDATE in them. */
  readonly dialogs = new Set<string>();

  constructor(
    private readonly agent: Agent,
    private readonly timer: SessionTimer,
    private readonly invite: InviteOutRequest,
    private readonly events: InviteOutEvents,
  ) {
    this.to = invite.target;
    this.offer = invite.offer;
    this.send(invite.target);
  }

  get callId(): string {
    return this.request?.message.callId ?? '';
  }

  get fromTag(): string {
    return this.request?.message.fromTag ?? '';
  }

  /** Gives up. CANCEL goes out as soon as it may (RFC 3261 §9.1: after a provisional answer); a 2xx that crosses it is ended with BYE. Idempotent. */
  cancel(reason?: string): void {
    if (this.cancelled || this.finished) return;
    this.cancelled = { reason, done: this.agent.farewell() };
    if (this.request) this.agent.abandon(this.request);
    if (this.provisional) this.request?.cancel(reason);
  }

  private send(target: Core.URI): void {
    const { agent, invite } = this;
    const before = this.request?.message;
    this.tried.add(target.toString());
    const again = before && { callId: before.callId, fromTag: before.fromTag, cseq: before.cseq + 1 };
    const uri = target.clone();
    uri.clearHeaders();
    const headers = [agent.contact, allow, 'Accept: application/sdp', ...this.timer.requestHeaders(), ...(invite.headers ?? [])];
    const message = agent.request('INVITE', uri, headers, sdpBody(this.offer), { to: this.to, ...again });
    this.provisional = false;
    this.forget?.();
    this.forget = agent.hearBare(message, (response) => this.onProgress(response));
    this.request = agent.core.invite(message, {
      onTrying: () => this.onProvisional(),
      onProgress: (response) => {
        this.dialogs.add(response.session.id);
        this.acknowledge(response);
        this.onProgress(response.message);
      },
      onAccept: (response) => this.onAccept(response),
      onRedirect: ({ message: response }) => this.onRedirect(response),
      onReject: ({ message: response }) => this.onReject(response),
    });
  }

  private onProvisional(): void {
    if (this.provisional) return;
    this.provisional = true;
    if (this.cancelled) this.request?.cancel(this.cancelled.reason);
  }

  private onProgress(response: Core.IncomingResponseMessage): void {
    this.onProvisional();
    // 199: one of several branches has ended (RFC 6228); it rings no more than before.
    if (!this.cancelled && !this.finished && response.statusCode !== 199) this.events.progress(response, sdpIn(response));
  }

  /** RFC 3262 §4. sip.js keeps the order of them and drops what was repeated. */
  private acknowledge({ message, prack }: Core.PrackableIncomingResponseWithSession): void {
    const rseq = seconds(header(message, 'rseq'));
    if (rseq === undefined || !tokens(message, 'require').includes('100rel')) return;
    prack({ extraHeaders: [`RAck: ${rseq} ${message.cseq} INVITE`] });
  }

  private onAccept({ message, session, ack }: Core.AckableIncomingResponseWithSession): void {
    ack();
    // Hung up already, or another branch was quicker (RFC 3261 §13.2.2.4).
    if (this.cancelled || this.finished) {
      const done = this.agent.farewell();
      session.bye({ onAccept: done, onReject: done, onRedirect: done });
      this.finish();
      return;
    }
    this.finish();
    this.timer.accepted(message);
    this.events.accepted(session, message, sdpIn(message));
  }

  private onRedirect(response: Core.IncomingResponseMessage): void {
    const next = this.redirects < mostRedirects && !this.cancelled ? this.elsewhere(response) : undefined;
    if (!next) return this.onReject(response);
    this.redirects += 1;
    this.dialogs.clear();
    this.send(next);
  }

  /** The address of a 3xx that is wanted most (q) and was not tried yet. */
  private elsewhere(response: Core.IncomingResponseMessage): Core.URI | undefined {
    const contacts = response.getHeaders('contact').flatMap(splitList);
    const places = contacts.flatMap((contact) => {
      const found = nameAddr(this.agent.sip, firstOf(contact));
      const q = Number(parameters(`contact${found?.parameters ?? ''}`).params.get('q') ?? 1);
      return found && found.uri.scheme === 'sip' && !this.tried.has(found.uri.toString()) ? [{ uri: found.uri, q: Number.isFinite(q) ? q : 0 }] : [];
    });
    return places.sort((a, b) => b.q - a.q)[0]?.uri;
  }

  private onReject(response: Core.IncomingResponseMessage): void {
    if (this.finished) return;
    if (!this.cancelled && response.statusCode === 422 && this.timer.tooSmall(response)) return this.send(this.request!.message.ruri);
    if (!this.cancelled && response.statusCode === 488) return void this.offerAnew(response);
    this.fail(response);
  }

  private async offerAnew(response: Core.IncomingResponseMessage): Promise<void> {
    // Nothing is on its way that a CANCEL could mean.
    this.provisional = false;
    const offer = await this.events.refused();
    if (offer === undefined || this.cancelled) return this.fail(response);
    this.offer = offer;
    this.dialogs.clear();
    this.send(this.request!.message.ruri);
  }

  private fail(response: Core.IncomingResponseMessage): void {
    const { cancelled } = this;
    this.finish();
    if (!cancelled) this.events.failed(response);
  }

  private finish(): void {
    this.finished = true;
    this.forget?.();
    this.cancelled?.done();
  }
}
