/**
 * All conferences of the system: which rooms there are, who is in them, and what can be done to them from outside (a console, an API).
 * Everything that goes in and comes out is plain data.
 */
import type { SimpleEvent } from '../../../../media/plane';
import { PARTY_LINE } from '../../../numbers';
import { FailureLimiter } from '../../failure-limiter';
import { noCounts, type ConferenceCounters, type ConferenceDeps, type RoomSettings } from './deps';
import { SimpleMember } from './member';
import { Room } from './room';
import { SimpleDoor } from './simple-door';
import { ConferenceListeners, type ConferenceEvents, type RoomView } from './views';
import type { VisitContext } from './visit';

/** Wrong PINs of one caller for one room: three calls' worth at once, then one every two minutes. */
const GUESSES = { max: 9, windowMs: 1_080_000, maxSources: 10_000 };

/** What there is when the store cannot be asked, or somebody took the row out. */
const partyLine: RoomSettings = {
  number: PARTY_LINE, name: 'Party line', pin: null, moderatorPin: null, maxMembers: 300,
  announce: false, simple: true, startMuted: false, waitForModerator: false, record: false, createdAt: 0,
};

export class Conferences {
  readonly context: VisitContext;
  private readonly rooms = new Map<string, Room>([]);
  private readonly counters: ConferenceCounters = noCounts();
  private readonly listeners: ConferenceListeners;
  private readonly door: SimpleDoor | undefined;
  private loading: Promise<void> = Promise.resolve();

  constructor(private readonly deps: ConferenceDeps) {
    this.listeners = new ConferenceListeners(deps.log);
    this.context = { deps, counters: this.counters, listeners: this.listeners, guesses: new FailureLimiter(GUESSES, deps.clock) };
    this.door = deps.simple && new SimpleDoor(deps.simple, deps);
    this.adopt([]);
    deps.plane.on('simple', (event) => (event.kind === 'joined' ? this.simpleJoined(event) : this.simpleLeft(event)));
    deps.plane.on('talking', ({ room: number, id, talking }) => {
      const room = this.rooms.get(number);
      const member = room?.memberInPlane(id);
      if (!member) return;
      member.talking = talking;
      this.listeners.tell('talking', { room: number, member: member.id, talking });
    });
  }

  /** Before calls come. Errors: the store's; MediaError 'setting' when the port of the simple packet format cannot be had. */
  async start(): Promise<void> {
    await this.deps.names.clear().catch((err: unknown) => this.deps.log.warn({ error: String(err) }, 'names said in earlier conferences could not be deleted'));
    const rooms = this.adopt(await this.deps.rooms.list());
    await this.door?.start(rooms);
  }

  /** The store has changed. Never fails: the rooms stay as they were then. */
  reload(): Promise<void> {
    return (this.loading = this.loading.then(async () => {
      try {
        const rooms = this.adopt(await this.deps.rooms.list());
        // before anybody dials a new room: its members are placed where the door is
        await this.door?.update(rooms);
      } catch (err) {
        this.deps.log.warn({ error: String(err) }, 'the conference rooms could not be read again');
      }
    }));
  }

  /** Rooms that are new, changed, gone. Returns what there is now. */
  private adopt(list: readonly RoomSettings[]): readonly RoomSettings[] {
    const all = list.some(({ number }) => number === PARTY_LINE) ? list : [partyLine, ...list];
    const numbers = new Set(all.map(({ number }) => number));
    for (const [number, room] of [...this.rooms]) {
      if (numbers.has(number)) continue;
      this.rooms.delete(number);
      room.end();
    }
    for (const settings of all) {
      const room = this.rooms.get(settings.number);
      if (!room) this.rooms.set(settings.number, new Room(settings, this.context));
      else if (JSON.stringify(room.settings) !== JSON.stringify(settings)) {
        room.change(settings);
        this.listeners.tell('changed', { room: settings.number });
      }
    }
    return all;
  }

