/** The sound of a call without any: offers and answers are taken as RFC 3264 has them, and anything out of turn throws. */
import { MediaFault, type CallMedia, type CallMediaEvents, type Direction, type MediaFactory, type MediaState, type Quality, type QualityOf } from '../../../../client/media';

const mirrored: Record<Direction, Direction> = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };

const silence: Quality = {
  of: 'lately',
  seconds: 0,
  heard: { packets: 0, lost: 0, lossFraction: null, jitterMs: null, bufferMs: null, concealedFraction: null, mos: null },
  sent: { packets: 0, lossFraction: null, jitterMs: null, mos: null },
  rttMs: null,
};

export class FakeMedia implements CallMedia {
  state: MediaState = { codec: null, encrypted: false, direction: 'sendrecv' };
  active = false;
  closed = false;
  readonly said: string[] = [];
  readonly keys: string[] = [];
  private offered: Direction | undefined;
  private agreed: Direction | undefined;
  private version = 0;

  constructor(
    readonly events: CallMediaEvents,
    private readonly factory: FakeMediaFactory,
  ) {}

  private sdp(direction: Direction): string {
    this.version += 1;
    return `v=0\r\no=- 1 ${this.version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 ${this.factory.codec}/8000\r\na=${direction}\r\n`;
  }

  private open(): void {
    if (this.closed) throw new MediaFault('unavailable', 'closed media was used');
  }

  async offer(direction: Direction): Promise<string> {
    this.open();
    if (this.factory.failOffers) throw new MediaFault('unavailable', 'there is no port left');
    if (this.offered) throw new Error('an offer while another one is out');
    this.offered = direction;
    this.said.push(`offer ${direction}`);
    return this.sdp(direction);
  }

  async answer(offer: string, direction: Direction): Promise<string> {
    this.open();
    if (this.offered) throw new Error('an answer while an offer of ours is out');
    const theirs = this.read(offer);
    const wanted = { sendrecv: 'sendrecv', sendonly: 'sendonly', recvonly: 'recvonly', inactive: 'inactive' }[direction];
    const both = intersect(mirrored[theirs], wanted as Direction);
    this.agree(both);
    this.said.push(`answer ${both}`);
    return this.sdp(both);
  }

  async accept(answer: string): Promise<void> {
    this.open();
    if (!this.offered && !this.agreed) throw new Error('an answer to nothing');
    const theirs = this.read(answer);
    this.agree(intersect(mirrored[theirs], this.offered ?? 'sendrecv'));
    this.offered = undefined;
    this.said.push(`accept ${theirs}`);
  }

  rollback(): void {
    if (!this.offered) return;
    this.offered = undefined;
    this.said.push('rollback');
  }

  check(offer: string): void {
    if (this.factory.checks) this.read(offer);
  }

  otherWay(): boolean {
    if (this.factory.otherWays === 0) return false;
    this.factory.otherWays -= 1;
    this.rollback();
    this.said.push('other way');
    return true;
  }

  private agree(direction: Direction): void {
    this.agreed = direction;
    this.state = { codec: this.factory.codec, encrypted: false, direction };
    this.events.changed(this.state);
  }

  private read(sdp: string): Direction {
    if (!sdp.includes('m=audio')) throw new MediaFault('malformed', 'no audio in it');
    if (!sdp.includes(`rtpmap:0 ${this.factory.codec}/`)) throw new MediaFault('unacceptable', 'no codec in common');
    return (/^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(sdp)?.[1] ?? 'sendrecv') as Direction;
  }

  sendDigits(digits: string, by: 'auto' | 'rfc4733' | 'in-band'): boolean {
    this.keys.push(`${by} ${digits}`);
    return by !== 'rfc4733' || this.factory.rfc4733;
  }

  setActive(active: boolean): void {
    this.active = active;
  }

  quality(of: QualityOf = 'lately'): Quality {
    return of === 'lately' ? silence : { ...silence, of, seconds: null };
  }

  close(): void {
    this.closed = true;
  }
}

function intersect(a: Direction, b: Direction): Direction {
  const send = (one: Direction): boolean => one === 'sendrecv' || one === 'sendonly';
  const receive = (one: Direction): boolean => one === 'sendrecv' || one === 'recvonly';
  const both = [send(a) && send(b), receive(a) && receive(b)];
  return both[0] ? (both[1] ? 'sendrecv' : 'sendonly') : both[1] ? 'recvonly' : 'inactive';
}

export class FakeMediaFactory implements MediaFactory<FakeMedia> {
  readonly all: FakeMedia[] = [];
  codec = 'PCMU';
  rfc4733 = true;
  failOffers = false;
  /** Offers are read before the call rings. */
  checks = false;
  /** How many more ways there are to make the first offer. */
  otherWays = 0;
  failOpen = false;

  async open(_call: unknown, events: CallMediaEvents): Promise<FakeMedia> {
    if (this.failOpen) throw new MediaFault('unavailable', 'there is no port left');
    const media = new FakeMedia(events, this);
    this.all.push(media);
    return media;
  }

  get left(): number {
    return this.all.filter((media) => !media.closed).length;
  }
}
