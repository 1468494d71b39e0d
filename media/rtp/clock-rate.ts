/** RTP clock rates of the payload types that RFC 3551 §6 assigns, in Hz; 0 where it is for the session to say. */
const STATIC = new Map<number, number>([
  [0, 8000], [3, 8000], [4, 8000], [5, 8000], [6, 16000], [7, 8000], [8, 8000],
  [9, 8000], // G.722 samples at 16 kHz and counts at 8 (RFC 3551 §4.5.2)
  [10, 44100], [11, 44100], [12, 8000], [13, 8000], [14, 90000], [15, 8000], [16, 11025], [17, 22050], [18, 8000],
  [25, 90000], [26, 90000], [28, 90000], [31, 90000], [32, 90000], [33, 90000], [34, 90000],
]);

export const PAYLOAD_TYPES = 128;

export const STATIC_CLOCK_RATES: Int32Array = Int32Array.from({ length: PAYLOAD_TYPES }, (_, payloadType) => STATIC.get(payloadType) ?? 0);

/** Clock rate by payload type, with the session's own on top of RFC 3551's. Types and rates that cannot be are left out. */
export function clockRates(own: Record<number, number> = {}): Int32Array {
  const entries = Object.entries(own).filter(([payloadType, hz]) => STATIC_CLOCK_RATES[Number(payloadType)] !== undefined && hz > 0);
  if (entries.every(([payloadType, hz]) => STATIC_CLOCK_RATES[Number(payloadType)] === hz)) return STATIC_CLOCK_RATES;
  const table = STATIC_CLOCK_RATES.slice();
  for (const [payloadType, hz] of entries) table[Number(payloadType)] = hz;
  return table;
}