  has(number: string): boolean {
    return this.rooms.has(number);
  }

  /** For callers. */
  find(number: string): Room | undefined {
    return this.rooms.get(number);
  }

  // — for the console and the API —

  list(): RoomView[] {
    return [...this.rooms.values()].map((room) => room.view()).sort((a, b) => a.number.length - b.number.length || (a.number < b.number ? -1 : 1));
  }

  room(number: string): RoomView | undefined {
    return this.rooms.get(number)?.view();
  }

  /** The member cannot undo it. Unmuting also undoes what it did itself. False: there is no such member; so with the others. */
  mute(number: string, member: string, muted: boolean): boolean {
    return this.with(number, member, (room, one) => room.mute(one, muted));
  }

  /** Talk only. A client of the simple packet format always hears: false. */
  deafen(number: string, member: string, deaf: boolean): boolean {
    if (this.rooms.get(number)?.member(member)?.canBeDeaf !== true) return false;
    return this.with(number, member, (room, one) => room.deafen(one, deaf));
  }

  /** Out, with a word of explanation. A client of the simple packet format may come again after it has been silent for a while. */
  kick(number: string, member: string): boolean {
    return this.with(number, member, (_room, one) => one.remove('kicked'));
  }

  /** Nobody but moderators comes in any more; ends with the conference. False: there is no such room. */
  lock(number: string, locked: boolean): boolean {
    return this.inRoom(number, (room) => room.lock(locked));
  }

  /** All but the moderators are muted, and those who come. */
  hush(number: string, quiet: boolean): boolean {
    return this.inRoom(number, (room) => room.hush(quiet));
  }

  /** Everybody goes. */
  end(number: string): boolean {
    return this.inRoom(number, (room) => room.end());
  }

  on<E extends keyof ConferenceEvents>(event: E, fn: (event: ConferenceEvents[E]) => void): void {
    this.listeners.on(event, fn);
  }

  stats(): ConferenceCounters {
    return { ...this.counters };
  }

  /** The door of the simple packet format; undefined: it is off. */
  get simple(): { address: string; port: number; rooms: string[] } | undefined {
    return this.door && this.deps.simple && { address: this.deps.simple.address, port: this.door.port, rooms: this.door.rooms };
  }

  async close(): Promise<void> {
    await this.loading;
    if (!this.door) return;
    const counts = await this.deps.plane.simpleStats().catch(() => undefined);
    this.deps.log.info({ ...counts }, 'the door of the simple packet format closes');
    await this.door.close();
  }

  private with(number: string, id: string, work: (room: Room, member: NonNullable<ReturnType<Room['member']>>) => void): boolean {
    const room = this.rooms.get(number);
    const member = room?.member(id);
    if (room && member) work(room, member);
    return member !== undefined;
  }

  private inRoom(number: string, work: (room: Room) => void): boolean {
    const room = this.rooms.get(number);
    if (room) work(room);
    return room !== undefined;
  }

  // — clients of the simple packet format —

  private simpleJoined({ id, room: number, source }: SimpleEvent): void {
    const { plane, log, clock } = this.deps;
    const room = this.rooms.get(number);
    const failed = (err: unknown): void => {
      this.counters.mediaErrors++;
      log.warn({ room: number, client: id, error: String(err) }, 'a client of the simple packet format could not be thrown out');
    };
    const member = new SimpleMember(id, source, clock.wall().getTime(), plane, failed);
    const before = room?.member(id);
    if (room && before) room.leaves(before);
    if (!room || room.refusal(false) !== undefined) {
      this.counters.simpleRefused++;
      member.remove();
      return;
    }
    member.held = room.waits;
    room.arrives(member);
    room.enters(member).catch(failed);
  }

  private simpleLeft({ id, room: number }: SimpleEvent): void {
    const room = this.rooms.get(number);
    const member = room?.member(id);
    if (room && member instanceof SimpleMember) room.leaves(member);
  }
}
