/**
 * What a REFER asks for (RFC 3515 §2.1, §2.4.2), and what a Replaces header names (RFC 3891 §6.1). Pure.
 *
 *   Refer-To: <sip:1003@pbx.example>                                             blind: connect the other one to 1003
 *   Refer-To: <sip:1003@pbx.example?Replaces=a1%40b%3Bto-tag%3Dx%3Bfrom-tag%3Dy> attended: to whom I talk in that dialog
 */
import { parseNameAddr, splitList } from './addresses';
import { dialledNumber } from './dialplan';
import type { IncomingRequest, Refusal } from './exchange';

/** A dialog of ours, by what the header says from our view: the to-tag is ours, the from-tag the phone's (RFC 3891 §3). */
export interface DialogName {
  callId: string;
  localTag: string;
  remoteTag: string;
  earlyOnly: boolean;
}

export interface Asked {
  /** Undefined: the URI has none that could be dialled; the dial plan says so. */
  number: string | undefined;
  replaces: DialogName | undefined;
  /** False: it wants to hear nothing of how it goes on (RFC 4488). */
  notices: boolean;
}

const bad = (reason: string): Refusal => ({ status: 400, reason });

export function readRefer(req: Pick<IncomingRequest, 'get'>): Asked | Refusal {
  const all = splitList(req.get('Refer-To') ?? '');
  const target = all.length === 1 ? parseNameAddr(all[0] as string)?.uri : undefined;
  if (target === undefined) return bad('Exactly One Refer-To Is Needed');
  if (!/^(sips?|tel):/i.test(target)) return { status: 416, reason: 'Only sip, sips and tel Can Be Referred To' };
  const question = target.indexOf('?');
  const uri = question < 0 ? target : target.slice(0, question);
  const method = /;method=([^;]*)/i.exec(uri)?.[1];
  if (method !== undefined && method.toUpperCase() !== 'INVITE') return bad('Only Calls Can Be Referred To');
  const replaces = question < 0 ? undefined : replacesIn(target.slice(question + 1));
  if (replaces === null) return bad('A Bad Replaces in Refer-To');
  return { number: dialledNumber(uri), replaces, notices: !/^\s*false\s*(;|$)/i.test(req.get('Refer-Sub') ?? '') };
}

/** From the headers of a URI; other headers are left out: what goes into our INVITEs is ours to say. null: it is there and makes no sense. */
function replacesIn(headers: string): DialogName | undefined | null {
  for (const header of headers.split('&')) {
    const equals = header.indexOf('=');
    if (equals < 0 || header.slice(0, equals).toLowerCase() !== 'replaces') continue;
    try {
      return readReplaces(decodeURIComponent(header.slice(equals + 1))) ?? null;
    } catch {
      return null;
    }
  }
  return undefined;
}

/** The value of a Replaces header; undefined: it names no dialog. */
export function readReplaces(value: string): DialogName | undefined {
  const [callId = '', ...rest] = value.split(';').map((part) => part.trim());
  const params = new Map<string, string>();
  for (const part of rest) {
    const [name = '', text = ''] = part.split('=', 2).map((half) => half.trim());
    // RFC 3891 §6.1: each exactly once
    if (params.has(name.toLowerCase())) return undefined;
    params.set(name.toLowerCase(), text);
  }
  const [localTag, remoteTag] = [params.get('to-tag'), params.get('from-tag')];
  if (callId === '' || /[\s,]/.test(callId) || !localTag || !remoteTag) return undefined;
  return { callId, localTag, remoteTag, earlyOnly: params.has('early-only') };
}
