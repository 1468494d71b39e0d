/**
 * Whether a library does what it declares, tried once before it is trusted: something like speech is encoded, every seventh packet goes
 * missing, and what the decoder makes of that is compared with what it hears when nothing does. Takes a few milliseconds.
 */
import { SET, type Library } from './library';
import { packetUnits, repeatsTheOneBefore } from './packet';

const RATE = 16_000;
const FRAME = 320;
const FRAMES = 30;
const EVERY = 7;
/** Over which the copies must beat concealment, dB. Here: 11. */
const BETTER_DB = 3;

/** Why it is not to be trusted, or undefined. */
export function selfTest(library: Library): string | undefined {
  const encoder = library.encoder(RATE, 1);
  const whole = library.decoder(RATE, 1);
  const recovering = library.decoder(RATE, 1);
  const concealing = library.decoder(RATE, 1);
  try {
    for (const [request, value] of [[SET.BITRATE, 24_000], [SET.INBAND_FEC, 1], [SET.PACKET_LOSS_PERC, 20], [SET.COMPLEXITY, 5]] as const) {
      encoder.set(request, value);
    }
    const pcm = new Int16Array(FRAME);
    const heard = new Int16Array(FRAME);
    const other = new Int16Array(FRAME);
    const packets: Uint8Array[] = [];
    for (let n = 0; n < FRAMES; n++) {
      hum(pcm, n * FRAME);
      const out = new Uint8Array(400);
      const length = encoder.encode(pcm, FRAME, out);
      if (length < 3 || packetUnits(out, length) !== 8) return `a frame of 20 ms was encoded to ${length} octets that are not one`;
      packets.push(out.subarray(0, length));
    }
    let copies = 0;
    const energy = { heard: 0, recovered: 0, concealed: 0 };
    for (let n = 0; n < FRAMES; n++) {
      const packet = packets[n]!;
      if (whole.decode(packet, packet.length, heard, FRAME) !== FRAME) return 'its own packet does not decode to 20 ms';
      const lost = n % EVERY === EVERY - 1 && n < FRAMES - 1;
      if (!lost) {
        recovering.decode(packet, packet.length, other, FRAME);
        concealing.decode(packet, packet.length, other, FRAME);
        continue;
      }
      if (!recovering.recover || !concealing.conceal) continue;
      const next = packets[n + 1]!;
      if (!repeatsTheOneBefore(next, next.length)) continue;
      copies++;
      energy.heard += difference(heard);
      if (recovering.recover(next, next.length, other, FRAME) !== FRAME) return 'a copy does not decode';
      energy.recovered += difference(heard, other);
      if (concealing.conceal(other, FRAME) !== FRAME) return 'it does not conceal';
      energy.concealed += difference(heard, other);
    }
    if (!recovering.recover) return undefined;
    if (copies === 0) return 'it makes no copies';
    const gain = 10 * Math.log10(energy.concealed / energy.recovered);
    if (!(energy.recovered < energy.heard && gain > BETTER_DB)) return `copies are only ${gain.toFixed(1)} dB better than concealment`;
    return undefined;
  } finally {
    for (const codec of [encoder, whole, recovering, concealing]) codec.close();
  }
}

/** A voice on one note that wavers. */
function hum(out: Int16Array, from: number): void {
  for (let i = 0; i < out.length; i++) {
    const t = (from + i) / RATE;
    const phase = 2 * Math.PI * (130 * t + 4 * Math.sin(2 * Math.PI * 1.5 * t));
    let value = 0;
    for (let k = 1; k <= 20; k++) value += (Math.sin(k * phase) / k) * (1 + Math.sin(2 * Math.PI * (1 + k / 7) * t));
    out[i] = 3000 * value * (0.6 + 0.4 * Math.sin(2 * Math.PI * 3 * t));
  }
}

function difference(a: Int16Array, b?: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - (b ? b[i]! : 0)) ** 2;
  return sum;
}
