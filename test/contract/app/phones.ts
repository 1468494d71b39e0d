/**
 * The whole way of a call: a SIP engine, stock drachtio-srf, the calls of the application, and phones played by the test, each on a
 * loopback address of its own. Registration and passwords are left out: who calls is believed, and phones are where the test says.
 */
import { randomBytes } from 'node:crypto';
import type { Binding } from '../../../signaling/app/binding';
import { Calls } from '../../../signaling/app/calls';
import type { Feature } from '../../../signaling/app/feature';
import type { CallSrf, SipRequest, SipResponder } from '../../../signaling/app/dialogs';
import { refuse } from '../../../signaling/app/reasons';
import { systemClock } from '../../../signaling/clock';
import type { SipRequest as WireRequest, SipResponse as WireResponse } from '../../../signaling/engine/wire/message';
import type { Extension } from '../../../signaling/store/store';
import { PeerDialog, SipPeer, type Heard } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { binding, extension, FakeLog, FakePlane } from '../../unit/app/call-fakes';
import { isRealServer, startApp, startServer, type AppUnderTest, type ServerUnderTest } from '../engine/harness';

type EngineOptions = Parameters<typeof startServer>[0];

export class Exchange {
  readonly plane = new FakePlane();
  readonly log = new FakeLog();
  readonly extensions = new Map<string, Extension>([1001, 1002, 1003].map((n) => [String(n), extension(String(n), { name: `Name of ${n}` })]));
  readonly bindings = new Map<string, Binding[]>();
  private readonly phones: Phone[] = [];
  private app!: AppUnderTest;
  calls!: Calls;

  private constructor(readonly server: ServerUnderTest) {}

  static async start(settings: { ringSeconds?: number; maxCalls?: number; features?: readonly Feature[] } = {}, engine: EngineOptions = {}): Promise<Exchange> {
    const exchange = new Exchange(await startServer(engine));
    exchange.app = await startApp(exchange.server, (srf) => {
      exchange.calls = new Calls({
        srf: srf as unknown as CallSrf,
        plane: exchange.plane,
        clock: systemClock,
        random: randomBytes,
        log: exchange.log,
        locations: { lookup: (number) => exchange.bindings.get(number) ?? [], forget: () => false },
        directory: { find: async (number) => exchange.extensions.get(number) },
        // one of ours, whatever the phone's
        reach: { addressFor: (_peer, family) => (family === 4 ? '127.0.0.1' : undefined), isLocal: () => true },
        config: { call: { ringSeconds: settings.ringSeconds ?? 30, maxCalls: settings.maxCalls ?? 1000 } },
        // what is relayed shows what passes
        media: { transcode: false, holdMusic: null },
        features: settings.features ?? [],
      });
      srf.invite((req, res) => {
        const number = /sip:([^@]*)@/.exec(req.get('From'))?.[1] ?? '';
        void exchange.calls.onInvite(req as unknown as SipRequest, res as unknown as SipResponder, exchange.extensions.get(number) ?? extension(number));
      });
    });
    return exchange;
  }

  /** A phone of `number` on 127.0.0.`host`, registered there. */
  async phone(number: string, host: number, protocol: 'udp' | 'tcp' = 'udp'): Promise<Phone> {
    const peer = protocol === 'udp' ? await SipPeer.udp(this.server.udp, `127.0.0.${host}`) : await SipPeer.tcp(this.server.tcp);
    const phone = new Phone(number, peer, this.server, host);
    this.phones.push(phone);
    this.bindings.set(number, [...(this.bindings.get(number) ?? []), binding(number, peer.host, peer.port, protocol)]);
    return phone;
  }

  /** Everything given back: calls, media ports, dialogs in srf and in the engine. */
  async quiet(): Promise<void> {
    const dialogs = (this.app.srf as unknown as { _dialogs: Map<string, unknown> })._dialogs;
    const left = () => JSON.stringify({ calls: this.calls.active(), ports: this.plane.held.size, srf: dialogs.size, engine: isRealServer ? 0 : this.server.stats().core.dialogs });
    await eventually('nothing to be left', () => left() === '{"calls":0,"ports":0,"srf":0,"engine":0}', 6000).catch((err: Error) => {
      throw new Error(`${err.message}: ${left()}`);
    });
  }

  /** Between tests: phones gone, nothing left. */
  async clear(): Promise<void> {
    try {
      await this.quiet();
    } finally {
      // after a failure: the next test is not to see this one's calls
      for (const { id } of this.calls.list()) this.calls.end(id, refuse('failed', ''));
      this.bindings.clear();
      for (const phone of this.phones.splice(0)) await phone.peer.close();
    }
    if (this.calls.stats().faults > 0) throw new Error(JSON.stringify(this.log.lines.filter((l) => l.level === 'error')));
  }

  async close(): Promise<void> {
    await this.calls.close();
    this.app.close();
    await this.server.close();
  }
}

export interface Description {
  direction?: string;
  codecs?: string;
  port?: number;
  connection?: string;
}

export class Phone {
  private version = 0;
  private readonly seen = new Set<string>();

