/** What a phone itself lets its person hear. The tones of the network are each country's own; how a phone rings is its maker's choice. */
import { tonePattern, type TonePattern } from '../../../media/audio/tones';
import type { LocalTone } from './hub-types';

/** A bell's two gongs, struck in turn for a second, then three seconds of quiet. */
function ringer(): TonePattern {
  const strikes = Array.from({ length: 16 }, (_, i) => ({ hz: [i % 2 === 0 ? 800 : 1000], ms: 62.5, level: -13 }));
  return { segments: [...strikes, { hz: [], ms: 3000 }], repeat: true };
}

/** Somebody knocks: 0.3 s of the country's first ring-back frequency every ten seconds (E.180 supplement 2 lists much the same of many countries), softly. */
function waiting(country: string | undefined): TonePattern {
  const hz = tonePattern('ringback', country).segments[0]!.hz.slice(0, 1);
  return { segments: [{ hz, ms: 300, level: -22 }, { hz: [], ms: 9700 }], repeat: true };
}

/** `country`: ISO 3166; one that has no tones listed sounds like the default one. */
export function localTonePattern(tone: LocalTone, country?: string): TonePattern {
  switch (tone) {
    case 'ringing':
      return ringer();
    case 'waiting':
      return waiting(country);
    case 'failed':
      return tonePattern('sit', country);
    default:
      return tonePattern(tone, country);
  }
}
