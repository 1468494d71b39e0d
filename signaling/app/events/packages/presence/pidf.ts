/** Presence documents (RFC 3863, with the activities of RFC 4480): what is read of one, and how ours is written. Pure. */
import { shown, tenantOf } from '../../../../tenants';
import { elements, escaped, readXml } from '../../xml';

export const PIDF_TYPE = 'application/pidf+xml';

export interface Presence {
  /** Whether it can be reached. */
  readonly open: boolean;
  /** Names of RFC 4480 §3.2, each once. */
  readonly activities: readonly string[];
  /** For people. */
  readonly note: string | undefined;
}

/** One way of reaching somebody. */
export interface Tuple {
  readonly id: string;
  readonly open: boolean;
}

/** RFC 4480 §3.2. */
const known = new Set([
  'appointment', 'away', 'breakfast', 'busy', 'dinner', 'holiday', 'in-transit', 'looking-for-work', 'lunch', 'meal', 'meeting', 'on-the-phone', 'performance', 'permanent-absence',
  'playing', 'presentation', 'shopping', 'sleeping', 'spectator', 'steering', 'travel', 'tv', 'vacation', 'working', 'worship',
]);
const MAX_NOTE = 200;

/** Undefined: it is none. */
export function readPidf(text: string): Presence | undefined {
  const root = readXml(text);
  if (root?.name !== 'presence') return undefined;
  const open = elements(root, 'basic').some((basic) => basic.text.trim().toLowerCase() === 'open');
  const activities = elements(root, 'activities').flatMap(({ children }) => children.map(({ name }) => name)).filter((name) => known.has(name));
  const note = elements(root, 'note').map((one) => one.text.trim()).find((one) => one !== '');
  return { open, activities: [...new Set(activities)], note: note?.slice(0, MAX_NOTE) };
}

/** Phones read the first `basic` there is, and prefixes as if they were names: open ones first, and `rpid`. */
export function writePidf(number: string, host: string, tuples: readonly Tuple[], activities: readonly string[], note: string | undefined): string {
  const uri = escaped(`sip:${shown(number)}@${tenantOf(number) || host}`);
  const sorted = [...tuples].sort((a, b) => Number(b.open) - Number(a.open));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="${uri}">`,
    ...sorted.map(({ id, open }) => `<tuple id="${id}"><status><basic>${open ? 'open' : 'closed'}</basic></status><contact>${uri}</contact></tuple>`),
    ...(note === undefined ? [] : [`<note>${escaped(note)}</note>`]),
    ...(activities.length === 0 ? [] : [`<dm:person id="person"><rpid:activities>${activities.map((name) => `<rpid:${name}/>`).join('')}</rpid:activities></dm:person>`]),
    '</presence>',
    '',
  ].join('\r\n');
}
