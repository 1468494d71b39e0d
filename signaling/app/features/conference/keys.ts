/**
 * What a member can do with the keys of its phone: `*` and a digit. A table, from which the spoken menu is made, too.
 */
import type { PhoneMember, Member } from './member';
import type { Room } from './room';
import type { ConferenceDeps } from './deps';
import type { ServiceCall } from '../../feature';

interface Acting {
  call: ServiceCall;
  room: Room;
  member: PhoneMember;
  sayNumber: ConferenceDeps['sayNumber'];
}

interface Command {
  key: string;
  moderators?: true;
  /** Of the spoken menu. */
  prompt: string;
  run(acting: Acting): Promise<unknown>;
}

/** Names in a roll call; whoever wants to know of more looks at a screen. */
const MAX_NAMES = 20;
const SECOND_KEY_MS = 4000;
/** The wait for a key begins anew after this long. */
const A_DAY_MS = 86_400_000;

/** What somebody is told who comes in, or asks: how many others are there. */
export function whoIsThere(others: number, sayNumber: ConferenceDeps['sayNumber']): readonly string[] {
  if (others === 0) return ['conference-only-one'];
  if (others === 1) return ['conference-there-is', 'conference-one-other'];
  return ['conference-there-are', ...sayNumber(others), 'conference-others'];
}

const interruptible = { interrupt: true } as const;

export const commands: readonly Command[] = [
  {
    key: '3',
    prompt: 'conference-menu-count',
    async run({ call, room, member, sayNumber }) {
      const others = room.present.filter((one) => one !== member);
      const names = others.slice(0, MAX_NAMES).flatMap((one) => [...room.nameOf(one), { silenceMs: 200 }]);
      await call.play([...room.spoken(whoIsThere(others.length, sayNumber)), ...names], interruptible);
    },
  },
  {
    key: '6',
    prompt: 'conference-menu-mute',
    async run({ call, room, member }) {
      if (!room.muteOneself(member, !member.muted)) await call.say(['conference-muted-by-moderator'], interruptible);
      else await call.say([member.muted ? 'conference-muted' : 'conference-unmuted'], interruptible);
    },
  },
  {
    key: '5',
    moderators: true,
    prompt: 'conference-menu-lock',
    // all in the room hear it
    run: async ({ room }) => room.lock(!room.locked),
  },
  {
    key: '7',
    moderators: true,
    prompt: 'conference-menu-mute-others',
    async run({ call, room }) {
      room.hush(!room.quiet);
      await call.say([room.quiet ? 'conference-others-muted' : 'conference-others-unmuted'], interruptible);
    },
  },
  {
    key: '8',
    moderators: true,
    prompt: 'conference-menu-remove',
    async run({ call, room, member }) {
      const last = room.present.filter((one) => one !== member).at(-1);
      if (!last) return call.say(['conference-only-one'], interruptible);
      await call.play([...room.spoken(['conference-to-remove']), ...room.nameOf(last), ...room.spoken(['conference-to-remove-confirm'])], interruptible);
      const confirmed = (await call.digit()) === '1';
      member.check();
      // who was meant may have left, and must not stand for the next one
      if (!confirmed || !isHere(room, last)) return call.say(['conference-nobody-removed'], interruptible);
      const name = room.nameOf(last);
      last.remove('kicked');
      // a recorded name goes with its owner
      return call.play([...(last.nameFile === undefined ? name : room.spoken(['conference-someone'])), ...room.spoken(['conference-was-removed'])], interruptible);
    },
  },
  {
    key: '9',
    moderators: true,
    prompt: 'conference-menu-end',
    run: async ({ room }) => room.end(),
  },
  {
    key: '0',
    prompt: 'conference-menu-again',
    run: ({ call, member }) => call.say(commands.filter((one) => member.moderator || !one.moderators).map(({ prompt }) => prompt), interruptible),
  },
];

const isHere = (room: Room, member: Member): boolean => room.member(member.id) === member;

/** Until the call or the membership ends. Errors: `CallOver`, `Removed`. */
export async function listenToKeys(acting: Acting): Promise<never> {
  const { call, member } = acting;
  for (;;) {
    const first = await call.digit(A_DAY_MS);
    member.check();
    if (first !== '*') continue;
    const second = await call.digit(SECOND_KEY_MS);
    member.check();
    const command = commands.find(({ key }) => key === second);
    if (!command) continue;
    if (command.moderators && !member.moderator) await call.say(['conference-only-moderators'], interruptible);
    else await command.run(acting);
    member.check();
  }
}

