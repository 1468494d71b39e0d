/**
 * A room: who is in it, and what holds for all of them. It knows nothing of keys and PINs; those are a caller's way in (`visit.ts`).
 *
 *   may come? ─▶ seat ─▶ coming ─▶ (waiting for the moderator) ─▶ in ─▶ gone
 */
import type { Playable } from '../../../../media/plane';
import { Announcer } from './announcer';
import type { ConferenceCounters, ConferenceDeps, RoomSettings } from './deps';
import { PhoneMember, SimpleMember, type Member } from './member';
import type { ConferenceListeners, RoomView } from './views';

export interface RoomContext {
  readonly deps: ConferenceDeps;
  readonly counters: ConferenceCounters;
  readonly listeners: ConferenceListeners;
}

export class Room {
  locked = false;
  /** All but the moderators are muted. */
  quiet = false;
  readonly number: string;
  private readonly members = new Map<string, Member>();
  /** Places kept for callers who say their names. */
  private seats = 0;
  private begun = false;
  private readonly announcer: Announcer;

  constructor(
    private now: RoomSettings,
    private readonly ctx: RoomContext,
  ) {
    this.number = now.number;
    this.announcer = new Announcer(now.number, ctx.deps.plane, ctx.counters);
  }

  get settings(): RoomSettings {
    return this.now;
  }

  /** From now on these; who is in stays in, and who waits for nobody any more comes in. */
  change(settings: RoomSettings): void {
    this.now = settings;
    if (!settings.waitForModerator && this.members.size > 0) this.begins();
  }

  /** The prompt that says why one may not come in; undefined: it may. Moderators find no door locked, but a room can be full for them, too. */
  refusal(moderator: boolean): string | undefined {
    if (this.locked && !moderator) return 'conference-locked';
    return this.members.size + this.seats >= this.settings.maxMembers ? 'conference-full' : undefined;
  }

  /** Keeps a place; returns its end. */
  seat(): () => void {
    this.seats++;
    let kept = true;
    return () => {
      if (kept) this.seats--;
      kept = false;
    };
  }

  get empty(): boolean {
    return this.members.size === 0 && this.seats === 0;
  }

  /** Those who hear one another. */
  get present(): Member[] {
    return [...this.members.values()].filter(({ state }) => state === 'in');
  }

  member(id: string): Member | undefined {
    return this.members.get(id);
  }

  /** By the name under which the plane tells who talks. */
  memberInPlane(id: string): Member | undefined {
    const simple = this.members.get(id);
    return simple ?? this.present.find((member) => member instanceof PhoneMember && member.endpoint === id);
  }

  /** Whether one who comes now has to wait. A conference that has begun goes on without its moderator. */
  get waits(): boolean {
    return this.settings.waitForModerator && !this.begun;
  }

  /** On the list, not in the room yet. */
  arrives(member: Member): void {
    this.members.set(member.id, member);
    member.muted = this.settings.startMuted && !member.moderator;
    member.silenced = this.quiet && !member.moderator;
    if (member.moderator) this.begins();
  }

  private begins(): void {
    if (this.begun) return;
    this.begun = true;
    for (const member of this.members.values()) {
      if (member instanceof PhoneMember) member.begin();
      else if (member instanceof SimpleMember && member.held) {
        member.held = false;
        this.apply(member);
      }
    }
  }

  /** In: the others are told. Errors: what the plane throws. */
  async enters(member: Member): Promise<void> {
    member.state = 'in';
    await member.apply();
    // it may have gone meanwhile
    if (this.members.get(member.id) !== member) return;
    this.announce(member, 'join', 'conference-has-joined');
    this.ctx.listeners.tell('joined', { room: this.number, member: member.view() });
  }

  /** Gone, for whatever reason; again: does nothing. */
  leaves(member: Member): void {
    if (this.members.get(member.id) !== member) return;
    this.members.delete(member.id);
    const was = member.state;
    if (this.members.size === 0) this.clear();
    if (was === 'in') {
      const view = { ...member.view(), talking: false };
      if (this.present.length > 0) this.announce(member, 'leave', 'conference-has-left', () => this.forgetName(member));
      else this.forgetName(member);
      this.ctx.listeners.tell('left', { room: this.number, member: view });
    } else this.forgetName(member);
  }

  /** What moderators have set ends with the conference. */
  private clear(): void {
    this.locked = false;
    this.quiet = false;
    this.begun = false;
  }

  private forgetName({ nameFile }: Member): void {
    if (nameFile !== undefined) this.ctx.deps.names.remove(nameFile).catch(() => this.ctx.counters.namesFailed++);
  }

  /** The prompt, or what the member said: its name. */
  nameOf(member: Member): Playable[] {
    if (member.nameFile !== undefined) return [{ file: member.nameFile }];
    const { number } = member.who;
    return this.spoken(number === null ? ['conference-someone'] : this.ctx.deps.sayDigits(number));
  }

  private announce(member: Member, tone: 'join' | 'leave', prompt: string, after?: () => void): void {
    this.announcer.say([{ tone }, ...(this.settings.announce ? [...this.nameOf(member), ...this.spoken([prompt])] : [])], after);
  }

  /** For all to hear. */
  say(keys: readonly string[]): void {
    if (this.present.length > 0) this.announcer.say(this.spoken(keys));
  }

  spoken(keys: readonly string[]): Playable[] {
    return keys.flatMap((key): Playable[] => {
      const file = this.ctx.deps.prompt(key);
      return file === undefined ? [] : [{ file }];
    });
  }

  mute(member: Member, muted: boolean): void {
    member.silenced = muted;
    if (!muted) member.muted = false;
    this.changed(member);
  }

  /** By itself. False: a moderator has muted it. */
  muteOneself(member: Member, muted: boolean): boolean {
    if (member.silenced) return false;
    member.muted = muted;
    this.changed(member);
    return true;
  }

  deafen(member: Member, deaf: boolean): void {
    member.deaf = deaf;
    this.changed(member);
  }

  lock(locked: boolean): void {
    if (locked === this.locked) return;
    this.locked = locked;
    this.say([locked ? 'conference-now-locked' : 'conference-now-unlocked']);
    this.ctx.listeners.tell('changed', { room: this.number });
  }

  /** All but the moderators, and who comes from now on. */
  hush(quiet: boolean): void {
    this.quiet = quiet;
    for (const member of this.members.values()) {
      if (member.moderator || member.silenced === quiet) continue;
      member.silenced = quiet;
      this.apply(member);
    }
    this.ctx.listeners.tell('changed', { room: this.number });
  }

  /** Everybody goes. */
  end(): void {
    for (const member of [...this.members.values()]) {
      member.remove('ended');
      // a program is told nothing, so it has nothing to wait for
      if (member instanceof SimpleMember) this.leaves(member);
    }
  }

  private changed(member: Member): void {
    this.apply(member);
    this.ctx.listeners.tell('changed', { room: this.number });
  }

  private apply(member: Member): void {
    member.apply().catch((err: unknown) => {
      this.ctx.counters.mediaErrors++;
      this.ctx.deps.log.warn({ room: this.number, member: member.id, error: String(err) }, 'a setting of a conference member was not taken');
    });
  }

  view(): RoomView {
    const { number, name, pin, maxMembers, simple, record } = this.settings;
    return { number, name, pin: pin !== null, maxMembers, simple, record, locked: this.locked, quiet: this.quiet, members: [...this.members.values()].map((member) => member.view()) };
  }
}
