/** Conferences with phones and a media plane that are played: every way in, every key, everything that can be done from outside. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimpleOptions } from '../../../media/plane';
import { MediaError } from '../../../media/plane';
import { isPrompt, promptFile } from '../../../media/speech';
import { Conferences, features, nameFiles } from '../../../signaling/app/features';
import type { ConferenceDeps } from '../../../signaling/app/features/conference';
import type { Room } from '../../../signaling/store/store';
import { linphone } from '../media/sdp-offers';
import { FakeClock } from '../../support/fake-clock';
import { FakeLog, nothing, World } from './call-fakes';

const room = (number: string, more: Partial<Room> = {}): Room => ({
  number, name: null, pin: null, moderatorPin: null, maxMembers: 10, announce: false, simple: false, startMuted: false, waitForModerator: false, record: false, createdAt: 0,
  ...more,
});

const partyLine = room('8000', { simple: true });

/** A system with these rooms; what is heard is read off the plane. */
class Hall {
  readonly w: World;
  readonly log = new FakeLog();
  readonly clock = new FakeClock();
  readonly conferences: Conferences;
  readonly events: string[] = [];
  readonly removedNames: string[] = [];
  /** What the plane was told about the simple format. */
  readonly simple: string[] = [];
  readonly failingRooms = new Set<string>();
  nameProblem: Error | undefined;
  openProblem: Error | undefined;
  simpleProblem: Error | undefined;
  private names = 0;
  private readonly plane = new EventEmitter();
  readonly rooms: Room[];

