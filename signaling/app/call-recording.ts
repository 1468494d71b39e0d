/**
 * Recording calls between phones: which are recorded, `*1` during the call, and what is heard of it.
 *
 *   either side `never`                  not recorded, whoever asks
 *   else either side `always`            recorded from the answer to the end; *1 does nothing
 *   else                                 *1, by either side, begins a recording and ends it; each is a file of its own
 *
 * A relayed call stays relayed while it is recorded, unless beeps are to be heard. For the second in which somebody is told that it began or
 * ended, its sound is made here.
 */
import type { Playable, RecordEnd } from '../../media/plane';
import type { Call, Callee } from './call';
import { undecodable } from './call-bridge';
import { aloud, bridged } from './call-media';
import type { CallContext } from './context';
import { guarded, mediaWork } from './hangup';
import type { Leg, Side } from './leg';
import { playOver } from './sound-over';
import type { Entry, RecordingArchive } from './recording-archive';

export type RecordingPolicy = Callee['recording'];

/** Of a call between the two. */
export function recordingPolicy(...sides: ReadonlyArray<{ recording: RecordingPolicy }>): RecordingPolicy {
  if (sides.some(({ recording }) => recording === 'never')) return 'never';
  return sides.some(({ recording }) => recording === 'always') ? 'always' : 'on-demand';
}

/** `*1` is two keys; what is further apart is not meant. */
const KEY_PAUSE_MS = 3000;
/** A phone may send each key in two ways: what comes so soon after is the same press. */
const SAME_PRESS_MS = 1000;
/**
 * Between `1` and what is said about it: the packets that end the press come three times, and must not arrive in two ways; and a file that cannot
 * be made is known by then.
 */
const SETTLE_MS = 300;

type Prompt = 'recording-started' | 'recording-stopped';
/** Instead of a prompt: it did not work. */
const REFUSED: Playable = { tone: 'reorder', ms: 800 };

/** What is known of a call that was, is or may be recorded. */
interface Tape {
  pieces: number;
  running: Piece | undefined;
  /** When each side pressed the star; when `*1` was last taken. */
  stars: Partial<Record<Side, number | undefined>>;
  takenAt: number;
}

interface Piece {
  entry: Entry;
  /** Who hears when it ends; undefined: it was not asked for. */
  askedBy: Side | undefined;
  stopping: boolean;
  /** Never rejects. */
  over: Promise<RecordEnd | undefined>;
}

export class CallRecorder {
  private readonly tapes = new WeakMap<Call, Tape>();

  constructor(
    private readonly ctx: CallContext,
    private readonly archive: RecordingArchive,
  ) {}

  /** To be called whenever the call has come up, or its media was wired: it may be one that is always recorded. */
  tend(call: Call): void {
    if (!bridged(call) || this.tapeOf(call).pieces > 0) return;
    if (recordingPolicy(call.from, call.to) === 'always') this.begin(call, undefined);
  }

  /** A key of one side, however it came. */
  pressed(call: Call, leg: Leg, digit: string): void {
    if (!bridged(call)) return;
    const tape = this.tapeOf(call);
    const now = this.ctx.clock.now();
    const { side } = leg;
    const star = tape.stars[side];
    tape.stars[side] = digit === '*' ? now : undefined;
    if (digit !== '1' || star === undefined || now - star > KEY_PAUSE_MS || now - tape.takenAt < SAME_PRESS_MS) return;
    const policy = recordingPolicy(call.from, call.to);
    if (policy !== 'on-demand') {
      this.ctx.log.debug({ call: call.id, policy }, '*1 does nothing in this call');
      return;
    }
    tape.takenAt = now;
    if (tape.running) this.end(tape.running, side);
    else this.begin(call, side);
  }

  /** As if one of the two had asked for it, but for what they hear of it. Why it cannot be; undefined: it begins. */
  start(call: Call): string | undefined {
    const tape = this.tapeOf(call);
    if (tape.running) return 'it is being recorded';
    if (recordingPolicy(call.from, call.to) === 'never') return 'one of the two must not be recorded';
    this.begin(call, undefined);
    return undefined;
  }

