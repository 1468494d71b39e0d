/** The session description in a request: in its body, or in a part of it; and how an unusable one is answered (RFC 3261 §8.2.3, §13.3.1). */
import type { SdpError } from '../../media/sdp';
import type { SipRequest } from './dialogs';
import type { Refusal } from './exchange';

type Headers = Record<string, string>;

/** `sdp` undefined: the request has no body. `refusal`: it has one that we do not understand. */
export function sdpOf(req: SipRequest): { sdp: string | undefined } | { refusal: Refusal & { headers: Headers } } {
  const encoding = req.get('Content-Encoding');
  if (encoding && encoding.trim().toLowerCase() !== 'identity') {
    return { refusal: { status: 415, reason: 'Only Unencoded Bodies Are Understood', headers: { 'Accept-Encoding': 'identity' } } };
  }
  const body = req.body;
  if (!body || body.trim() === '') return { sdp: undefined };
  const type = (req.get('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/sdp' || (type === '' && body.startsWith('v=0'))) return { sdp: body };
  if (type.startsWith('multipart/')) {
    const part = req.payload?.find((p) => p.type?.split(';')[0]?.trim().toLowerCase() === 'application/sdp');
    if (part?.content) return { sdp: part.content };
  }
  return { refusal: { status: 415, reason: 'Only application/sdp Is Understood', headers: { Accept: 'application/sdp' } } };
}

/** 400 for what is no SDP, 488 with a Warning (§20.43) for what we cannot do. */
export function sdpRefusal(err: SdpError): Refusal & { headers: Headers } {
  const text = err.message.replace(/[^\x20-\x7e]|["\\]/g, '?');
  if (err.code === 'syntax') return { status: 400, reason: `Bad SDP: ${text}`.slice(0, 120), headers: {} };
  return { status: 488, reason: `Not Acceptable Here: ${text}`.slice(0, 120), headers: { Warning: `${err.warning} offhook "${text}"` } };
}
