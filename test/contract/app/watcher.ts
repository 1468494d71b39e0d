/** A phone that watches: it subscribes, answers every NOTIFY 200, and keeps what it was told in order. */
import type { SipRequest } from '../../../signaling/engine/wire/message';
import { PeerDialog, type Address, SipPeer, type Heard } from '../../support/sip-peer';
import { eventually } from '../../support/wait';

export class Watcher {
  /** NOTIFYs in order, each once however often it was sent. */
  readonly told: SipRequest[] = [];
  private readonly seen = new Set<string>();
  private open = true;
  private read = 0;
  dialog: PeerDialog | undefined;

  private constructor(
    readonly peer: SipPeer,
    readonly number: string,
  ) {}

  static async start(target: Address, number: string): Promise<Watcher> {
    const watcher = new Watcher(await SipPeer.udp(target), number);
    void watcher.listen();
    return watcher;
  }

  ask(event: string, whom: string, headers: Record<string, string> = {}): SipRequest {
    const from = `<sip:${this.number}@pbx.test>;tag=w${this.peer.port}`;
    const request = this.peer.request('SUBSCRIBE', `sip:${whom}@pbx.test`, { from, to: `<sip:${whom}@pbx.test>`, headers: { Event: event, Expires: '600', ...headers } });
    this.peer.send(request);
    return request;
  }

  /** Resolves with the text of the first NOTIFY. */
  async watch(event: string, whom: string, headers: Record<string, string> = {}): Promise<string> {
    const request = this.ask(event, whom, headers);
    this.dialog = PeerDialog.caller(this.peer, request, await this.peer.getResponse(202, 'SUBSCRIBE'));
    return this.next();
  }

  /** The next that it was told and that nobody has asked for yet. */
  async next(): Promise<string> {
    const at = this.read++;
    const notify = await eventually(`watcher ${this.number} to be told`, () => this.told[at], 15_000);
    return notify.body.toString();
  }

  state(at = -1): string {
    return this.told.at(at)?.headers.get('subscription-state') ?? '';
  }

  async unwatch(event: string): Promise<string> {
    this.dialog?.send('SUBSCRIBE', { headers: { Event: event, Expires: '0' } });
    await this.peer.getResponse(202, 'SUBSCRIBE');
    return this.next();
  }

  async close(): Promise<void> {
    this.open = false;
    await this.peer.close();
  }

  private async listen(): Promise<void> {
    while (this.open) {
      const heard: Heard<SipRequest> | undefined = await this.peer.getRequest('NOTIFY', 500).catch(() => undefined);
      if (!heard || !this.open) continue;
      this.peer.reply(heard, 200);
      const name = `${heard.message.callId} ${heard.message.cseq.seq}`;
      if (this.seen.has(name)) continue;
      this.seen.add(name);
      this.told.push(heard.message);
    }
  }
}
