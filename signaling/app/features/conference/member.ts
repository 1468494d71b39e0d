/**
 * One who is in a conference: a phone (a call that the system answered) or a client of the simple packet format, alike in everything but
 * how they are muted and thrown out.
 */
import type { MediaPlane } from '../../../../media/plane';
import { CallOver, type ServiceCall } from '../../feature';
import type { MemberView } from './views';

/** Why a member has to go. */
export type Removal = 'kicked' | 'ended';

/** Thrown by `check` once the member has been removed. */
export class Removed extends Error {
  override readonly name = 'Removed';
}

export abstract class Member {
  state: MemberView['state'] = 'coming';
  /** By itself. */
  muted = false;
  /** By a moderator, or from outside: it cannot undo that. */
  silenced = false;
  deaf = false;
  talking = false;
  /** What it said its name is: a file, and whatever else is to be done with it is done by whoever made it. */
  nameFile: string | undefined;

  protected constructor(
    readonly id: string,
    readonly since: number,
    readonly moderator: boolean,
  ) {}

  get isMuted(): boolean {
    return this.muted || this.silenced;
  }

  /** Makes the media plane do what is set here. Errors: what the plane throws. */
  abstract apply(): Promise<void>;
  abstract remove(why: Removal): void;
  /** Whether it can be kept from hearing the others. */
  abstract readonly canBeDeaf: boolean;
  abstract readonly who: Pick<MemberView, 'kind' | 'number' | 'name' | 'source'>;

  view(): MemberView {
    const { id, state, since, moderator, isMuted: muted, deaf, talking } = this;
    return { id, ...this.who, state, since, moderator, muted, deaf, talking };
  }
}

export class PhoneMember extends Member {
  readonly canBeDeaf = true;
  readonly who: Member['who'];
  /** Resolves when it is to go; never fails. */
  readonly removed: Promise<Removal>;
  /** Resolves when the conference has begun, for one who waits. */
  readonly begun: Promise<void>;
  begin: () => void = () => undefined;
  private gone: Removal | undefined;
  private tellRemoved: (why: Removal) => void = () => undefined;

  constructor(
    readonly call: ServiceCall,
    private readonly room: string,
    since: number,
    moderator: boolean,
  ) {
    super(call.id, since, moderator);
    this.who = { kind: 'phone', number: call.caller.number, name: call.caller.name, source: null };
    this.removed = new Promise((resolve) => (this.tellRemoved = resolve));
    this.begun = new Promise((resolve) => (this.begin = resolve));
  }

  /** The endpoint, by which the plane knows it. */
  get endpoint(): string {
    return this.call.endpointId;
  }

  async apply(): Promise<void> {
    if (this.state !== 'in' || this.gone) return;
    await this.call.join(this.room, { muted: this.isMuted, deaf: this.deaf }).catch((err: unknown) => {
      // it has hung up, and its settings with it
      if (!(err instanceof CallOver)) throw err;
    });
  }

  remove(why: Removal): void {
    this.gone ??= why;
    this.tellRemoved(why);
  }

  /** Errors: `Removed`. */
  check(): void {
    if (this.gone) throw new Removed(this.gone);
  }
}

export class SimpleMember extends Member {
  readonly canBeDeaf = false;
  readonly who: Member['who'];
  /** The conference has not begun: nobody hears it until then. */
  held = false;

  constructor(
    id: string,
    source: string,
    since: number,
    private readonly plane: Pick<MediaPlane, 'setSimple'>,
    private readonly failed: (err: unknown) => void,
  ) {
    super(id, since, false);
    this.who = { kind: 'simple', number: null, name: null, source };
  }

  override get isMuted(): boolean {
    return this.muted || this.silenced || this.held;
  }

  async apply(): Promise<void> {
    await this.plane.setSimple(this.id, { muted: this.isMuted });
  }

  /** Its leaving comes back as an event of the plane. */
  remove(): void {
    this.plane.setSimple(this.id, null).catch(this.failed);
  }
}
