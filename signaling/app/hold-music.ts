/**
 * Music on hold: which files, and playing them to the one party that is held.
 *
 * The held phone is told "sendonly", whatever the holder said (RFC 3264 §8.4: inactive would be silence by agreement): it shows that it is held
 * and keeps receiving. The holder's own sound is not passed on meanwhile; it may send, but nobody hears it.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Direction } from '../../media/sdp';
import { receives } from '../../media/sdp';
import type { Call } from './call';
import type { CallContext, CallMediaSettings } from './context';
import type { Side } from './leg';

/** The piece that comes with the project. */
export const ownMusic = join(__dirname, '../../media/prompts/moh');

/** From the settings `media.transcode` and `media.holdMusic`. */
export const mediaSettings = ({ transcode, holdMusic }: { transcode: 'on' | 'off'; holdMusic: string | null }): CallMediaSettings => ({
  transcode: transcode === 'on',
  holdMusic: holdMusic === 'default' ? ownMusic : holdMusic,
});

/** What the other phone is offered when one of the two now has this direction. */
export const passedOnDirection = (ctx: CallContext, call: Call, direction: Direction): Direction =>
  call.anchored && ctx.media.holdMusic !== null && ctx.plane.codecs.length > 0 && !receives(direction) ? 'sendonly' : direction;

/** The WAV files of a folder in the order of their names, or the file. Read each time, so that music can be changed while calls go on. */
export async function musicFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  return (await readdir(path))
    .filter((name) => /\.wav$/i.test(name))
    .sort()
    .map((name) => join(path, name));
}

/** Begins when the files are known. A held party that hears nothing is no reason to end the call: it is counted and logged. */
export function playMusic(ctx: CallContext, call: Call, side: Side, id: string): void {
  const path = ctx.media.holdMusic;
  if (path === null) return;
  const failed = (problem: string) => {
    ctx.counters.musicFailed++;
    ctx.log.warn({ call: call.id, path, problem }, 'no music for a held party');
  };
  const play = async () => {
    const files = await musicFiles(path);
    // the call may have been resumed while the folder was read
    if (call.over || call.music !== side || call.tune !== 'music') return;
    if (files.length === 0) return failed('there is no WAV file');
    const end = await ctx.plane.play({ endpoint: id }, files.map((file) => ({ file })), { loop: true });
    if (end.why === 'failed') failed(end.problem ?? 'it could not be played');
  };
  play().catch((err: unknown) => {
    if (!call.over) failed(err instanceof Error ? err.message : String(err));
  });
}

/** For one who is being transferred. Silence instead is no reason to end the call. */
export function playRingback(ctx: CallContext, call: Call, id: string): void {
  ctx.plane.play({ endpoint: id }, [{ tone: 'ringback' }], { loop: true }).catch((err: unknown) => {
    if (call.over) return;
    ctx.counters.promptsFailed++;
    ctx.log.warn({ call: call.id, error: String(err) }, 'no ring-back for one who is transferred');
  });
}
