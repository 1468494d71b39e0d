/**
 * What becomes of a message, told to whoever asked (RFC 5438): what is asked for in a message wrapped as CPIM (RFC 3862), and the notice. Pure.
 *
 *   From: <sip:1001@pbx.example>
 *   NS: imdn <urn:ietf:params:imdn>
 *   imdn.Message-ID: Asd7f1
 *   imdn.Disposition-Notification: positive-delivery, negative-delivery
 */
import { escaped } from './events/xml';

export const CPIM_TYPE = 'message/cpim';

export interface NoticeAsked {
  readonly messageId: string;
  /** As its sender wrote it; undefined: not at all. */
  readonly dateTime: string | undefined;
  readonly positive: boolean;
  readonly negative: boolean;
  /** Also when it is kept for later. */
  readonly processing: boolean;
}

export type Disposition = 'stored' | 'delivered' | 'failed';

/** Undefined: nothing is asked for. */
export function noticeAsked(contentType: string, body: string): NoticeAsked | undefined {
  if (contentType.split(';', 1)[0]?.trim().toLowerCase() !== CPIM_TYPE) return undefined;
  const headers = new Map<string, string>();
  const [head = ''] = body.split(/\r?\n\r?\n/, 1);
  for (const line of head.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !headers.has(line.slice(0, colon).trim())) headers.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  const prefix = /^NS:\s*([\w-]+)\s*<urn:ietf:params:imdn>\s*$/im.exec(head)?.[1];
  const messageId = headers.get(`${prefix}.Message-ID`);
  const wants = (headers.get(`${prefix}.Disposition-Notification`) ?? '').split(',').map((one) => one.trim().toLowerCase());
  if (prefix === undefined || !messageId || !/^[\x21-\x7e]{1,128}$/.test(messageId)) return undefined;
  const asked = { positive: wants.includes('positive-delivery'), negative: wants.includes('negative-delivery'), processing: wants.includes('processing') };
  return asked.positive || asked.negative || asked.processing ? { messageId, dateTime: headers.get('DateTime'), ...asked } : undefined;
}

/** Whether the sender wants to hear of that. */
export const wants = ({ positive, negative, processing }: NoticeAsked, what: Disposition): boolean => (what === 'delivered' ? positive : what === 'failed' ? negative : processing);

/** A CPIM message with the notice. `from`: URI of whom the message was for, `to`: of its sender; `id` is new. */
export function notice({ messageId, dateTime }: NoticeAsked, what: Disposition, { from, to, id, at }: { from: string; to: string; id: string; at: Date }): string {
  const kind = what === 'stored' ? 'processing' : 'delivery';
  const xml = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
    `<message-id>${escaped(messageId)}</message-id>`,
    `<datetime>${escaped(dateTime ?? at.toISOString())}</datetime>`,
    `<recipient-uri>${escaped(from)}</recipient-uri>`,
    `<original-recipient-uri>${escaped(from)}</original-recipient-uri>`,
    `<${kind}-notification><status><${what}/></status></${kind}-notification>`,
    '</imdn>',
    '',
  ].join('\r\n');
  return [
    `From: <${from}>`, `To: <${to}>`, `DateTime: ${at.toISOString()}`, 'NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${id}`, '',
    'Content-Type: message/imdn+xml', 'Content-Disposition: notification', `Content-Length: ${Buffer.byteLength(xml)}`, '', xml,
  ].join('\r\n');
}
