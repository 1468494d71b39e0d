/**
 * The response context of one proxied request (RFC 3261 §16.7): its branches, what they answered, and the one final response that
 * goes upstream.
 *
 *     targets ─▶ branch ─▶ 1xx ───────────────────────────────▶ upstream
 *                       ─▶ 2xx ─▶ the others cancelled ───────▶ upstream, each of them
 *                       ─▶ the rest ─▶ kept; next target ─▶ all settled: the best ─▶ upstream
 *
 * It is held by its branches' transactions and by the table of those that can still be cancelled; when both are done with it, it is gone.
 */
import { makeResponse } from '../../transport/reply';
import { TransactionError } from '../../transaction/types';
import type { Flow } from '../../transport/types';
import type { SipResponse } from '../../wire/message';
import { serialize } from '../../wire/serialize';
import type { App, Envelope } from '../app';
import { bestResponse, challengesIn, mergeChallenges } from './best-response';
import { Breadth } from './breadth';
import { Branch, type Extra } from './branch';
import type { ProxyJob } from './job';
import { redirectTargets, unfollowed } from './redirect';
import type { ProxyTarget } from './targets';

/** RFC 3326: a phone does not show a call as missed that somebody else has taken. */
const elsewhere: Extra = [{ name: 'Reason', value: 'SIP;cause=200;text="Call completed elsewhere"' }];

export class ResponseContext {
  private readonly branches: Branch[] = [];
  private readonly finals: SipResponse[] = [];
  private readonly invite: boolean;
  private readonly secure: boolean;
  private readonly breadth: Breadth;
  private started = false;
  /** The final response has been sent upstream. */
  private concluded = false;
  private cancelled = false;
  /** Nobody waits for anything but what the targets say to their CANCEL. */
  private ending = false;

  constructor(private readonly job: ProxyJob) {
    this.invite = job.request.method === 'INVITE';
    this.secure = /^sips:/i.test(job.request.uri);
    this.breadth = new Breadth(job.breadth);
  }

  get app(): App | undefined {
    return this.job.app;
  }

  start(): void {
    this.goOn();
  }

  /** The caller's CANCEL, which has been answered (§16.10). */
  cancel(reason: Extra): void {
    if (this.concluded || this.cancelled) return;
    this.cancelled = true;
    this.job.targets.stop();
    this.ending = true;
    this.cancelBranches(reason);
    this.goOn();
  }

  /** The engine ends: as good an answer as there is, at once. */
  close(): void {
    if (this.concluded) return;
    this.job.targets.stop();
    this.cancelBranches();
    this.conclude(this.make(503));
  }

  private goOn(): void {
    if (this.concluded) return;
    const { targets, policy } = this.job;
    while (!targets.isEmpty && this.breadth.free > 0 && (policy.simultaneous || this.active === 0)) this.launch(targets.take()!, this.breadth.take(policy.simultaneous ? targets.size + 1 : 1));
    // A target that has not said a word cannot be cancelled (§9.1), and perhaps never will be: the caller does not wait for those.
    if (this.ending && !this.branches.some((branch) => branch.heard && !branch.settled)) for (const branch of this.branches) branch.giveUp(487);
    if (!this.concluded && this.active === 0) this.conclude(this.chooseFinal());
  }

  private launch(target: ProxyTarget, breadth: number): void {
    const { context, policy, copyFor, moved, mark } = this.job;
    const { provisionalTimeoutMs, finalTimeoutMs } = policy;
    const make = (status: number): SipResponse => this.make(status);
    const branch = new Branch(target, this.invite, { context, copyFor, moved, breadth, mark, make, provisionalTimeoutMs, finalTimeoutMs }, {
      sent: (copy) => {
        this.job.records?.tried(copy);
        this.tellStarted();
      },
      provisional: (response, from) => this.onProvisional(response, from),
      success: (response, from, envelope, again) => this.onSuccess(target, response, from, envelope, again),
      settled: (response, envelope) => {
        this.breadth.giveBack(breadth);
        this.onSettled(target, response, envelope);
      },
    });
    this.branches.push(branch);
    branch.start();
  }

  private get active(): number {
    return this.branches.reduce((n, branch) => (branch.settled ? n : n + 1), 0);
  }

  // --- responses -----------------------------------------------------------------------------------------------------

