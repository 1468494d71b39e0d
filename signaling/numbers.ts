/** Which numbers can be extensions, and which mean something already. */
import { OffhookError } from './errors';
import { shown, tenantOf } from './tenants';

interface Reserved {
  from: number;
  to: number;
  what: string;
}

/** Service numbers without a star (those with one cannot be extensions anyway). */
const reserved: readonly Reserved[] = [
  { from: 700, to: 720, what: 'parking calls' },
  { from: 8000, to: 8000, what: 'the party line' },
];

/** The number itself when it can be an extension: 2 to 15 digits (E.164's length) that are no service number; of another tenant than the first with its domain (`tenants.ts`). Errors: `extension.bad-number`. */
export function checkExtensionNumber(number: string): string {
  const reason = refusalOf(number);
  if (reason) throw new OffhookError('extension.bad-number', { number, reason });
  return number;
}

export const PARTY_LINE = '8000';

/** Members of a conference room: what one worker mixes without effort (the benchmark `rooms` measures it), and what may be set. */
export const ROOM_MEMBERS = { default: 300, most: 2000 } as const;

/** As `checkExtensionNumber`, for a conference room other than the party line. Errors: `room.bad-number`. */
export function checkRoomNumber(number: string): string {
  const reason = refusalOf(number);
  if (reason) throw new OffhookError('room.bad-number', { number, reason });
  return number;
}

/** As `checkExtensionNumber`, for whatever else can be dialled; may be an id (`tenants.ts`). Errors: `number.bad`. */
export function checkDialledNumber(id: string): string {
  const reason = refusalOf(id);
  if (reason) throw new OffhookError('number.bad', { number: id, reason });
  return id;
}

/** Host names in lower case (RFC 1123 §2.1). */
const isDomain = (name: string): boolean => name.length <= 253 && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name);

/** Where calls can be sent on to: what a phone can dial, or a mailbox. Errors: `extension.bad-target`. */
export function checkTarget(target: string, own: string): string {
  const reason = target === shown(own) ? 'it is the extension itself' : target !== 'voicemail' && !/^\+?[0-9*#]{1,32}$/.test(target) ? 'it must be a number, or “voicemail”' : undefined;
  if (reason) throw new OffhookError('extension.bad-target', { target, reason });
  return target;
}

/** Rooms whose number fits the field of the simple packet format: 16 bits, and 0 stands for the party line. */
export const fitsSimpleFormat = (number: string): boolean => /^[1-9]\d{0,4}$/.test(number) && Number(number) <= 0xffff;

const refusalOf = (id: string): string | undefined => refusal(shown(id)) ?? (id.includes('@') && !isDomain(tenantOf(id)) ? `${tenantOf(id)} is not the name of a tenant` : undefined);

function refusal(number: string): string | undefined {
  if (!/^\d{2,15}$/.test(number)) return 'it must be 2 to 15 digits';
  // "0700" is dialled differently from "700".
  const service = number.startsWith('0') ? undefined : reserved.find(({ from, to }) => Number(number) >= from && Number(number) <= to);
  return service && `${number} is reserved for ${service.what}`;
}
