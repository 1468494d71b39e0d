/** What a torture message of an RFC deserves. */
import type { SipParseCode } from '../../../signaling/engine/wire/errors';

/** `accept`: the wire lets it through. A refusal names our error code, its status, and whether the sender can be answered. */
export type Verdict = 'accept' | { code: SipParseCode; status: 400 | 505; answerable: boolean };

export interface TortureCase {
  /** As the RFC names it; `FOLDER/NAME.sip`. */
  name: string;
  section: string;
  verdict: Verdict;
  note: string;
}

export const refuse = (code: SipParseCode, answerable = true, status: 400 | 505 = 400): Verdict => ({ code, status, answerable });
