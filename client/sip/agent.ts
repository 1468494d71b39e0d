/**
 * sip.js's user agent as the phone uses it: its transactions and dialogs (`core`), not its sessions (`api`). Sessions of its own cannot
 * answer UPDATE, let early media fork, retry after 491, take the place of an early call or be timed by a clock of ours; all of that is in
 * `session.ts`, `invite-out.ts` and `invite-in.ts` over the same dialogs.
 *
 *   transport ─► UserAgent (parses) ─► [taps] ─► core (transactions, dialogs) ─► handlers
 *
 * The taps are what sip.js leaves no other way for:
 *   - UPDATE (RFC 3311): its core answers 405 before any dialog sees it.
 *   - provisional answers without Contact or To tag (allowed by RFC 2543, sent by gateways): it drops them, and nobody would hear it ring.
 *   - challenges: it answers one for each request (`authorization.ts`).
 *   - what throws while a message is dealt with: the message is answered with 500 or dropped, and the phone goes on.
 */
import { guard } from './authorization';
import type { Core, Sip, UserAgent, UserAgentOptions } from './sip-js';

export interface AgentOptions {
  user: string;
  domain: string;
  displayName?: string | undefined;
  authUser?: string | undefined;
  password?: string | undefined;
  userAgent: string;
  /** Of the Via; the transport writes the real one over it. */
  viaHost: string;
  /** Contact's transport parameter; undefined: none (UDP). */
  contactTransport?: string | undefined;
  transportConstructor: NonNullable<UserAgentOptions['transportConstructor']>;
  transportOptions: unknown;
  /** Asked for each request that is challenged. Default: sip.js's own (MD5). */
  authentication?: (() => Core.DigestAuthentication) | undefined;
}

export interface AgentHandlers {
  invite(request: Core.IncomingInviteRequest): void;
  message(request: Core.IncomingMessageRequest): void;
  /** Outside of any dialog. */
  notify(request: Core.IncomingNotifyRequest): void;
  /** `dialogId`: as of the dialogs of `core`. */
  update(dialogId: string, request: Core.UserAgentServer): void;
  /** Something went wrong in sip.js that ends nothing. */
  fault(err: unknown): void;
}

/** RFC 3261 §20.5. UPDATE is answered here (RFC 3311). */
export const allow = 'Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, MESSAGE, NOTIFY, OPTIONS, REFER';
/** The same in answers where sip.js has put an Allow of its own: header fields that are lists may come in several lines (RFC 3261 §7.3.1). */
export const allowBesides = 'Allow: UPDATE';

/** What sip.js keeps to itself of its dialogs. */
export interface DialogInside {
  dialogState: Core.DialogState;
  sequenceGuard(message: Core.IncomingRequestMessage): boolean;
}

const supported = ['100rel', 'replaces', 'timer', 'norefersub'];

export class Agent {
  readonly ua: UserAgent;
  readonly core: Core.UserAgentCore;
  /** Who hears of provisional answers that make no dialog: by Call-ID and From tag. */
  private readonly bare = new Map<string, (response: Core.IncomingResponseMessage) => void>();
  private readonly farewells = new Set<Promise<void>>();
  private readonly guarded = new WeakSet<Core.UserAgentClient>();
  private readonly abandoned = new WeakSet<object>();