  stop(call: Call): string | undefined {
    const { running } = this.tapeOf(call);
    if (!running) return 'it is not being recorded';
    if (recordingPolicy(call.from, call.to) === 'always') return 'one of the two is always recorded';
    this.end(running, undefined);
    return undefined;
  }

  /** Resolves when nothing of the call's recordings is left to be done. Never rejects. */
  async finished(call: Call): Promise<void> {
    await this.tapes.get(call)?.running?.over;
  }

  private tapeOf(call: Call): Tape {
    let tape = this.tapes.get(call);
    if (!tape) this.tapes.set(call, (tape = { pieces: 0, running: undefined, stars: {}, takenAt: -Infinity }));
    return tape;
  }

  private begin(call: Call, askedBy: Side | undefined): void {
    const { ctx, archive } = this;
    const { beepSeconds } = archive.settings;
    const tape = this.tapeOf(call);
    const entry = archive.begin({ id: call.id, from: call.from.number, to: call.to.number }, ++tape.pieces);
    call.recordings.push(entry.file);
    const piece: Piece = { entry, askedBy, stopping: false, over: Promise.resolve(undefined) };
    tape.running = piece;
    ctx.log.info({ call: call.id, file: entry.file, ...(askedBy && { by: askedBy }) }, 'recording a call');
    const beeps = () => beepSeconds > 0 && tape.running === piece && this.aloud(call, 'beep', true);
    if (askedBy) {
      this.later(call, () => {
        beeps();
        if (!piece.stopping) this.tell(call, askedBy, tape.running === piece ? 'recording-started' : undefined);
      });
    } else beeps();
    piece.over = this.record(call, entry).then((end) => {
      tape.running = undefined;
      if (call.over) return end;
      this.aloud(call, 'beep', false);
      const by = piece.askedBy;
      if (by && end) this.later(call, () => this.tell(call, by, 'recording-stopped'));
      return end;
    });
  }

  /** What came of it; undefined: it could not begin. The row says so by then. */
  private async record(call: Call, entry: Entry): Promise<RecordEnd | undefined> {
    const { ctx, archive } = this;
    const { beepSeconds, maxMinutes } = archive.settings;
    const [a, b] = [call.caller.endpoint, call.callee?.endpoint];
    const codec = undecodable(ctx, call);
    if (!a || !b || codec !== undefined) {
      await entry.failed(codec === undefined ? 'There is no media to record.' : `The phones speak ${codec}, which cannot be decoded here.`);
      return undefined;
    }
    try {
      const end = await ctx.plane.record({ between: [a.id, b.id] }, { file: entry.path, maxMs: maxMinutes * 60_000, ...(beepSeconds > 0 && { beepEveryMs: beepSeconds * 1000 }) });
      await entry.ended(end);
      return end;
    } catch (err) {
      await entry.failed(err instanceof Error ? err.message : String(err));
      return undefined;
    }
  }

  private end(piece: Piece, by: Side | undefined): void {
    if (piece.stopping) return;
    piece.stopping = true;
    piece.askedBy = by;
    this.ctx.plane.stopRecording(piece.entry.path).catch(() => this.ctx.counters.mediaErrors++);
  }

  /** Says it to whoever pressed, or to both where both hear beeps. `undefined`: it did not work. */
  private tell(call: Call, to: Side, prompt: Prompt | undefined): void {
    const { ctx } = this;
    const file = prompt && ctx.prompt(prompt);
    if (prompt && file === undefined) {
      ctx.counters.promptsFailed++;
      return;
    }
    const sides = this.archive.settings.beepSeconds > 0 ? [call.caller, call.callee] : [to === 'caller' ? call.caller : call.callee];
    const what = file === undefined ? [REFUSED] : [{ file }];
    void playOver(ctx, call, sides, what, 'prompt');
  }

  private aloud(call: Call, why: string, on: boolean): void {
    mediaWork(this.ctx, call, aloud(this.ctx, call, why, on));
  }

  private later(call: Call, work: () => void): void {
    const { ctx } = this;
    const timer = ctx.clock.after(SETTLE_MS, () => {
      call.timers.delete(timer);
      guarded(ctx, call, 'recording', work);
    });
    // cancelled with the call
    call.timers.add(timer);
  }
}
