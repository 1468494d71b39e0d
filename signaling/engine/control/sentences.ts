/** What an application is told, as the text of frames without their ids (README: the protocol). */
import type { RequestDelivery, Refused, ResponseDelivery, Sent } from '../core/app';
import type { CallRecord } from '../core/call-record';
import { messageText } from '../wire/serialize';
import { refusal } from './frame';
import { meta, timeOfDay } from './meta';

/** The outcome of a `sip` command: the message exactly as it was sent, or why it was not. */
export function echoText(outcome: Sent | Refused, wall: Date): string {
  if (!outcome.ok) return refusal(outcome.reason);
  const ids = outcome.kind === 'request' ? outcome.transactionId : `${outcome.transactionId}|${outcome.dialogId}|`;
  const text = messageText(outcome.message);
  return `OK|${meta(outcome.envelope, text, wall)}|${ids}|Msg sent:|\r\n${text}`;
}

export function requestText({ envelope, message, transactionId, dialogId, receivedOn }: RequestDelivery, wall: Date): string {
  const text = messageText(message);
  const on = receivedOn ? `${receivedOn.host}|${receivedOn.port}|` : '';
  return `sip|${meta(envelope, text, wall)}|${transactionId}|${dialogId}|${on}\r\n${text}`;
}

export function responseText({ envelope, message, transactionId, dialogId }: ResponseDelivery, wall: Date): string {
  const text = messageText(message);
  return `sip|${meta(envelope, text, wall)}|${transactionId}|${dialogId}|\r\n${text}`;
}

export function recordText(record: CallRecord, wall: Date): string {
  const detail = record.event === 'start' ? `|${record.role}` : record.event === 'stop' ? `|${record.reason}` : '';
  return `cdr:${record.event}|${record.source}|${timeOfDay(wall)}${detail}\r\n${messageText(record.message)}`;
}
