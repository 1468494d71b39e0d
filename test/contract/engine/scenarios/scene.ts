/** What a scenario has at hand: an application with a stock drachtio-srf, the frames it is told, and two SIP peers. */
import type { EngineOptions } from '../../../../signaling/engine';
import { PeerDialog, SipPeer, sdp, type Heard, type RequestOptions } from '../../../support/sip-peer';
import type { SipRequest } from '../../../../signaling/engine/wire/message';
import { eventually } from '../../../support/wait';
import { startApp, startServer, type AppUnderTest, type ServerUnderTest, type TestDialog, type TestRequest, type TestResponse, type TestSrf } from '../harness';
import { Trace } from '../trace';

export interface Scenario {
  /** Number of the recording, in the list of recordings of a real drachtio-server. */
  of: string;
  title: string;
  /** Verbs the application registers. */
  routes: string[];
  /** Lines as in trace.ts, recorded from drachtio-server v0.9.10. */
  recorded: string;
  run(scene: Scene): Promise<unknown>;
  /** Our engine only: settings. */
  engine?: Partial<EngineOptions>;
  /** A real server takes 64*T1 and more for it. */
  slow?: true;
}

export interface Asked {
  req: TestRequest;
  res: TestResponse;
}

interface Wire {
  prependListener(event: 'msg', fn: (socket: unknown, message: string) => void): void;
  send(socket: unknown, message: string): string;
}

export class Scene {
  readonly trace: Trace;
  private readonly asked: Array<Asked & { method: string }> = [];
  private readonly waiting: Array<{ method: string; found(asked: Asked): void }> = [];
  private readonly peers: SipPeer[] = [];

  private constructor(
    readonly server: ServerUnderTest,
    readonly a: SipPeer,
    readonly b: SipPeer,
  ) {
    this.peers.push(a, b);
    const ports = new Set([server.udp.port, server.tcp.port]);
    this.trace = new Trace(({ port }) => ports.has(port));
  }

  app!: AppUnderTest;

  get srf(): TestSrf {
    return this.app.srf;
  }

  static async open(scenario: Scenario): Promise<Scene> {
    const server = await startServer(scenario.engine ?? {});
    const scene = new Scene(server, await SipPeer.udp(server.udp), await SipPeer.udp(server.udp));
    scene.app = await scene.join(scenario.routes);
    return scene;
  }

  /** An application that registers these verbs; its requests queue up in `next`, what it is told in the trace. */
  join(routes: string[]): Promise<AppUnderTest> {
    return startApp(this.server, (srf) => {
      for (const verb of routes) {
        if (verb.startsWith('cdr:')) srf.on(verb, () => undefined);
        else srf.use(verb, (req, res) => this.take({ method: verb, req, res }));
      }
      // The connection is made behind `prepare`; its frames begin later than that.
      queueMicrotask(() => {
        const { wp } = (srf as unknown as { _app: { client: { wp: Wire } } })._app.client;
        wp.prependListener('msg', (_socket, message) => this.trace.frame(message));
      });
    });
  }

  /** The next request the application is asked about. */
  next(method: string): Promise<Asked> {
    const at = this.asked.findIndex((one) => one.method === method);
    if (at >= 0) return Promise.resolve(this.asked.splice(at, 1)[0]!);
    return new Promise((found) => this.waiting.push({ method, found }));
  }

  private take(asked: Asked & { method: string }): void {
    const at = this.waiting.findIndex((one) => one.method === asked.method);
    if (at < 0) this.asked.push(asked);
    else this.waiting.splice(at, 1)[0]!.found(asked);
  }

  get own(): string {
    return `sip:bob@127.0.0.1:${this.server.udp.port}`;
  }

  send(method: string, options: RequestOptions = {}, by = this.a): SipRequest {
    const request = by.request(method, this.own, options);
    by.send(request);
    return request;
  }

  /** `a` calls, the application answers. */
  async answered(options: RequestOptions = {}, by = this.a, headers: Record<string, string> = {}): Promise<{ call: PeerDialog; dialog: TestDialog }> {
    const invite = this.send('INVITE', { body: sdp(), ...options }, by);
    const { req, res } = await this.next('invite');
    const dialog = this.srf.createUAS(req, res, { localSdp: sdp(40002), headers });
    const call = PeerDialog.caller(by, invite, await by.getResponse(200, 'INVITE'));
    call.ack();
    const made = await dialog;
    await this.told('| ACK');
    return { call, dialog: made };
  }

  /** The application calls `b`, which answers. */
  async calling(options: { headers?: Record<string, string>; localSdp?: string } = {}, answer: Parameters<SipPeer['reply']>[2] = {}): Promise<{ call: PeerDialog; dialog: TestDialog; invite: Heard<SipRequest> }> {
    const made = this.srf.createUAC(this.b.uri, { localSdp: sdp(40002), ...options });
    const invite = await this.b.getRequest('INVITE');
    const call = PeerDialog.called(this.b, invite, this.b.reply(invite, 200, { body: sdp(), ...answer }));
    const dialog = await made;
    await this.b.getRequest('ACK');
    return { call, dialog, invite };
  }

  /** The application ends a call; the peer agrees. */
  async hangUp(dialog: TestDialog, by: SipPeer): Promise<void> {
    const ended = dialog.destroy();
    by.reply(await by.getRequest('BYE'), 200);
    await ended;
  }

  /** The peer ends a call. */
  async bye(call: PeerDialog, by: SipPeer): Promise<void> {
    call.send('BYE');
    await by.getResponse(200, 'BYE');
  }

  cancel(invite: SipRequest, by = this.a): void {
    const { headers } = invite;
    by.send(by.request('CANCEL', invite.uri, { from: headers.get('from')!, to: headers.get('to')!, callId: invite.callId, cseq: invite.cseq.seq, headers: { Via: headers.get('via')! } }));
  }

  /** The ACK to a failure. */
  ack(invite: SipRequest, to: string, by = this.a): void {
    const { headers } = invite;
    by.send(by.request('ACK', invite.uri, { from: headers.get('from')!, to, callId: invite.callId, cseq: invite.cseq.seq, headers: { Via: headers.get('via')! } }));
  }

  /** The final response to an INVITE of `by` has come, and is acknowledged. */
  async failed(invite: SipRequest, status: number, by = this.a): Promise<void> {
    const { message } = await by.getResponse(status, 'INVITE', 10_000);
    this.ack(invite, message.headers.get('to')!, by);
  }

  /** The application has been told a line with this in it. */
  told(part: string, times = 1): Promise<unknown> {
    return eventually(`"${part}" to be told; there is:\n${this.trace.lines.join('\n')}`, () => this.trace.lines.filter((line) => line.includes(part)).length >= times, 10_000, 5);
  }

  async peer(make: Promise<SipPeer>): Promise<SipPeer> {
    const peer = await make;
    this.peers.push(peer);
    return peer;
  }

  async close(): Promise<void> {
    this.app?.close();
    await Promise.all(this.peers.map((peer) => peer.close()));
    await this.server.close();
  }
}

/** As a promise: what a callback of drachtio-srf is given first. */
export function firstOf(call: (done: (first: unknown) => void) => void): Promise<unknown> {
  return new Promise(call);
}
