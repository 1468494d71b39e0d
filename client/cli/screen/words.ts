/** Figures and states in the words of the screen. */
import type { CallView, HistoryEntry, PhoneView } from '../state';
import type { Tone } from './paint';

/** 0:07, 12:34, 1:02:03 */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** '14:05' of today, '03 Nov' of this year, '2025-11' of another. `offsetMin`: of the zone, undefined: where the machine is. */
export function timeOfDay(wallMs: number, nowWallMs: number, offsetMin: number | undefined): string {
  const local = (ms: number): Date => new Date(ms + (offsetMin ?? -new Date(ms).getTimezoneOffset()) * 60_000);
  const [then, now] = [local(wallMs), local(nowWallMs)];
  if (Number.isNaN(then.getTime()) || Number.isNaN(now.getTime())) return '';
  const iso = then.toISOString();
  if (iso.slice(0, 10) === now.toISOString().slice(0, 10)) return iso.slice(11, 16);
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[then.getUTCMonth()]!;
  return then.getUTCFullYear() === now.getUTCFullYear() ? `${iso.slice(8, 10)} ${month}` : iso.slice(0, 7);
}

export function callState(call: CallView): { text: string; tone: Tone } {
  if (call.state === 'ended') return { text: 'ended', tone: 'dim' };
  if (call.state === 'incoming') return { text: 'calls you', tone: 'fair' };
  if (call.state === 'calling') return { text: 'calling', tone: 'plain' };
  if (call.state === 'ringing') return { text: 'ringing there', tone: 'plain' };
  if (call.state === 'held') return { text: call.heldByFarEnd ? 'both on hold' : 'on hold', tone: 'fair' };
  return call.heldByFarEnd ? { text: 'holds you', tone: 'fair' } : { text: 'in call', tone: 'good' };
}

export function callTime(call: CallView, nowMs: number): string {
  return duration((call.endedAtMs ?? nowMs) - (call.answeredAtMs ?? call.beganAtMs));
}

/** Of ITU-T G.107's MOS. */
export function mosWord(mos: number): { text: string; tone: Tone } {
  if (mos >= 4) return { text: 'good', tone: 'good' };
  if (mos >= 3.5) return { text: 'fair', tone: 'fair' };
  return { text: 'poor', tone: 'bad' };
}

export const HISTORY_WORD: Readonly<Record<HistoryEntry['kind'], { text: string; tone: Tone }>> = {
  missed: { text: 'missed', tone: 'bad' },
  answered: { text: 'answered', tone: 'plain' },
  dialled: { text: 'dialled', tone: 'plain' },
  'not-answered': { text: 'no answer', tone: 'dim' },
};

export function registrationWord(view: PhoneView): { text: string; tone: Tone } {
  const { state, retryAtMs } = view.registration;
  const retry = retryAtMs === null ? '' : `, next try in ${Math.max(0, Math.ceil((retryAtMs - view.nowMs) / 1000))} s`;
  switch (state) {
    case 'off':
      return { text: 'not registered', tone: 'dim' };
    case 'connecting':
      return { text: 'connecting', tone: 'fair' };
    case 'registering':
      return { text: 'registering', tone: 'fair' };
    case 'registered':
      return { text: 'registered', tone: 'good' };
    case 'disconnected':
      return { text: `no connection${retry}`, tone: 'bad' };
    case 'failed':
      return { text: `registration refused${retry}`, tone: 'bad' };
  }
}

export function signed(db: number): string {
  return `${db > 0 ? '+' : ''}${Math.round(db)} dB`;
}
