/** Level meters, and how the selected call sounds in both directions. */
import { selectedCall, type PhoneView } from '../state';
import type { Ink, Piece } from './paint';
import { harmless } from './text';
import { mosWord, signed } from './words';

/** A meter's left end, dBov; its right end is full scale. */
const QUIETEST = -60;
/** From here on it is too loud. */
const LOUD = -6;

export function meters(view: PhoneView, columns: number, ink: Ink): Piece[] {
  const { audio, levels, volume, muted } = view;
  if (audio.input === null && audio.output === null && selectedCall(view) === undefined) return [['dim', `   no sound device in use${audio.backend === 'none' ? '' : ` (${harmless(audio.backend, ink.unicode)})`}`]];
  const length = Math.max(6, Math.min(24, Math.floor((columns - 36) / 2)));
  const mic: Piece[] = muted ? ['   Mic ', ['bad', 'muted'.padEnd(length)]] : ['   Mic ', ...meter(levels.input, length, ink)];
  return [...mic, ['dim', ` ${signed(volume.inputDb).padEnd(7)}`], '  Ear ', ...meter(levels.output, length, ink), ['dim', ` ${signed(volume.outputDb)}`]];
}

/** Always `length` columns wide. */
export function meter(dBov: number, length: number, { unicode }: Ink): Piece[] {
  const part = Number.isFinite(dBov) ? Math.min(1, Math.max(0, (dBov - QUIETEST) / -QUIETEST)) : 0;
  const full = Math.round(part * length);
  const loudFrom = Math.round(((LOUD - QUIETEST) / -QUIETEST) * length);
  const [on, off] = unicode ? ['▮', '·'] : ['#', '.'];
  return [
    ['good', on.repeat(Math.min(full, loudFrom))],
    ['bad', on.repeat(Math.max(0, full - loudFrom))],
    ['dim', off.repeat(length - full)],
  ];
}

/** Always two lines: what stands below does not jump when the first figures come. */
export function qualityLines(view: PhoneView, columns: number): Piece[][] {
  const call = selectedCall(view);
  const quality = call?.quality ?? null;
  if (call === undefined || quality === null) return [[['dim', call?.state === 'up' ? '   measuring the line' : '']], []];
  const { heard, sent, rttMs } = quality;
  const wide = columns >= 76;
  const narrow = columns < 66;
  const gap = wide ? '   ' : '  ';
  /** Whole figures or none: half a figure is a wrong one. */
  const third = columns >= 60;
  const figures = (label: string, loss: number | null, jitter: number | null, extra: Piece[], mos: number | null): Piece[] => [
    '   ', label.padEnd(6),
    ...mosPieces(mos, narrow), gap,
    ['dim', 'loss '], [loss !== null && loss >= 0.05 ? 'bad' : loss !== null && loss >= 0.01 ? 'fair' : 'plain', percent(loss).padStart(6)], gap,
    ['dim', 'jitter '], ms(jitter).padStart(6),
    ...(third ? [gap, ...extra] : []),
  ];
  return [
    figures('Heard', heard.lossFraction, heard.jitterMs, [['dim', 'buffer '], ms(heard.bufferMs).padStart(6), ...(columns >= 100 ? [gap, ['dim', 'made up '] as const, percent(heard.concealedFraction)] : [])], heard.mos),
    figures('Sent', sent.lossFraction, sent.jitterMs, [['dim', wide ? 'round trip ' : 'trip '], ms(rttMs).padStart(wide ? 2 : 8)], sent.mos),
  ];
}

function mosPieces(mos: number | null, narrow: boolean): Piece[] {
  if (!known(mos)) return [['dim', 'MOS '], '  -', narrow ? '' : '     '];
  const { text, tone } = mosWord(mos);
  return [['dim', 'MOS '], [tone, narrow ? mos.toFixed(1) : `${mos.toFixed(1)} ${text}`]];
}

function known(figure: number | null): figure is number {
  return figure !== null && Number.isFinite(figure);
}

function percent(fraction: number | null): string {
  return known(fraction) ? `${(fraction * 100).toFixed(1)} %` : '-';
}

function ms(figure: number | null): string {
  return known(figure) ? `${Math.round(figure)} ms` : '-';
}
