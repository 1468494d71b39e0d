/**
 * A caller's way through a conference: straight-line code, that ends wherever it stands when the caller hangs up.
 *
 *   PIN? ─▶ locked? full? ─▶ name? ─▶ the moderator there? ─▶ how many are there ─▶ in, keys ─▶ gone
 */
import type { FailureLimiter } from '../../failure-limiter';
import { CallOver, type ServiceCall } from '../../feature';
import { listenToKeys, whoIsThere } from './keys';
import { PhoneMember, Removed, type Removal } from './member';
import type { Room, RoomContext } from './room';

/** The way of the sound opens with the first packets. */
const BREATH_MS = 400;
const PIN_TRIES = 3;
const MAX_PIN = 10;
const NAME_MS = 5000;
const NAME_SILENCE_MS = 1500;
/** Shorter is a click, or nobody. */
const SHORTEST_NAME_MS = 300;

export interface VisitContext extends RoomContext {
  /** Bounds guessing: wrong PINs by caller and room. */
  readonly guesses: FailureLimiter;
}

export async function visit(call: ServiceCall, room: Room, ctx: VisitContext): Promise<void> {
  await call.answer();
  await call.pause(BREATH_MS);
  const role = await identify(call, room, ctx);
  if (role === undefined) return;
  const moderator = role === 'moderator';
  const turnedAway = async (): Promise<boolean> => {
    const refusal = room.refusal(moderator);
    if (refusal === undefined) return false;
    ctx.counters.refused++;
    await call.say([refusal, 'goodbye']);
    return true;
  };
  if (await turnedAway()) return;
  const giveUpSeat = room.seat();
  let nameFile: string | undefined;
  try {
    if (room.settings.announce) nameFile = await askName(call, ctx);
  } finally {
    giveUpSeat();
  }
  // while it said its name, the room may have been locked
  if (call.signal.aborted || (await turnedAway())) {
    if (nameFile !== undefined) await ctx.deps.names.remove(nameFile).catch(() => ctx.counters.namesFailed++);
    return;
  }
  await stay(call, room, ctx, moderator, nameFile);
}

async function stay(call: ServiceCall, room: Room, ctx: VisitContext, moderator: boolean, nameFile: string | undefined): Promise<void> {
  const member = new PhoneMember(call, room.number, ctx.deps.clock.wall().getTime(), moderator);
  member.nameFile = nameFile;
  room.arrives(member);
  let removal: Removal;
  try {
    const staying = beThere(call, room, ctx, member);
    // it goes on by itself for a moment when the member is removed, and stops at its next step
    staying.catch(() => undefined);
    removal = await Promise.race([staying, member.removed]).catch((err: unknown) => {
      if (err instanceof Removed) return member.removed;
      throw err;
    });
  } finally {
    room.leaves(member);
  }
  if (call.signal.aborted) return;
  await call.leave();
  await call.say([removal === 'kicked' ? 'conference-removed' : 'conference-ended', 'goodbye']);
}

async function beThere(call: ServiceCall, room: Room, ctx: VisitContext, member: PhoneMember): Promise<never> {
  const { sayNumber } = ctx.deps;
  if (room.waits) await waitForModerator(call, ctx, member);
  const muted = member.silenced ? ['conference-listen-only'] : member.muted ? ['conference-muted'] : [];
  await call.say([...whoIsThere(room.present.length, sayNumber), ...muted], { interrupt: true });
  member.check();
  await room.enters(member);
  member.check();
  return listenToKeys({ call, room, member, sayNumber });
}

/** undefined: it has no right to come in, and was told so. */
async function identify(call: ServiceCall, room: Room, { counters, guesses }: VisitContext): Promise<'moderator' | 'member' | undefined> {
  const { pin, moderatorPin } = room.settings;
  if (pin === null && moderatorPin === null) return 'member';
  const guesser = `${call.caller.number} ${room.number}`;
  for (let tries = 0; tries < PIN_TRIES && guesses.blockedFor(guesser) === 0; tries++) {
    if (tries > 0) await call.say(['not-right', 'try-again'], { interrupt: true });
    await call.say([pin === null ? 'conference-moderator-pin' : 'conference-enter-pin'], { interrupt: true });
    const { digits } = await call.gather({ max: MAX_PIN });
    if (digits !== '' && digits === moderatorPin) return 'moderator';
    if (pin === null ? digits === '' : digits === pin) return 'member';
    counters.wrongPins++;
    // one who is slow does not guess
    if (digits !== '') guesses.fail(guesser);
  }
  await call.say(['not-right', 'goodbye']);
  return undefined;
}

/** The file of the name, or undefined: it said none, or it could not be kept. A conference does not need names. */
async function askName(call: ServiceCall, { deps, counters }: VisitContext): Promise<string | undefined> {
  await call.say(['conference-say-name']);
  await call.play([{ tone: 'record-beep' }]);
  let file: string | undefined;
  try {
    file = await deps.names.next();
    const { why, durationMs } = await call.record({ file, maxMs: NAME_MS, silenceMs: NAME_SILENCE_MS, terminators: '#' });
    if (why !== 'released' && why !== 'failed' && durationMs >= SHORTEST_NAME_MS) return file;
    if (why === 'failed') counters.namesFailed++;
  } catch (err) {
    if (err instanceof CallOver) throw err;
    counters.namesFailed++;
    deps.log.warn({ call: call.id, error: String(err) }, 'the name of a conference member could not be recorded');
  }
  if (file !== undefined) await deps.names.remove(file).catch(() => counters.namesFailed++);
  return undefined;
}

async function waitForModerator(call: ServiceCall, { deps }: VisitContext, member: PhoneMember): Promise<void> {
  member.state = 'waiting';
  await call.say(['conference-waiting'], { interrupt: true });
  member.check();
  const files = await deps.music().catch(() => []);
  member.check();
  if (files.length > 0) void call.play(files.map((file) => ({ file })), { loop: true }).catch(() => undefined);
  await Promise.race([member.begun, call.ended]);
  // throws when the call is over
  await call.stopPlaying();
  member.check();
  call.forgetDigits();
  member.state = 'coming';
}
