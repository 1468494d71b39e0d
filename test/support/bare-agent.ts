/** A sip.js user agent with nothing around it, for tests of what lies below: it answers every call with an SDP that says nothing. */
import type { Session, Sip, UserAgent, Registerer, SessionDescriptionHandler } from '../../client/sip/sip-js';
import type { Authentication } from '../../client/sip/digest';

export interface BareAgentOptions {
  user: string;
  domain: string;
  viaHost: string;
  /** As sip.js constructs it. */
  transport: new (logger: unknown, options: never) => unknown;
  options: unknown;
  authentication?: Authentication | undefined;
  /** Request-URI of REGISTER; default: the domain. */
  registrar?: string | undefined;
  /** Of calls that come in: accepted, refused with this status, or left ringing. Default 'accept'. */
  onCall?: 'accept' | 'ring' | number | undefined;
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n';

export class BareAgent {
  /** Calls that came in. */
  readonly calls: Session[] = [];
  private readonly registerer: Registerer;

  constructor(
    readonly sip: Sip,
    readonly agent: UserAgent,
    registrar: string | undefined,
  ) {
    const uri = registrar === undefined ? undefined : sip.UserAgent.makeURI(registrar);
    this.registerer = new sip.Registerer(agent, { expires: 60, ...(uri ? { registrar: uri } : {}) });
  }

  start(): Promise<void> {
    return this.agent.start();
  }

  /** The state that it ends in. */
  register(): Promise<string> {
    return this.registration(() => this.registerer.register({ requestDelegate: { onReject: () => undefined } }));
  }

  unregister(): Promise<string> {
    return this.registration(() => this.registerer.unregister());
  }

  call(uri: string): Session {
    const target = this.sip.UserAgent.makeURI(uri);
    if (!target) throw new Error(`no SIP URI: ${uri}`);
    const inviter = new this.sip.Inviter(this.agent, target);
    void inviter.invite();
    return inviter;
  }

  /** Whoever did not unregister is forgotten by the server in time; sip.js would keep the process alive until then, to renew it. */
  close(): Promise<void> {
    (this.registerer as unknown as { clearTimers(): void }).clearTimers();
    return this.agent.stop();
  }

  private registration(ask: () => Promise<unknown>): Promise<string> {
    return new Promise((resolve, reject) => {
      this.registerer.stateChange.once((state) => resolve(state));
      ask().catch(reject);
    });
  }
}

export function bareAgent(sip: Sip, { user, domain, viaHost, transport, options, authentication, registrar, onCall = 'accept' }: BareAgentOptions): BareAgent {
  const uri = sip.UserAgent.makeURI(`sip:${user}@${domain}`);
  if (!uri) throw new Error(`no SIP user: ${user}`);
  const agent = new sip.UserAgent({
    uri,
    viaHost,
    contactName: user,
    contactParams: {},
    forceRport: true,
    logBuiltinEnabled: false,
    reconnectionAttempts: 0,
    gracefulShutdown: false,
    transportConstructor: transport as never,
    transportOptions: options as never,
    sessionDescriptionHandlerFactory: () => silentDescriptions(),
  } as never);
  if (authentication) (agent.userAgentCore.configuration as { authenticationFactory: unknown }).authenticationFactory = () => authentication;
  const bare = new BareAgent(sip, agent, registrar);
  agent.delegate = {
    onInvite: (invitation) => {
      bare.calls.push(invitation);
      if (onCall === 'accept') void invitation.accept().catch(() => undefined);
      // It rings by itself.
      else if (onCall !== 'ring') void invitation.reject({ statusCode: onCall }).catch(() => undefined);
    },
  };
  return bare;
}

function silentDescriptions(): SessionDescriptionHandler {
  return {
    close: () => undefined,
    getDescription: () => Promise.resolve({ body: SDP, contentType: 'application/sdp' }),
    hasDescription: (type) => type === 'application/sdp',
    rollbackDescription: () => Promise.resolve(),
    setDescription: () => Promise.resolve(),
    sendDtmf: () => false,
  };
}
