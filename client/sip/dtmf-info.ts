/** Key presses in INFO: application/dtmf-relay ('Signal=5', 'Duration=160') and application/dtmf ('5'). No RFC; what phones and PBXs do. */
import { PhoneError } from '../phone-types';
import { header } from './headers';
import type { Core } from './sip-js';

export const isDigits = (text: string): boolean => /^[0-9*#A-Da-d]{1,256}$/.test(text);

/** undefined: not a key press. */
export function digitIn(message: Core.IncomingMessage): { digit: string; durationMs: number } | undefined {
  const type = (header(message, 'content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (type === 'application/dtmf') return known(message.body.trim(), undefined);
  if (type !== 'application/dtmf-relay') return undefined;
  const field = (name: string): string | undefined => new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)`, 'im').exec(message.body)?.[1];
  return known(field('signal') ?? '', field('duration'));
}

function known(signal: string, duration: string | undefined): { digit: string; durationMs: number } | undefined {
  // Some send 10 and 11 for the two keys that are no digits.
  const digit = signal === '10' ? '*' : signal === '11' ? '#' : signal.toUpperCase();
  if (!/^[0-9*#A-D]$/.test(digit)) return undefined;
  const ms = Number(duration ?? 160);
  return { digit, durationMs: Number.isFinite(ms) && ms > 0 ? Math.min(ms, 10_000) : 160 };
}

/** One after the other, each after the answer to the one before. Errors: PhoneError. */
export async function sendByInfo(dialog: Core.Session, digits: string, durationMs = 160): Promise<void> {
  for (const digit of digits.toUpperCase()) {
    await new Promise<void>((resolve, reject) => {
      const refused = ({ message }: Core.IncomingResponse): void =>
        reject(new PhoneError('refused', `the far end does not take key presses by INFO (${message.statusCode ?? 500} ${message.reasonPhrase ?? ''}): use events or tones`, message.statusCode ?? null));
      dialog.info(
        { onAccept: () => resolve(), onReject: refused, onRedirect: refused },
        { body: { contentDisposition: 'render', contentType: 'application/dtmf-relay', content: `Signal=${digit}\r\nDuration=${durationMs}\r\n` } },
      );
    });
  }
}
