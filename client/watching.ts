/** What the phone watches: its own voicemail (RFC 3842), and others (RFC 3856; RFC 4235 where the server has that instead). */
import type { Chance, Clock } from './clock';
import type { OtherEvent } from './events';
import type { Account } from './phone-types';
import type { Agent } from './sip/agent';
import { messageSummary, presence } from './sip/bodies';
import { header, parameters } from './sip/headers';
import type { Core } from './sip/sip-js';
import { Subscription } from './sip/subscription';

const expiresS = 600;

export class Watching {
  private voicemail: Subscription | undefined;
  private readonly watched = new Map<string, Subscription>();

  constructor(
    private readonly agent: Agent,
    private readonly clock: Clock,
    private readonly chance: Chance,
    private readonly emit: (event: OtherEvent) => void,
  ) {}

  /** Our own voicemail is asked for, once. A server without any says so, and that is nobody's trouble. */
  voicemailOf(account: Account): void {
    const target = this.agent.sip.UserAgent.makeURI(`sip:${account.user}@${account.domain}`);
    if (this.voicemail || !target) return;
    this.voicemail = new Subscription(this.agent, this.clock, this.chance, { target, event: 'message-summary', accept: 'application/simple-message-summary', expiresS }, {
      notified: (message) => this.summary(message),
      failed: () => undefined,
    });
  }

  watch(who: string, target: Core.URI): void {
    if (this.watched.has(who)) return;
    this.subscribe(who, target, 'presence', 'application/pidf+xml', (status, problem) => {
      // 489: no presence here; the same is told by dialog-info.
      if (status !== 489) return this.failed(who, status, problem);
      this.subscribe(who, target, 'dialog', 'application/dialog-info+xml', (again, why) => this.failed(who, again, why));
    });
  }

  unwatch(who: string): void {
    this.watched.get(who)?.stop();
    this.watched.delete(who);
  }

  /** The way is there: what could not be asked for before is. */
  begin(): void {
    this.voicemail?.begin();
    for (const subscription of this.watched.values()) subscription.begin();
  }

  /** Everything is asked for anew. */
  again(): void {
    this.voicemail?.again();
    for (const subscription of this.watched.values()) subscription.again();
  }

  /** NOTIFY that nobody asked for: voicemail only. */
  unsolicited(request: Core.IncomingNotifyRequest): void {
    const event = parameters(header(request.message, 'event') ?? '').value.toLowerCase();
    if (event !== 'message-summary') return void request.reject({ statusCode: 481 });
    request.accept();
    this.summary(request.message);
  }

  stop(): void {
    this.voicemail?.stop();
    for (const subscription of this.watched.values()) subscription.stop();
    this.watched.clear();
  }

  private subscribe(who: string, target: Core.URI, event: string, accept: string, failed: (status: number | null, problem: string) => void): void {
    const subscription = new Subscription(this.agent, this.clock, this.chance, { target, event, accept, expiresS }, {
      notified: (message) => {
        const told = presence(header(message, 'content-type') ?? '', message.body);
        if (told) this.emit({ event: 'presence', of: who, ...told });
      },
      failed,
    });
    this.watched.set(who, subscription);
    subscription.begin();
  }

  private failed(who: string, status: number | null, problem: string): void {
    this.watched.delete(who);
    this.emit({ event: 'presence-failed', of: who, status, problem: `${who} cannot be watched: ${problem}` });
  }

  private summary(message: Core.IncomingMessage): void {
    const told = messageSummary(message.body);
    if (told) this.emit({ event: 'voicemail', ...told });
  }
}