  constructor(
    readonly sip: Sip,
    options: AgentOptions,
    private readonly handlers: AgentHandlers,
  ) {
    const uri = sip.UserAgent.makeURI(`sip:${options.user}@${options.domain}`);
    if (!uri) throw new Error(`no SIP address: ${options.user}@${options.domain}`);
    this.ua = new sip.UserAgent({
      uri,
      // sip.js writes the name between quotes as it is.
      displayName: (options.displayName ?? '').replace(/["\\\p{Cc}]/gu, ''),
      contactName: options.user,
      contactParams: options.contactTransport === undefined ? {} : { transport: options.contactTransport },
      viaHost: options.viaHost,
      forceRport: true,
      authorizationUsername: options.authUser ?? options.user,
      authorizationPassword: options.password ?? '',
      userAgentString: options.userAgent,
      transportConstructor: options.transportConstructor,
      transportOptions: options.transportOptions,
      logBuiltinEnabled: false,
      logConfiguration: false,
      gracefulShutdown: false,
      // The default one is for browsers; sessions of sip.js's own, which would ask for one, are never made.
      sessionDescriptionHandlerFactory: () => {
        throw new Error('sessions have their media from the phone');
      },
    });
    this.core = this.ua.userAgentCore;
    const { configuration } = this.core;
    // sip.js says 'outbound' (RFC 5626) of itself without doing it.
    configuration.supportedOptionTags = supported.slice();
    configuration.supportedOptionTagsResponse = supported.slice();
    configuration.authenticationFactory = () => (options.password === undefined ? undefined : (options.authentication?.() ?? new sip.Core.DigestAuthentication(this.ua.getLoggerFactory(), undefined, options.authUser ?? options.user, options.password)));
    this.core.delegate = {
      onInvite: (request) => this.handlers.invite(request),
      onMessage: (request) => this.handlers.message(request),
      onNotify: (request) => this.handlers.notify(request),
      // What is not asked for: REFER outside of a call, REGISTER and SUBSCRIBE to a phone.
      onRefer: (request) => void request.reject({ statusCode: 405, extraHeaders: [allow] }),
      onRegister: (request) => void request.reject({ statusCode: 405, extraHeaders: [allow] }),
      onSubscribe: (request) => void request.reject({ statusCode: 489 }),
    };
    this.tap();
  }

  get aor(): Core.URI {
    return this.core.configuration.aor;
  }

  /** 'Contact: <sip:…>' */
  get contact(): string {
    return `Contact: ${this.core.configuration.contact.toString()}`;
  }

  /** A request outside of a dialog. */
  request(method: string, target: Core.URI, extraHeaders: string[], body?: Core.Body, options: Core.OutgoingRequestMessageOptions & { to?: Core.URI; from?: Core.URI } = {}): Core.OutgoingRequestMessage {
    const { to = target, from = this.aor, ...rest } = options;
    return this.core.makeOutgoingRequestMessage(method, target, from, to, rest, extraHeaders, body);
  }

  /** It is given up: should it be challenged yet, it is not sent again. */
  abandon(request: Core.OutgoingRequest): void {
    this.abandoned.add(request);
  }

  /** Until `forget` is called, provisional answers without a dialog come to `hear`. */
  hearBare(request: Core.OutgoingRequestMessage, hear: (response: Core.IncomingResponseMessage) => void): () => void {
    const key = request.callId + request.fromTag;
    this.bare.set(key, hear);
    return () => {
      if (this.bare.get(key) === hear) this.bare.delete(key);
    };
  }

  /** Something that has to be said before the way is closed (a BYE, a CANCEL): call what is returned when it is done. */
  farewell(): () => void {
    let done = (): void => undefined;
    const promise = new Promise<void>((resolve) => (done = resolve));
    this.farewells.add(promise);
    return () => {
      this.farewells.delete(promise);
      done();
    };
  }

  /** Resolves when all that had to be said is said. */
  async settled(): Promise<void> {
    while (this.farewells.size > 0) await Promise.all(this.farewells);
  }

  async close(): Promise<void> {
    await this.ua.stop();
  }

  /**
   * The stream that requests went over is gone, and their answers with it: they fail with 503 at once instead of 408 after 32 s (RFC 3261 §8.1.3.1).
   * Not over UDP, where they are sent again; not an INVITE that was heard of, whose final answer may come over the next connection (§18.2.2).
   */
  wayLost(): void {
    if (this.ua.transport.protocol === 'UDP') return;
    const { TransportError, TransactionState } = this.sip.Core;
    for (const client of [...this.core.userAgentClients.values()]) {
      const { transaction } = client as unknown as { transaction: Core.ClientTransaction & { onTransportError(error: Error): void } };
      const { state } = transaction;
      const waiting = state === TransactionState.Calling || state === TransactionState.Trying || (state === TransactionState.Proceeding && transaction.request.method !== 'INVITE');
      if (waiting) transaction.onTransportError(new TransportError('the connection was lost'));
    }
  }

  private tap(): void {
    const { core } = this;
    const request = core.receiveIncomingRequestFromTransport.bind(core);
    core.receiveIncomingRequestFromTransport = (message) => {
      try {
        if (message.method === 'UPDATE') this.receiveUpdate(message);
        else request(message);
      } catch (err) {
        this.handlers.fault(err);
        if (message.method !== 'ACK') this.refuse(message, 500);
      }
    };
    const response = core.receiveIncomingResponseFromTransport.bind(core);
    core.receiveIncomingResponseFromTransport = (message) => {
      try {
        const status = message.statusCode ?? 0;
        if (message.method === 'INVITE' && status > 100 && status < 200 && (!message.toTag || !message.hasHeader('contact'))) this.bare.get(message.callId + message.fromTag)?.(message);
        if (status === 401 || status === 407) this.guard(message);
        response(message);
      } catch (err) {
        this.handlers.fault(err);
      }
    };
  }

  private guard(response: Core.IncomingResponseMessage): void {
    const client = this.core.userAgentClients.get(response.viaBranch + response.method);
    if (!client || this.guarded.has(client)) return;
    this.guarded.add(client);
    const { configuration, dialogs } = this.core;
    guard(client, { authentication: () => configuration.authenticationFactory(), dialogs, wanted: (one) => !this.abandoned.has(one) });
  }

  /** RFC 3311 §5.2. sip.js's own dialogs look after the sequence of requests (RFC 3261 §12.2.2). */
  private receiveUpdate(message: Core.IncomingRequestMessage): void {
    const { core, sip } = this;
    const known = core.userAgentServers.get(message.viaBranch);
    if (known) return known.transaction.receiveRequest(message);
    const id = message.callId + message.toTag + message.fromTag;
    const dialog = core.dialogs.get(id) as (Core.Dialog & DialogInside) | undefined;
    if (!message.toTag || !dialog) return this.refuse(message, 481);
    if (!dialog.sequenceGuard(message)) return;
    sip.Core.Dialog.prototype.receiveRequest.call(dialog, message);
    const contact: unknown = message.parseHeader('contact');
    if (contact instanceof sip.NameAddrHeader) dialog.dialogState.remoteTarget = contact.uri;
    this.handlers.update(id, new sip.Core.UserAgentServer(sip.Core.NonInviteServerTransaction, core, message));
  }

  private refuse(message: Core.IncomingRequestMessage, statusCode: number): void {
    try {
      this.core.replyStateless(message, { statusCode });
    } catch (err) {
      this.handlers.fault(err);
    }
  }
}