  private onProvisional(response: SipResponse, from: Flow): void {
    if (!this.concluded && !this.cancelled) this.sendUpstream(this.forUpstream(response, from));
  }

  private onSuccess(target: ProxyTarget, response: SipResponse, from: Flow, envelope: Envelope, again: boolean): void {
    // To an INVITE every 2xx goes up, also after another final response (§16.7 step 5): each is somebody who has answered.
    if (this.concluded && !this.invite) return;
    if (!again) this.job.records?.answered(response);
    const up = this.forUpstream(response, from);
    if (this.concluded) {
      this.sendUpstream(up);
      return;
    }
    this.job.onAnswer?.(target, response);
    this.job.targets.stop();
    this.report(response, envelope);
    this.conclude(up);
    this.cancelBranches(elsewhere);
  }

  private onSettled(target: ProxyTarget, response: SipResponse, envelope: Envelope): void {
    this.job.records?.failed(response);
    if (this.concluded) return;
    this.job.onAnswer?.(target, response);
    this.report(response, envelope);
    // One that was made here has no Via of ours.
    const kept = this.follow(envelope.address === '' ? response : this.ownViaOff(response));
    if (kept) this.finals.push(kept);
    if (response.status >= 600) {
      // §16.7 step 5: nobody else is called; the answer waits for those that are being cancelled, one of which may have answered.
      this.job.targets.stop();
      this.ending = true;
      this.cancelBranches();
    }
    // Somebody asks for credentials: the caller has to answer that before it makes sense to call others (PROTOCOL 14).
    if (!this.job.policy.simultaneous && challengesIn(response).length > 0) this.job.targets.stop();
    this.goOn();
  }

  /** §16.7 step 4: makes targets of a redirect's Contacts. What is returned counts as an answer. */
  private follow(response: SipResponse): SipResponse | undefined {
    if (!this.job.policy.followRedirects || this.cancelled) return response;
    const all = redirectTargets(response, this.secure);
    if (!all) return response;
    const taken = this.job.targets.addNext(all.filter(({ uri }) => this.job.isUsable(uri)));
    if (taken.length === 0) return response;
    this.job.context.count('redirectsFollowed');
    return unfollowed(response, this.secure, taken);
  }

  private chooseFinal(): SipResponse {
    const best = bestResponse(this.finals, this.cancelled);
    if (!best) return this.make(this.cancelled ? 487 : 408);
    // §16.7 step 6: that this one target can serve nobody says nothing about us.
    if (best.status === 503) return this.make(500);
    mergeChallenges(best, this.finals.filter((other) => other !== best));
    return best;
  }

  private conclude(response: SipResponse): void {
    this.concluded = true;
    this.finals.length = 0;
    this.sendUpstream(response);
    this.job.records?.concluded(response, this.cancelled);
    this.job.onConcluded();
    this.tellStarted();
    this.job.listener?.done();
  }

  private cancelBranches(extra: Extra = []): void {
    for (const branch of this.branches) branch.cancel(extra);
  }

  private sendUpstream(response: SipResponse): void {
    const { transaction } = this.job;
    try {
      transaction.respond(response);
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
      // The transaction has had its final response: a 2xx passes by it (RFC 3261 §16.7 step 9), nothing else does.
      if (this.invite && response.status >= 200 && response.status < 300 && transaction.flow.open) transaction.flow.send(serialize(response));
    }
  }

  private forUpstream(response: SipResponse, from: Flow): SipResponse {
    const up = this.ownViaOff(response);
    this.job.faceTarget?.(up, from);
    return up;
  }

  /** §16.7 step 3. One that lost the others on its way gets those of the request. */
  private ownViaOff(response: SipResponse): SipResponse {
    const up = response.clone();
    up.removeTopVia();
    if (up.headers.has('via')) return up;
    const vias = this.job.request.headers.getAll('via');
    for (const via of vias.reverse()) up.headers.prepend('Via', via);
    return up;
  }

  private make(status: number): SipResponse {
    return makeResponse(this.job.request, status, this.job.transaction.localTag);
  }

  // --- the application -----------------------------------------------------------------------------------------------

  private report(response: SipResponse, envelope: Envelope): void {
    this.tellStarted();
    this.job.listener?.response(response, envelope);
  }

  private tellStarted(): void {
    if (this.started) return;
    this.started = true;
    this.job.listener?.started();
  }
}
