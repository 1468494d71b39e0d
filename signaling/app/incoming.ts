/** What an INVITE must have before it can become a call (RFC 3261 §8.2, §12.1.1). */
import { parseNameAddr } from './addresses';
import { understood } from './abilities';
import type { SipRequest } from './dialogs';
import type { Refusal } from './exchange';

/** undefined: nothing is wrong with it. */
export function unacceptable(req: SipRequest): Refusal | undefined {
  const required = tokens(req.get('Require')).filter((tag) => !understood.has(tag.toLowerCase()));
  if (required.length > 0) {
    return { status: 420, reason: 'Bad Extension', headers: { Unsupported: required.filter((tag) => /^[\w\-.!%*+`'~]{1,64}$/.test(tag)).join(', ') } };
  }
  if (!readableDialog(req)) return { status: 400, reason: 'Contact and From Tag Are Needed' };
  return undefined;
}

const tokens = (value: string | undefined): string[] => (value ?? '').split(',').flatMap((tag) => tag.trim() || []);

/** srf's Dialog reads these after the 200 is out, where a failure would leave half a call. */
function readableDialog(req: SipRequest): boolean {
  try {
    const contact = req.getParsedHeader('contact') as Array<{ uri?: string }>;
    const from = req.getParsedHeader('from') as { params?: { tag?: string } };
    return Boolean(contact[0]?.uri) && Boolean(from.params?.tag) && parseNameAddr(req.get('From') ?? '') !== undefined;
  } catch {
    return false;
  }
}
