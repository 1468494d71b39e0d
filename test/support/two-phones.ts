/** Linphone and baresip in one call, each with its tone: what the interop suites that are about two phones share. */
import { hears, mark } from './ears';
import type { Phone } from './phone';

export const LINPHONE_TONE = 600;
export const BARESIP_TONE = 900;

export interface Phones {
  linphone: Phone;
  baresip: Phone;
}

export async function call(caller: Phone, number: string, callee: Phone): Promise<void> {
  await caller.dial(number);
  await callee.ringing();
  await callee.answer();
  await Promise.all([caller.inCall(), callee.inCall()]);
}

/** Each hears the other and not itself, from these points of their recordings on. */
export async function hearEachOther({ linphone, baresip }: Phones, from = { linphone: 0, baresip: 0 }): Promise<void> {
  await Promise.all([
    hears(linphone, BARESIP_TONE, { not: [LINPHONE_TONE], from: from.linphone }),
    hears(baresip, LINPHONE_TONE, { not: [BARESIP_TONE], from: from.baresip }),
  ]);
}

export const now = ({ linphone, baresip }: Phones): { linphone: number; baresip: number } => ({ linphone: mark(linphone), baresip: mark(baresip) });

/** One hangs up, and both are through. */
export async function hangUp(phone: Phone, { linphone, baresip }: Phones): Promise<void> {
  await phone.hangUp();
  await Promise.all([linphone.ended(), baresip.ended()]);
}
