/**
 * Rooms in which everybody hears everybody: `8000`, the party line, and any others.
 *
 * What a room is (its number, its tones) is data, who is in it is `Room`; names, PIN, mute, lock and kick act on a `Member` there.
 */
import type { MediaPlane, ToneName } from '../../../media/plane';
import { exactly, type Feature, type ServiceCall } from '../feature';

const BREATH_MS = 400;

export interface RoomSettings {
  /** Dialled; also the room's name in the media plane, where the simple packet format finds it. */
  number: string;
  meaning: string;
}

export interface ConferenceDeps {
  plane: Pick<MediaPlane, 'play'>;
  /** Prompts that say a whole number. */
  sayNumber: (n: number) => readonly string[];
}

/** What somebody who comes in is told: how many are there. */
const whoIsThere = (others: number, sayNumber: ConferenceDeps['sayNumber']): readonly string[] => {
  if (others === 0) return ['conference-only-one'];
  if (others === 1) return ['conference-there-is', 'conference-one-other'];
  return ['conference-there-are', ...sayNumber(others), 'conference-others'];
};

interface Member {
  call: ServiceCall;
}

class Room {
  private readonly members = new Set<Member>();

  constructor(
    private readonly name: string,
    private readonly plane: ConferenceDeps['plane'],
  ) {}

  get size(): number {
    return this.members.size;
  }

  /** Until the caller hangs up. */
  async stay(call: ServiceCall): Promise<void> {
    const member: Member = { call };
    await call.join(this.name);
    this.members.add(member);
    try {
      this.sound('join');
      await call.ended;
    } finally {
      this.members.delete(member);
      if (this.size > 0) this.sound('leave');
    }
  }

  /** For all to hear, above what they say. A room that has just emptied has nobody to hear it. */
  private sound(tone: ToneName): void {
    this.plane.play({ room: this.name }, [{ tone }], { over: true }).catch(() => undefined);
  }
}

export function conference(rooms: readonly RoomSettings[], { plane, sayNumber }: ConferenceDeps): Feature {
  const byNumber = new Map(rooms.map(({ number }) => [number, new Room(number, plane)]));
  return {
    name: 'conference',
    numbers: rooms.map(({ number, meaning }) => exactly(number, meaning, { args: { room: number }, room: number })),
    // one who only listens, muted, may send nothing for as long as it lasts
    silence: 'asks',
    async answer(call, args) {
      const room = byNumber.get(args['room'] ?? '');
      if (!room) throw new Error(`there is no room ${args['room']}`);
      await call.answer();
      await call.pause(BREATH_MS);
      await call.say(whoIsThere(room.size, sayNumber), { interrupt: true });
      await room.stay(call);
    },
  };
}