  constructor(rooms: Room[], settings: Partial<NonNullable<ConferenceDeps['simple']>> | undefined = undefined) {
    this.rooms = rooms;
    const { clock } = this;
    let w: World | undefined;
    const deps: ConferenceDeps = {
      rooms: { list: async () => structuredClone(this.rooms) },
      plane: {
        play: (...args) => (w as World).plane.play(...args),
        on: (event, fn) => void this.plane.on(event, fn),
        openSimple: async (options: SimpleOptions) => {
          if (this.openProblem) throw this.openProblem;
          const numbers = options.rooms.map(({ room: name }) => name);
          if (numbers.some((number) => this.failingRooms.has(number))) throw new MediaError('other-session', 'elsewhere');
          this.simple.push(`open ${options.rooms.map(({ number, room: name, near }) => `${number}/${name}/${near}`).join(' ')}`);
          return options.port;
        },
        closeSimple: async () => void this.simple.push('close'),
        setSimple: async (id, what) => {
          if (this.simpleProblem) throw this.simpleProblem;
          this.simple.push(`${id} ${what === null ? 'out' : what.muted ? 'muted' : 'heard'}`);
          if (what === null) this.simpleLeft(id);
          return true;
        },
        simpleStats: async () => undefined,
      },
      clock,
      log: this.log,
      sayNumber: (n) => [String(n)],
      sayDigits: (number) => [...number],
      prompt: (key) => (isPrompt(key) ? promptFile(key) : undefined),
      music: async () => ['/music/a.wav'],
      names: {
        next: async () => {
          if (this.nameProblem) throw this.nameProblem;
          return `/names/n${this.names++}.wav`;
        },
        remove: async (file) => void this.removedNames.push(file.replace(/^.*\//, '')),
        clear: async () => {
          throw new Error('read-only');
        },
      },
      simple: settings && { address: '127.0.0.1', port: 4000, allow: [], maxClients: 9, maxPerRoom: 9, maxPerSource: 9, maxPacketsPerSecond: 1000, idleSeconds: 10, ...settings },
    };
    this.conferences = new Conferences(deps);
    for (const event of ['joined', 'left'] as const) this.conferences.on(event, ({ room: number, member }) => void this.events.push(`${event} ${number} ${member.number ?? member.source}`));
    this.conferences.on('talking', ({ member, talking }) => void this.events.push(`${talking ? 'talks' : 'stops'} ${member === this.idOf('e0') ? 'e0' : member}`));
    const speech = { sayTime: () => [], sayNumber: deps.sayNumber, sayDigits: deps.sayDigits };
    w = new World({ features: features({ conferences: this.conferences, clock, settings: { announcements: 'off' }, speech }), prompt: deps.prompt });
    this.w = w;
  }

  static async of(rooms: Room[], settings?: Partial<NonNullable<ConferenceDeps['simple']>>): Promise<Hall> {
    const hall = new Hall(rooms, settings);
    await hall.conferences.start();
    return hall;
  }

  /** Dials; when this resolves, the first sentence is being played (or it was refused). */
  async dial(number: string): Promise<Awaited<ReturnType<World['dial']>>> {
    const dialled = await this.w.dial(linphone, {}, `sip:${number}@pbx.test`);
    await this.later(400);
    return dialled;
  }

  /** Dials and hears everything out: in. */
  async joins(number: string): Promise<void> {
    await this.dial(number);
    await this.played();
    await this.played();
    this.heard();
  }

  async later(ms: number): Promise<void> {
    await this.w.settle();
    this.w.clock.advance(ms);
    this.clock.advance(ms);
    await this.w.settle();
  }

  /** What plays comes to its end. */
  async played(): Promise<void> {
    this.w.plane.finishes();
    await this.w.settle();
  }

  async press(endpoint: string, keys: string): Promise<void> {
    for (const digit of keys) {
      this.w.plane.emit('digit', { id: endpoint, session: this.w.plane.held.get(endpoint)?.session, digit, durationMs: 100, by: 'rfc4733' });
      await this.w.settle();
    }
  }

  async hangsUp(index: number): Promise<void> {
    this.w.srf.answers[index]?.dialog.bye();
    await this.w.settle();
  }

  /** What was played since the last look: to whom, files by their key, tones by their name. */
  heard(): string[] {
    const plays = this.w.plane.of('play');
    this.w.plane.calls.length = 0;
    return plays.map(([, target, what]) => {
      const items = (what as Array<{ file?: string; tone?: string }>).flatMap(({ file, tone }) => file?.replace(/^.*\/|\.wav$/g, '').replace(/^conference-/, '') ?? tone ?? []);
      return `${Object.values(target as object)[0]}: ${items.join(' ')}`;
    });
  }

  /** How the plane was told to treat members since the last look. */
  joined(): string[] {
    return this.w.plane.of('join').map(([, id, number, how]) => `${id} ${number}${Object.entries(how as object).flatMap(([key, on]) => (on ? ` ${key}` : '')).join('')}`);
  }

  idOf(endpoint: string): string {
    return this.w.plane.held.get(endpoint)?.session ?? '?';
  }

  members(number = '8000'): string[] {
    return (this.conferences.room(number)?.members ?? []).map((m) => [m.source ?? m.number, m.state, m.moderator && 'moderator', m.muted && 'muted', m.deaf && 'deaf', m.talking && 'talking'].filter(Boolean).join(' '));
  }

  simpleJoins(id: string, number = '8000'): Promise<void> {
    this.plane.emit('simple', { kind: 'joined', id, room: number, source: `192.0.2.1:${id.replace(/\D/g, '')}` });
    return this.w.settle();
  }

  simpleLeft(id: string, number = '8000'): void {
    this.plane.emit('simple', { kind: 'left', id, room: number, source: '192.0.2.1:4', why: 'idle' });
  }

  talks(number: string, id: string, talking: boolean): void {
    this.plane.emit('talking', { room: number, id, talking });
  }

  byes(index: number): number {
    return this.w.srf.answers[index]?.dialog.byes.length ?? -1;
  }
}

describe('which rooms there are', () => {
  test('those of the store, and the party line whatever happens', async () => {
    const hall = await Hall.of([room('500', { name: 'Sales', pin: '123', record: true }), room('90')]);
    expect(hall.conferences.list().map(({ number, name, pin, record }) => [number, name, pin, record])).toEqual([['90', null, false, false], ['500', 'Sales', true, true], ['8000', 'Party line', false, false]]);
    expect(hall.conferences.room('501')).toBeUndefined();
  });

  test('a new one can be dialled after a reload, and its members are placed near it; before, nobody knows it', async () => {
    const hall = await Hall.of([partyLine]);
    expect((await hall.dial('500')).res.final?.status).toBe(404);
    hall.rooms.push(room('500'));
    await hall.conferences.reload();
    await hall.dial('500');
    expect([...hall.w.plane.held.values()].map(({ near }) => near)).toEqual(['room:500']);
    expect(hall.heard()).toEqual(['e0: only-one']);
  });

  test('what changes holds from then on; a room that goes ends', async () => {
    const hall = await Hall.of([partyLine, room('500')]);
    await hall.joins('500');
    hall.rooms[1] = room('500', { maxMembers: 1 });
    await hall.conferences.reload();
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e1: full goodbye']);
    await hall.played();
    hall.rooms.pop();
    await hall.conferences.reload();
    await hall.w.settle();
    expect(hall.heard()).toEqual(['e0: ended goodbye']);
    await hall.played();
    expect(hall.byes(0)).toBe(1);
    expect((await hall.dial('500')).res.final?.status).toBe(404);
    expect(hall.w.left).toEqual(nothing);
  });

  test('a store that fails leaves them as they were', async () => {
    const hall = await Hall.of([partyLine, room('500')]);
    Object.defineProperty(hall, 'rooms', { get: () => { throw new Error('locked'); } });
    await hall.conferences.reload();
    expect(hall.conferences.has('500')).toBe(true);
    expect(hall.log.of('the conference rooms could not be read again')).toHaveLength(1);
  });
});

describe('coming and going', () => {
  test('tones for all; the list follows', async () => {
    const hall = await Hall.of([partyLine]);
    await hall.dial('8000');
    expect(hall.members()).toEqual(['1001 coming']);
    await hall.played();
    expect(hall.joined()).toEqual(['e0 8000']);
    expect(hall.heard()).toEqual(['e0: only-one', '8000: join']);
    await hall.played();
    await hall.dial('8000');
    expect(hall.heard()).toEqual(['e1: there-is one-other']);
    await hall.played();
    await hall.played();
    expect(hall.members()).toEqual(['1001 in', '1001 in']);
    expect(hall.conferences.room('8000')?.members[0]).toEqual({
      id: hall.idOf('e0'), kind: 'phone', number: '1001', name: 'Ann "the boss"', source: null, state: 'in', since: Date.UTC(2026, 0, 1) + 400, moderator: false, muted: false, deaf: false, talking: false,
    });
    hall.heard();
    await hall.hangsUp(0);
    expect(hall.heard()).toEqual(['8000: leave']);
    await hall.played();
    await hall.hangsUp(1);
    expect(hall.heard()).toEqual([]);
    expect(hall.events).toEqual(['joined 8000 1001', 'joined 8000 1001', 'left 8000 1001', 'left 8000 1001']);
    expect(hall.w.left).toEqual(nothing);
  });

  test('tones are played one after the other; of a crowd some are left out, and counted', async () => {
    const hall = await Hall.of([partyLine]);
    for (let i = 0; i < 8; i++) {
      await hall.dial('8000');
      await hall.press(`e${i}`, '1');
    }
    expect(hall.heard().filter((line) => line === '8000: join')).toHaveLength(1);
    for (let i = 0; i < 8; i++) await hall.played();
    expect(hall.heard().filter((line) => line === '8000: join')).toHaveLength(4);
    expect(hall.conferences.stats().announcementsDropped).toBe(3);
  });

  test('one whose join fails ends alone', async () => {
    const hall = await Hall.of([partyLine]);
    await hall.joins('8000');
    hall.w.plane.failing.add('join');
    await hall.dial('8000');
    await hall.played();
    expect(hall.members()).toEqual(['1001 in']);
    expect([hall.byes(0), hall.w.calls.active()]).toEqual([0, 1]);
  });

  test('a listener that throws harms nobody', async () => {
    const hall = await Hall.of([partyLine]);
    hall.conferences.on('joined', () => {
      throw new Error('console');
    });
    await hall.joins('8000');
    expect(hall.members()).toEqual(['1001 in']);
    expect(hall.log.of('a listener to conferences failed')).toHaveLength(1);
  });

  test('a full room; one who is on the way in counts', async () => {
    const hall = await Hall.of([room('500', { maxMembers: 1 })]);
    await hall.dial('500');
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e0: only-one', 'e1: full goodbye']);
    await hall.played();
    expect([hall.byes(0), hall.byes(1)]).toEqual([0, 1]);
    expect(hall.conferences.stats().refused).toBe(1);
  });
});

describe('PINs', () => {
  const guarded = room('500', { pin: '1234', moderatorPin: '99999' });

  test('the right one, with #', async () => {
    const hall = await Hall.of([guarded]);
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e0: enter-pin']);
    await hall.press('e0', '1234#');
    expect(hall.heard()).toEqual(['e0: only-one']);
    expect(hall.members('500')).toEqual(['1001 coming']);
  });

  test('that of a moderator', async () => {
    const hall = await Hall.of([guarded]);
    await hall.dial('500');
    await hall.press('e0', '99999#');
    expect(hall.members('500')).toEqual(['1001 coming moderator']);
  });

  test('without #, after a pause', async () => {
    const hall = await Hall.of([guarded]);
    await hall.dial('500');
    await hall.press('e0', '1234');
    await hall.later(3000);
    expect(hall.members('500')).toHaveLength(1);
  });

  test('three wrong ones, and out', async () => {
    const hall = await Hall.of([guarded]);
    await hall.dial('500');
    await hall.press('e0', '1#');
    expect(hall.heard()).toEqual(['e0: enter-pin', 'e0: not-right try-again']);
    await hall.played();
    await hall.press('e0', '12345#');
    await hall.played();
    await hall.press('e0', '0#');
    expect(hall.heard().at(-1)).toBe('e0: not-right goodbye');
    await hall.played();
    expect(hall.byes(0)).toBe(1);
    expect(hall.members('500')).toEqual([]);
    expect(hall.conferences.stats().wrongPins).toBe(3);
    expect(hall.w.left).toEqual(nothing);
  });

  test('who guesses call after call is not asked any more', async () => {
    const hall = await Hall.of([guarded]);
    for (let call = 0; call < 3; call++) {
      await hall.dial('500');
      for (const pin of ['1#', '2#', '3#']) {
        await hall.press(`e${call}`, pin);
        await hall.played();
      }
      await hall.played();
    }
    hall.heard();
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e3: not-right goodbye']);
    await hall.played();
    await hall.later(200_000);
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e4: enter-pin']);
  });

  test('none pressed: said again, in vain', async () => {
    const hall = await Hall.of([guarded]);
    await hall.dial('500');
    for (let i = 0; i < 3; i++) {
      await hall.played();
      await hall.later(8000);
      await hall.played();
    }
    await hall.played();
    expect(hall.byes(0)).toBe(1);
  });

  test('a PIN for moderators only: # is enough for the others', async () => {
    const hall = await Hall.of([room('500', { moderatorPin: '777' })]);
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e0: moderator-pin']);
    await hall.press('e0', '#');
    expect(hall.members('500')).toEqual(['1001 coming']);
    await hall.dial('500');
    await hall.press('e1', '777#');
    expect(hall.members('500')).toEqual(['1001 coming', '1001 coming moderator']);
  });
});

describe('names', () => {
  const named = room('500', { announce: true });

  async function says(hall: Hall, index: number, how: 'stopped' | 'silence' | 'failed' | 'released' = 'silence'): Promise<void> {
    await hall.dial('500');
    await hall.played();
    await hall.played();
    expect([...hall.w.plane.recording.keys()]).toEqual([`/names/n${index}.wav`]);
    hall.w.plane.recording.get(`/names/n${index}.wav`)?.end(how);
    await hall.w.settle();
  }

  test('are asked for, said to all who are there, and deleted when their owner has gone', async () => {
    const hall = await Hall.of([named]);
    await hall.dial('500');
    expect(hall.heard()).toEqual(['e0: say-name']);
    await hall.played();
    expect(hall.heard()).toEqual(['e0: record-beep']);
    await hall.played();
    expect(hall.w.plane.of('record')).toEqual([['record', { endpoint: 'e0' }, { file: '/names/n0.wav', maxMs: 5000, silenceMs: 1500 }]]);
    await hall.press('e0', '#');
    expect(hall.heard()).toEqual(['e0: only-one']);
    await hall.played();
    expect(hall.heard()).toEqual(['500: join n0 has-joined']);
    await hall.played();
    await says(hall, 1);
    await hall.played();
    expect(hall.heard().at(-1)).toBe('500: join n1 has-joined');
    await hall.played();
    await hall.hangsUp(0);
    expect(hall.heard()).toEqual(['500: leave n0 has-left']);
    expect(hall.removedNames).toEqual([]);
    await hall.played();
    expect(hall.removedNames).toEqual(['n0.wav']);
    await hall.hangsUp(1);
    expect(hall.removedNames).toEqual(['n0.wav', 'n1.wav']);
    expect(hall.w.left).toEqual(nothing);
  });

  test('that could not be recorded are replaced by the number', async () => {
    const hall = await Hall.of([named]);
    await says(hall, 0, 'failed');
    await hall.played();
    expect(hall.heard().at(-1)).toBe('500: join 1 0 0 1 has-joined');
    expect(hall.removedNames).toEqual(['n0.wav']);
    expect(hall.conferences.stats().namesFailed).toBe(1);
  });

  test.each([['the folder', (hall: Hall) => (hall.nameProblem = new Error('read-only'))], ['the plane', (hall: Hall) => hall.w.plane.failing.add('record')]])('where %s refuses, one comes in without', async (_name, breaks) => {
    const hall = await Hall.of([named]);
    breaks(hall);
    await hall.dial('500');
    await hall.played();
    await hall.played();
    expect(hall.heard().at(-1)).toBe('e0: only-one');
    expect(hall.conferences.stats().namesFailed).toBe(1);
  });

  test('of one who hangs up while it speaks are deleted', async () => {
    const hall = await Hall.of([named]);
    await hall.dial('500');
    await hall.played();
    await hall.played();
    await hall.hangsUp(0);
    await hall.w.settle();
    expect(hall.removedNames).toEqual(['n0.wav']);
    expect(hall.conferences.room('500')?.members).toEqual([]);
    expect(hall.w.left).toEqual(nothing);
  });

  test('of one who found the room locked meanwhile, too', async () => {
    const hall = await Hall.of([named]);
    await hall.dial('500');
    await hall.played();
    await hall.played();
    hall.conferences.lock('500', true);
    hall.w.plane.recording.get('/names/n0.wav')?.end('silence');
    await hall.w.settle();
    expect(hall.heard().at(-1)).toBe('e0: locked goodbye');
    await hall.played();
    expect(hall.removedNames).toEqual(['n0.wav']);
    expect(hall.w.left).toEqual(nothing);
  });

  test('clients of the simple packet format have none', async () => {
    const hall = await Hall.of([{ ...named, simple: true }], {});
    await hall.simpleJoins('simple-1', '500');
    expect(hall.heard()).toEqual(['500: join someone has-joined']);
  });
});

describe('the files of names', () => {
  test('lie in a folder of their own, each under a name that nobody guesses; what an earlier process left is deleted', async () => {
    const place = mkdtempSync(join(tmpdir(), 'offhook-names-'));
    try {
      const folder = join(place, 'names');
      let n = 0;
      const names = nameFiles(folder, (bytes) => Buffer.alloc(bytes, ++n));
      await names.clear();
      const [a, b] = [await names.next(), await names.next()];
      expect([a, b]).toEqual([join(folder, `${'01'.repeat(9)}.wav`), join(folder, `${'02'.repeat(9)}.wav`)]);
      for (const file of [a, b]) writeFileSync(file, '');
      await names.remove(a);
      await names.remove(a);
      expect(readdirSync(folder)).toEqual([`${'02'.repeat(9)}.wav`]);
      await names.clear();
      expect(readdirSync(place)).toEqual([]);
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});

describe('keys', () => {
  const moderated = room('500', { pin: '1', moderatorPin: '2' });

  /** A moderator (e0) and members, all in. */
  async function meeting(members = 2, settings: Partial<Room> = {}): Promise<Hall> {
    const hall = await Hall.of([{ ...moderated, ...settings }]);
    for (let i = 0; i <= members; i++) {
      await hall.dial('500');
      await hall.press(`e${i}`, i === 0 ? '2#' : '1#');
      await hall.played();
      await hall.played();
    }
    hall.heard();
    return hall;
  }

  test('*6 mutes oneself, and again', async () => {
    const hall = await meeting();
    await hall.press('e1', '*6');
    expect([hall.joined(), hall.heard()]).toEqual([['e1 500 muted'], ['e1: muted']]);
    await hall.played();
    await hall.press('e1', '*6');
    expect([hall.joined(), hall.heard()]).toEqual([['e1 500'], ['e1: unmuted']]);
  });

  test('*3 counts, and calls the roll', async () => {
    const hall = await meeting();
    await hall.press('e1', '*3');
    expect(hall.heard()).toEqual(['e1: there-are 2 others 1 0 0 1 1 0 0 1']);
  });

  test('*5 locks and opens; moderators come in all the same', async () => {
    const hall = await meeting(1);
    await hall.press('e0', '*5');
    expect(hall.heard()).toEqual(['500: now-locked']);
    await hall.played();
    await hall.dial('500');
    await hall.press('e2', '1#');
    expect(hall.heard().at(-1)).toBe('e2: locked goodbye');
    await hall.played();
    await hall.dial('500');
    await hall.press('e3', '2#');
    expect(hall.heard().at(-1)).toBe('e3: there-are 2 others');
    await hall.press('e0', '*5');
    await hall.played();
    expect(hall.heard()).toContain('500: now-unlocked');
    expect(hall.conferences.room('500')?.locked).toBe(false);
  });

  test('*7 mutes all others, and who comes later; they cannot undo it; again: everybody speaks', async () => {
    const hall = await meeting();
    await hall.press('e0', '*7');
    expect([hall.joined(), hall.heard()]).toEqual([['e1 500 muted', 'e2 500 muted'], ['e0: others-muted']]);
    await hall.played();
    await hall.press('e1', '*6');
    expect([hall.joined(), hall.heard()]).toEqual([[], ['e1: muted-by-moderator']]);
    await hall.played();
    await hall.dial('500');
    await hall.press('e3', '1#');
    expect(hall.heard().at(-1)).toBe('e3: there-are 3 others listen-only');
    await hall.played();
    expect(hall.joined()).toEqual(['e3 500 muted']);
    hall.heard();
    await hall.press('e0', '*7');
    expect([hall.joined(), hall.heard().filter((line) => line.startsWith('e0'))]).toEqual([['e1 500', 'e2 500', 'e3 500'], ['e0: others-unmuted']]);
  });

  test('*8 removes the last who joined, when 1 confirms it', async () => {
    const hall = await meeting();
    await hall.press('e0', '*8');
    expect(hall.heard()).toEqual(['e0: to-remove 1 0 0 1 to-remove-confirm']);
    await hall.press('e0', '1');
    expect(hall.heard().sort()).toEqual(['500: leave', 'e0: 1 0 0 1 was-removed', 'e2: removed goodbye']);
    await hall.played();
    expect([hall.byes(1), hall.byes(2), hall.members('500').length]).toEqual([0, 1, 2]);
  });

  test('*8 and anything else removes nobody; nor does it remove another when the last has left', async () => {
    const hall = await meeting();
    await hall.press('e0', '*82');
    expect(hall.heard().at(-1)).toBe('e0: nobody-removed');
    await hall.press('e0', '*8');
    await hall.hangsUp(2);
    await hall.press('e0', '1');
    expect(hall.heard().at(-1)).toBe('e0: nobody-removed');
    expect(hall.members('500')).toHaveLength(2);
  });

  test('*8 alone', async () => {
    const hall = await meeting(0);
    await hall.press('e0', '*8');
    expect(hall.heard()).toEqual(['e0: only-one']);
  });

  test('*9 ends it for all', async () => {
    const hall = await meeting();
    await hall.press('e0', '*9');
    await hall.w.settle();
    expect(hall.heard().filter((line) => line.startsWith('e')).sort()).toEqual(['e0: ended goodbye', 'e1: ended goodbye', 'e2: ended goodbye']);
    await hall.played();
    expect(hall.w.left).toEqual(nothing);
    expect(hall.conferences.stats()).toMatchObject({ mediaErrors: 0 });
  });

  test('*0 says what there is, to a moderator more', async () => {
    const hall = await meeting(1);
    await hall.press('e1', '*0');
    await hall.press('e0', '*0');
    expect(hall.heard()).toEqual(['e1: menu-count menu-mute menu-again', 'e0: menu-count menu-mute menu-lock menu-mute-others menu-remove menu-end menu-again']);
  });

  test.each(['*5', '*7', '*8', '*9'])('%s is for moderators', async (keys) => {
    const hall = await meeting(1);
    await hall.press('e1', keys);
    expect(hall.heard()).toEqual(['e1: only-moderators']);
    expect(hall.conferences.room('500')).toMatchObject({ locked: false, quiet: false, members: [{}, {}] });
  });

  test('other keys, and a * that nothing follows, do nothing', async () => {
    const hall = await meeting(1);
    await hall.press('e1', '123#*4*');
    await hall.later(5000);
    await hall.press('e1', '6');
    expect(hall.heard()).toEqual([]);
    expect(hall.members('500')).toEqual(['1001 in moderator', '1001 in']);
  });

  test('who starts muted is told so, and can speak after *6; moderators are not', async () => {
    const hall = await Hall.of([room('500', { moderatorPin: '2', startMuted: true })]);
    await hall.dial('500');
    await hall.press('e0', '#');
    expect(hall.heard().at(-1)).toBe('e0: only-one muted');
    await hall.played();
    expect(hall.joined()).toEqual(['e0 500 muted']);
    await hall.press('e0', '*6');
    expect(hall.members('500')).toEqual(['1001 in']);
    await hall.dial('500');
    await hall.press('e1', '2#');
    await hall.played();
    expect(hall.members('500')).toEqual(['1001 in', '1001 in moderator']);
  });
});

describe('waiting for the moderator', () => {
  const waiting = room('500', { pin: '1', moderatorPin: '2', waitForModerator: true, simple: true });

  async function oneWaits(): Promise<Hall> {
    const hall = await Hall.of([waiting], {});
    await hall.dial('500');
    await hall.press('e0', '1#');
    expect(hall.heard().at(-1)).toBe('e0: waiting');
    await hall.played();
    expect(hall.heard()).toEqual(['e0: a']);
    return hall;
  }

  test('with music, then in', async () => {
    const hall = await oneWaits();
    expect(hall.members('500')).toEqual(['1001 waiting']);
    await hall.dial('500');
    await hall.press('e1', '2#');
    expect(hall.heard()).toEqual(['e1: enter-pin', 'e1: only-one', 'e0: only-one']);
    await hall.played();
    expect(hall.members('500')).toEqual(['1001 in', '1001 in moderator']);
    await hall.dial('500');
    await hall.press('e2', '1#');
    expect(hall.heard().at(-1)).toBe('e2: there-are 2 others');
  });

  test('one who hangs up while waiting is not there', async () => {
    const hall = await oneWaits();
    await hall.hangsUp(0);
    expect(hall.members('500')).toEqual([]);
    expect(hall.events).toEqual([]);
    expect(hall.w.left).toEqual(nothing);
  });

  test('one who is removed while waiting hears it', async () => {
    const hall = await oneWaits();
    hall.conferences.kick('500', hall.idOf('e0'));
    await hall.w.settle();
    expect(hall.heard()).toEqual(['e0: removed goodbye']);
    await hall.played();
    expect(hall.w.left).toEqual(nothing);
  });

  test('a conference goes on without its moderator, and the next one waits again', async () => {
    const hall = await oneWaits();
    await hall.dial('500');
    await hall.press('e1', '2#');
    await hall.played();
    await hall.hangsUp(1);
    expect(hall.members('500')).toEqual(['1001 in']);
    await hall.hangsUp(0);
    await hall.dial('500');
    await hall.press('e2', '1#');
    expect(hall.heard().at(-1)).toBe('e2: waiting');
  });

  test('who waits comes in when the room waits for nobody any more', async () => {
    const hall = await oneWaits();
    hall.rooms[0] = { ...waiting, waitForModerator: false };
    await hall.conferences.reload();
    await hall.w.settle();
    expect(hall.heard()).toEqual(['e0: only-one']);
  });

  test('clients of the simple packet format are not heard until then', async () => {
    const hall = await oneWaits();
    await hall.simpleJoins('simple-1', '500');
    expect(hall.simple.slice(1)).toEqual(['simple-1 muted']);
    await hall.dial('500');
    await hall.press('e1', '2#');
    expect(hall.simple.slice(1)).toEqual(['simple-1 muted', 'simple-1 heard']);
  });
});

describe('from outside', () => {
  test('mute, deafen, kick, lock, hush and end; all say whether there was something to do it to', async () => {
    const hall = await Hall.of([partyLine]);
    await hall.joins('8000');
    await hall.joins('8000');
    const { conferences } = hall;
    const [a, b] = [hall.idOf('e0'), hall.idOf('e1')];
    expect([conferences.mute('8000', a, true), conferences.deafen('8000', a, true)]).toEqual([true, true]);
    await hall.w.settle();
    expect(hall.joined()).toEqual(['e0 8000 muted', 'e0 8000 muted deaf']);
    expect(hall.members()).toEqual(['1001 in muted deaf', '1001 in']);
    expect([conferences.mute('8000', a, false), conferences.deafen('8000', a, false)]).toEqual([true, true]);
    expect(conferences.hush('8000', true)).toBe(true);
    expect(hall.members()).toEqual(['1001 in muted', '1001 in muted']);
    expect(conferences.hush('8000', false)).toBe(true);
    expect(conferences.lock('8000', true)).toBe(true);
    hall.heard();
    await hall.dial('8000');
    expect(hall.heard().at(-1)).toBe('e2: locked goodbye');
    await hall.played();
    expect(conferences.kick('8000', b)).toBe(true);
    await hall.w.settle();
    expect(hall.heard()).toContain('e1: removed goodbye');
    await hall.played();
    expect(hall.members()).toEqual(['1001 in']);
    expect(conferences.end('8000')).toBe(true);
    await hall.w.settle();
    await hall.played();
    expect(hall.members()).toEqual([]);
    expect(conferences.room('8000')).toMatchObject({ locked: false });
    expect([conferences.mute('8000', a, true), conferences.deafen('8000', a, true), conferences.kick('8000', a), conferences.lock('1', true), conferences.hush('1', true), conferences.end('1')]).toEqual(Array(6).fill(false));
    expect(hall.w.left).toEqual(nothing);
  });

  test('a member that was kicked on its way in does not come in', async () => {
    const hall = await Hall.of([partyLine]);
    await hall.dial('8000');
    hall.conferences.kick('8000', hall.idOf('e0'));
    await hall.w.settle();
    await hall.played();
    expect(hall.joined()).toEqual([]);
    expect(hall.byes(0)).toBe(1);
    expect(hall.w.left).toEqual(nothing);
  });

  test('a setting that the plane does not take is counted, and nothing ends', async () => {
    const hall = await Hall.of([partyLine]);
    await hall.joins('8000');
    hall.w.plane.failing.add('join');
    hall.conferences.mute('8000', hall.idOf('e0'), true);
    await hall.w.settle();
    expect(hall.conferences.stats().mediaErrors).toBe(1);
    expect(hall.w.calls.active()).toBe(1);
  });

  test('who talks is told', async () => {
    const hall = await Hall.of([partyLine], {});
    await hall.joins('8000');
    await hall.simpleJoins('simple-1');
    hall.events.length = 0;
    hall.talks('8000', 'e0', true);
    hall.talks('8000', 'simple-1', true);
    hall.talks('8000', 'e9', true);
    hall.talks('7', 'e0', true);
    expect(hall.members()).toEqual(['1001 in talking', '192.0.2.1:1 in talking']);
    hall.talks('8000', 'e0', false);
    expect(hall.events).toEqual(['talks e0', 'talks simple-1', 'stops e0']);
  });
});

describe('the simple packet format', () => {
  test('is off unless it is asked for', async () => {
    const hall = await Hall.of([partyLine]);
    expect([hall.simple, hall.conferences.simple]).toEqual([[], undefined]);
    await hall.conferences.close();
    expect(hall.simple).toEqual([]);
  });

  test('opens for the rooms that opted in, whose numbers fit', async () => {
    const hall = await Hall.of([partyLine, room('500'), room('77', { simple: true }), room('70000', { simple: true }), room('077', { simple: true })], { port: 4000 });
    expect(hall.simple).toEqual(['open 8000/8000/room:8000 77/77/room:77']);
    expect(hall.conferences.simple).toEqual({ address: '127.0.0.1', port: 4000, rooms: ['8000', '77'] });
    await hall.conferences.close();
    expect(hall.simple.at(-1)).toBe('close');
  });

  test('a port that cannot be had is an error of the start', async () => {
    const hall = new Hall([partyLine], {});
    hall.openProblem = new MediaError('setting', 'taken');
    await expect(hall.conferences.start()).rejects.toThrow('taken');
  });

  test('follows rooms that are added, opted in and removed', async () => {
    const hall = await Hall.of([partyLine], {});
    hall.rooms.push(room('500', { simple: true }));
    await hall.conferences.reload();
    await hall.w.settle();
    hall.rooms[0] = { ...partyLine, simple: false };
    await hall.conferences.reload();
    await hall.w.settle();
    await hall.conferences.reload();
    await hall.w.settle();
    expect(hall.simple.slice(1)).toEqual(['open 8000/8000/room:8000 500/500/room:500', 'open 500/500/room:500']);
  });

  test('a room whose members live elsewhere is opened when they have gone; the others at once', async () => {
    const hall = await Hall.of([partyLine], {});
    hall.failingRooms.add('500');
    hall.rooms.push(room('500', { simple: true }), room('501', { simple: true }));
    await hall.conferences.reload();
    await hall.w.settle();
    expect(hall.conferences.simple?.rooms).toEqual(['8000', '501']);
    hall.failingRooms.clear();
    hall.clock.advance(2000);
    await hall.w.settle();
    expect(hall.conferences.simple?.rooms).toEqual(['8000', '500', '501']);
    expect(hall.clock.waiting).toBe(0);
  });

  test('a client is a member: announced, listed, muted, kicked', async () => {
    const hall = await Hall.of([partyLine], {});
    await hall.joins('8000');
    await hall.simpleJoins('simple-1');
    expect(hall.heard()).toEqual(['8000: join']);
    await hall.played();
    expect(hall.members()).toEqual(['1001 in', '192.0.2.1:1 in']);
    expect(hall.conferences.room('8000')?.members[1]).toMatchObject({ id: 'simple-1', kind: 'simple', number: null, source: '192.0.2.1:1' });
    await hall.press('e0', '*3');
    expect(hall.heard()).toEqual(['e0: there-is one-other someone']);
    hall.conferences.mute('8000', 'simple-1', true);
    expect(hall.conferences.deafen('8000', 'simple-1', true)).toBe(false);
    hall.conferences.kick('8000', 'simple-1');
    await hall.w.settle();
    expect(hall.simple.slice(1)).toEqual(['simple-1 heard', 'simple-1 muted', 'simple-1 out']);
    expect(hall.members()).toEqual(['1001 in']);
    expect(hall.heard()).toEqual(['8000: leave']);
  });

  test('one in a room that is removed has left', async () => {
    const hall = await Hall.of([partyLine, room('77', { simple: true })], {});
    await hall.simpleJoins('simple-1', '77');
    hall.rooms.pop();
    await hall.conferences.reload();
    expect(hall.events).toEqual(['joined 77 192.0.2.1:1', 'left 77 192.0.2.1:1']);
    expect(hall.simple.slice(2)).toEqual(['simple-1 out', 'open 8000/8000/room:8000']);
  });

  test('one that falls silent leaves', async () => {
    const hall = await Hall.of([partyLine], {});
    await hall.simpleJoins('simple-1');
    hall.simpleLeft('simple-1');
    hall.simpleLeft('simple-1');
    expect([hall.members(), hall.events]).toEqual([[], ['joined 8000 192.0.2.1:1', 'left 8000 192.0.2.1:1']]);
  });

  test('a locked, full or unknown room throws it out', async () => {
    const hall = await Hall.of([{ ...partyLine, maxMembers: 1 }], {});
    await hall.simpleJoins('simple-1');
    await hall.simpleJoins('simple-2');
    await hall.simpleJoins('simple-3', '500');
    hall.simpleLeft('simple-1');
    hall.conferences.lock('8000', true);
    await hall.simpleJoins('simple-4');
    expect(hall.simple.slice(2)).toEqual(['simple-2 out', 'simple-3 out', 'simple-4 out']);
    expect([hall.members(), hall.conferences.stats().simpleRefused]).toEqual([[], 3]);
  });

  test('a plane that fails is counted', async () => {
    const hall = await Hall.of([partyLine], {});
    await hall.simpleJoins('simple-1');
    hall.simpleProblem = new Error('worker lost');
    hall.conferences.mute('8000', 'simple-1', true);
    hall.conferences.end('8000');
    await hall.w.settle();
    expect(hall.conferences.stats().mediaErrors).toBe(2);
  });

  test('an id that comes again is another client', async () => {
    const hall = await Hall.of([partyLine], {});
    await hall.simpleJoins('simple-1');
    await hall.simpleJoins('simple-1');
    expect(hall.members()).toHaveLength(1);
  });
});
