/** Frames as an application sends them over drachtio's control protocol, valid ones and damaged ones. */
import { frameText } from '../../../signaling/engine/control/framing';
import type { Mutator } from './mutate';
import { pick, text, type Random } from './sip-traffic';

export class ControlFrames {
  private serial = 0;

  constructor(
    private readonly random: Random,
    private readonly mutator: Mutator,
    /** Where requests are sent to, host:port. */
    private readonly peer: string,
  ) {}

  /** What belongs to a request the engine delivered: ids for answers. */
  learn(payload: string): void {
    const ids = payload.slice(0, 400).match(/[0-9a-f]{8}-[0-9a-f-]{27}/g);
    if (ids) this.ids = [...ids, ...this.ids].slice(0, 50);
  }

  private ids: string[] = [];

  /** Bytes to write: a frame, or what is none. */
  next(): Buffer {
    const valid = this.valid();
    if (this.random() < 0.25) return Buffer.from(frameText(valid));
    const damaged = this.mutator.damage(valid);
    if (this.random() < 0.95) return Buffer.from(frameText(damaged.toString('latin1')));
    return pick(this.random, [damaged, Buffer.from('0#'), Buffer.from('99999999#x'), Buffer.from('-1#'), Buffer.from('5#ab'), Buffer.concat([Buffer.from(`${damaged.length + 7}#`), damaged])]);
  }

  private valid(): string {
    const id = `m${this.serial++}`;
    const [transaction, dialog] = [this.anId(), this.anId()];
    const request = (method: string): string =>
      text(`${method} sip:peer@${this.peer} SIP/2.0`, [`From: <sip:app@127.0.0.1>`, `To: <sip:peer@${this.peer}>`, 'Contact: <sip:app@localhost>', ...(method === 'INVITE' ? ['Content-Type: application/sdp'] : [])], method === 'INVITE' ? 'v=0\r\n' : '');
    return pick(this.random, [
      () => `${id}|ping`,
      () => `${id}|route|${pick(this.random, ['INFO', 'PUBLISH', 'SUBSCRIBE', 'info', ''])}`,
      () => `${id}|remove_route|INFO`,
      () => `${id}|sip|||sip:peer@${this.peer}\r\n${request(pick(this.random, ['INVITE', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'REGISTER']))}`,
      () => `${id}|sip||${dialog}\r\n${request(pick(this.random, ['BYE', 'INFO', 'INVITE', 'ACK', 'UPDATE']))}`,
      () => `${id}|sip|${transaction}|${dialog}\r\n${text(`SIP/2.0 ${pick(this.random, [100, 180, 200, 404, 600])} Answer`, ['Contact: <sip:app@localhost>'])}`,
      () => `${id}|sip|${transaction}|\r\n${request(pick(this.random, ['CANCEL', 'ACK', 'PRACK']))}`,
      () => `${id}|proxy|${transaction}|remainInDialog|${pick(this.random, ['fullResponse', ''])}|followRedirects|${pick(this.random, ['simultaneous', 'serial'])}|1|5|sip:peer@${this.peer}\r\n${text('', ['X-Proxied: yes'])}`,
      () => `${id}|authenticate|wrong|`,
    ])();
  }

  private anId(): string {
    return this.ids.length > 0 && this.random() < 0.8 ? pick(this.random, this.ids) : 'no-such-id';
  }
}
