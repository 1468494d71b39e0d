/** Telephone numbers: what was dialled, the same in full (E.164), and how a provider wants it. */

export interface Numbering {
  /** `49`; null: numbers without + or the international prefix are only as they were dialled. */
  country: string | null;
  /** In front of a country's code: `00`, `011`. */
  international: string;
  /** In front of an area's: `0`, `1`, or nothing. */
  national: string;
}

/** E.164, at most 15 digits. */
const FULL = /^\+[1-9]\d{2,14}$/;

/** `+4930123` of `+4930123`, `004930123`, `030123`; undefined: it cannot be told. */
export function inFull(dialled: string, { country, international, national }: Numbering): string | undefined {
  const digits = /^\+?\d+$/.test(dialled) ? dialled : undefined;
  if (digits === undefined) return undefined;
  const full = digits.startsWith('+')
    ? digits
    : international !== '' && digits.startsWith(international)
      ? `+${digits.slice(international.length)}`
      : country !== null && national !== '' && digits.startsWith(national)
        ? `+${country}${digits.slice(national.length)}`
        : undefined;
  return full !== undefined && FULL.test(full) ? full : undefined;
}

export type Form = 'plus' | 'international' | 'national' | 'digits';

/** A number in full as a provider wants it. */
export function written(full: string, form: Form, { country, international, national }: Numbering): string {
  const digits = full.slice(1);
  if (form === 'plus') return full;
  if (form === 'digits') return digits;
  if (form === 'national' && country !== null && digits.startsWith(country)) return `${national}${digits.slice(country.length)}`;
  return `${international}${digits}`;
}

/** What a provider says who calls, or is called: in full where that can be told, also where it leaves the + out. */
export function told(number: string, numbering: Numbering): string {
  const clean = number.replace(/[-.() ]/g, '');
  const full = inFull(clean, numbering);
  if (full !== undefined) return full;
  const { country } = numbering;
  return country !== null && /^\d{9,15}$/.test(clean) && clean.startsWith(country) ? `+${clean}` : clean;
}
