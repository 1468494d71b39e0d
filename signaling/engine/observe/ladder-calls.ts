/** Which calls the ladder remembers: enough of each to know it again by. */
import { cseqMethod, FROM, METHODS, OTHER_METHOD, isResponseAt, beginOf, lineEnd, TO, valueAt, type Field } from '../wire/peek';
import { parseNameAddr } from '../wire/name-addr';
import { decodeUser, parseUri } from '../wire/uri';
import type { Kept, LadderMemory } from './ladder-memory';

export interface RememberedCall {
  callId: string;
  /** Of the first message that is kept; of a response, that of its request. */
  method: string;
  /** The user of the URI; its host when it has none; what is there when it is no SIP URI. */
  from: string;
  to: string;
  /** Milliseconds since 1970, of the messages kept. */
  firstAt: number;
  lastAt: number;
  messages: number;
  /** Of the last response to `method`; undefined: none is kept. */
  status: number | undefined;
}

/** Text of a stranger is shown, not kept for ever. */
const LONGEST_NAME = 80;

/** The newest first, by their last message; at most `limit`. */
export function rememberedCalls(memory: LadderMemory, limit: number): RememberedCall[] {
  return memory.latest(limit).map((id) => summary(id, memory.of([id])));
}

function summary(id: string, kept: readonly Kept[]): RememberedCall {
  const [first, last] = [kept[0] as Kept, kept[kept.length - 1] as Kept];
  const method = cseqMethod(first.data);
  return {
    callId: Buffer.from(id, 'latin1').toString('utf8'),
    method: method === OTHER_METHOD ? otherMethod(first.data) : (METHODS[method] as string),
    from: party(first.data, FROM),
    to: party(first.data, TO),
    firstAt: first.at,
    lastAt: last.at,
    messages: kept.length,
    status: statusOf(kept, method),
  };
}

function statusOf(kept: readonly Kept[], method: number): number | undefined {
  for (let i = kept.length - 1; i >= 0; i--) {
    const { data } = kept[i] as Kept;
    const at = beginOf(data);
    if (!isResponseAt(data, at) || cseqMethod(data) !== method) continue;
    const status = Number(data.toString('latin1', at + 8, at + 11));
    if (status >= 100 && status <= 699) return status;
  }
  return undefined;
}

function otherMethod(data: Buffer): string {
  const at = beginOf(data);
  return isResponseAt(data, at) ? 'other' : (/^[\w.!%*+`'~-]{1,32}(?= )/.exec(data.toString('latin1', at, at + 40))?.[0] ?? 'other');
}

function party(data: Buffer, field: Field): string {
  const at = valueAt(data, field);
  if (at < 0) return '';
  const text = data.toString('utf8', at, lineEnd(data, at));
  return (nameIn(text) ?? text).slice(0, LONGEST_NAME);
}

/** Undefined: it cannot be read. */
function nameIn(text: string): string | undefined {
  try {
    const { uri } = parseNameAddr(text);
    if (!/^sips?:/i.test(uri)) return uri;
    const { user, host } = parseUri(uri);
    return user === undefined || user === '' ? host : decodeUser(user);
  } catch {
    return undefined;
  }
}