  constructor(
    readonly number: string,
    readonly peer: SipPeer,
    private readonly server: ServerUnderTest,
    /** Last part of the address that it claims in SDP. */
    readonly host: number,
  ) {}

  get address(): string {
    return `127.0.0.${this.host}`;
  }

  /** Its session description; each has a new version unless `again`. */
  sdp({ direction = 'sendrecv', codecs = '0 101', port = 6000 + 2 * this.host, connection = this.address }: Description = {}, again = false): string {
    if (!again) this.version++;
    return [
      'v=0', `o=user-${this.number} 9${this.number}9 ${this.version} IN IP4 ${this.address}`, `s=subject of ${this.number}`, `c=IN IP4 ${connection}`, 't=0 0',
      `m=audio ${port} RTP/AVP ${codecs}`, 'a=rtpmap:101 telephone-event/8000', `a=${direction}`, `a=tool:phone-${this.number}`, '',
    ].join('\r\n');
  }

  get own(): string {
    return `<sip:${this.number}@pbx.test>;tag=tag-${this.number}-${this.host}`;
  }

  invite(number: string, body: string | undefined = this.sdp(), headers: Record<string, string> = {}): WireRequest {
    const request = this.peer.request('INVITE', `sip:${number}@127.0.0.1:${this.server.udp.port}`, {
      from: this.own,
      to: `<sip:${number}@pbx.test>`,
      callId: `call-of-${this.number}-${randomBytes(4).toString('hex')}`,
      headers: { 'User-Agent': `agent-of-${this.number}`, ...headers },
      ...(body !== '' && { body }),
    });
    this.peer.send(request);
    return request;
  }

  /** ACK to a final answer that is not 2xx: same transaction. */
  ackRefusal(invite: WireRequest, refusal: Heard<WireResponse>): void {
    const ack = this.peer.request('ACK', invite.uri, { from: this.own, to: refusal.message.headers.get('to') as string, callId: invite.callId, headers: { Via: invite.headers.get('via') as string } });
    this.peer.send(ack);
  }

  cancel(invite: WireRequest): void {
    const cancel = this.peer.request('CANCEL', invite.uri, { from: this.own, to: invite.headers.get('to') as string, callId: invite.callId, headers: { Via: invite.headers.get('via') as string } });
    this.peer.send(cancel);
  }

  /** Answers a received INVITE with 200. */
  answer(invite: Heard<WireRequest>, body: string = this.sdp()): PeerDialog {
    const response = this.peer.reply(invite, 200, { tag: `tag-${this.number}-${this.host}`, body, headers: { 'User-Agent': `agent-of-${this.number}` } });
    return PeerDialog.called(this.peer, invite, response);
  }

  /** Answers a request inside a dialog. */
  accept(request: Heard<WireRequest>, body = ''): WireResponse {
    return this.peer.reply(request, 200, { body });
  }

  /** Answers the BYE that comes. */
  async hungUp(): Promise<Heard<WireRequest>> {
    const bye = await this.request('BYE');
    this.accept(bye);
    return bye;
  }

  /** The next request of that method; what is repeated because our answer was slow counts once. */
  async request(method: string, timeoutMs?: number): Promise<Heard<WireRequest>> {
    for (;;) {
      const heard = await this.peer.getRequest(method, timeoutMs);
      if (this.isNew(`${method} ${heard.message.headers.get('via')}`)) return heard;
    }
  }

  /** The next such answer; a 200 that is repeated until our ACK arrives counts once. */
  async response(status: number, method = 'INVITE', timeoutMs?: number): Promise<Heard<WireResponse>> {
    for (;;) {
      const heard = await this.peer.getResponse(status, method, timeoutMs);
      const { callId, cseq } = heard.message;
      if (status < 200 || this.isNew(`${status} ${callId} ${cseq.seq} ${cseq.method}`)) return heard;
    }
  }

  private isNew(key: string): boolean {
    if (this.seen.has(key)) return false;
    this.seen.add(key);
    return true;
  }

  /** Everything this phone was sent, as text. */
  get everything(): string {
    return this.peer.heard.map(({ message }) => `${'method' in message ? `${message.method} ${message.uri}` : `${message.status} ${message.reason}`}\n${[...message.headers].map((h) => `${h.name}: ${h.value}`).join('\n')}\n\n${message.body.toString()}`).join('\n\n');
  }
}

export interface Up {
  caller: Phone;
  callee: Phone;
  a: PeerDialog;
  b: PeerDialog;
  /** Our 200 to the caller, our INVITE to the callee. */
  answered: Heard<WireResponse>;
  invited: Heard<WireRequest>;
  invite: WireRequest;
}

/** A call that is up. */
export async function connect(caller: Phone, callee: Phone, offer = caller.sdp()): Promise<Up> {
  const invite = caller.invite(callee.number, offer);
  const invited = await callee.request('INVITE');
  callee.peer.reply(invited, 180, { tag: `tag-${callee.number}-${callee.host}` });
  await caller.response(180);
  const b = callee.answer(invited);
  await callee.request('ACK');
  const answered = await caller.response(200);
  const a = PeerDialog.caller(caller.peer, invite, answered);
  a.ack();
  return { caller, callee, a, b, answered, invited, invite };
}
