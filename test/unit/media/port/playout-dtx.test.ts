/** Opus that is silent in pauses (DTX): what is not sent is no loss, is not silence either, and does not click. */
import { Heard, Playout } from '../../../../media/port/playout';
import { opus, opusProblem } from '../../../../media/codec/opus';
import { levelOf } from '../../../../media/audio/level';
import { unless } from '../../../support/peers';
import { seeded } from './line';

const RATE = 48_000;
const FRAME = 960;
const [TALK_S, PAUSE_S] = [2, 3];
const SECONDS = 2 * TALK_S + PAUSE_S;

interface Call {
  sent: number;
  heard: Int16Array;
  kinds: Heard[];
  stats: ReturnType<Playout['stats']>;
}

/** Something like a voice, a pause, and again, over the noise of a room. */
function spoken(noiseRms: number): Int16Array {
  const random = seeded(4);
  let noise = 0;
  return Int16Array.from({ length: SECONDS * RATE }, (_, i) => {
    const t = i / RATE;
    noise = 0.8 * noise + (random() * 2 - 1);
    const talks = t < TALK_S || t >= TALK_S + PAUSE_S;
    const voice = talks ? Math.max(0, Math.sin(2 * Math.PI * 3 * t)) * [1, 2, 3, 5].reduce((sum, k) => sum + (3000 / k) * Math.sin(2 * Math.PI * 140 * k * t), 0) : 0;
    return Math.round(voice + noise * noiseRms * 1.04);
  });
}

/** @param jitterMs that each packet takes longer, evenly spread */
function call(pcm: Int16Array, fmtp: string, jitterMs: number): Call {
  const encoder = opus.encoder({ sampleRate: RATE, fmtp });
  const random = seeded(5);
  const out = new Uint8Array(1500);
  const arrivals: Array<{ at: number; sequence: number; timestamp: number; marker: boolean; payload: Uint8Array }> = [];
  let paused = true;
  for (let at = 0; at < pcm.length; at += FRAME) {
    const length = encoder.encode(pcm.subarray(at, at + FRAME), out);
    if (length > 0) arrivals.push({ at: at / 48 + jitterMs * random(), sequence: arrivals.length, timestamp: at, marker: paused, payload: out.slice(0, length) });
    paused = length === 0;
  }
  encoder.close();
  const sent = arrivals.length;
  arrivals.sort((a, b) => a.at - b.at);

  const playout = new Playout({ sampleRate: RATE, random: seeded(6) });
  playout.setFormats([{ payloadType: 96, clockRate: RATE, codec: opus, fmtp }], null);
  const heard = new Int16Array(pcm.length);
  const kinds: Heard[] = [];
  for (let frame = 0; frame < pcm.length / FRAME; frame++) {
    const now = frame * 20 + 7;
    for (; arrivals[0] !== undefined && arrivals[0].at <= now; arrivals.shift()) {
      const { payload, sequence, timestamp, marker, at } = arrivals[0];
      playout.insert(payload, 0, payload.length, 96, sequence, timestamp, 1, marker, at);
    }
    kinds.push(playout.read(heard.subarray(frame * FRAME, (frame + 1) * FRAME), now));
  }
  const stats = playout.stats();
  playout.close();
  return { sent, heard, kinds, stats };
}

const seconds = (pcm: Int16Array, from: number, to: number): Int16Array => pcm.subarray(Math.round(from * RATE), Math.round(to * RATE));
const largestStep = (pcm: Int16Array): number => pcm.reduce((top, value, i) => (i === 0 ? 0 : Math.max(top, Math.abs(value - pcm[i - 1]!))), 0);

unless(opusProblem())('Opus with DTX', () => {
  describe.each([
    ['a silent room', 0],
    ['a quiet room', 30],
    ['a room with a fan', 70],
  ])('%s', (_, noiseRms) => {
    describe.each([0, 40])('%d ms of jitter', (jitterMs) => {
      const pcm = spoken(noiseRms);
      const without = call(pcm, '', jitterMs);
      const withDtx = call(pcm, 'usedtx=1', jitterMs);

      test('a good part of the pause is not sent', () => {
        expect(without.sent).toBe(SECONDS * 50);
        expect(withDtx.sent).toBeLessThan((SECONDS - PAUSE_S * 0.6) * 50);
      });

      test('and is taken for what it is: nothing concealed, nothing recovered, noise for the time of it', () => {
        const { frames, latePackets } = withDtx.stats;
        expect([frames.recovered, latePackets]).toEqual([0, 0]);
        expect(frames.concealed).toBeLessThanOrEqual(without.stats.frames.concealed + 1);
        expect(frames.comfortNoise).toBeGreaterThan(PAUSE_S * 0.6 * 50);
        expect(withDtx.kinds.slice(25).filter((kind) => kind === Heard.Silence)).toEqual([]);
      });

      test('the room does not go away', () => {
        // both at least 300 ms after the last word, when the pause has begun for certain
        for (let from = TALK_S + 0.4; from + 0.2 < TALK_S + PAUSE_S; from += 0.2) {
          const [plain, dtx] = [seconds(without.heard, from, from + 0.2), seconds(withDtx.heard, from, from + 0.2)];
          if (noiseRms > 0) expect(Math.abs(levelOf(dtx) - levelOf(plain))).toBeLessThan(4);
          else expect(levelOf(dtx)).toBeLessThan(-90);
        }
      });

      test('no clicks in the pause', () => {
        const [plain, dtx] = [without, withDtx].map(({ heard }) => largestStep(seconds(heard, TALK_S + 0.3, TALK_S + PAUSE_S - 0.05)));
        expect(dtx!).toBeLessThan(1.6 * plain! + 4);
      });

      test('what comes after it is all there, no later than otherwise', () => {
        const talk = (one: Call): Int16Array => seconds(one.heard, TALK_S + PAUSE_S, SECONDS);
        expect(Math.abs(levelOf(talk(withDtx)) - levelOf(talk(without)))).toBeLessThan(0.5);
        expect(withDtx.stats.playoutDelayMs).toBeLessThan(without.stats.playoutDelayMs + 8);
      });
    });
  });
});
