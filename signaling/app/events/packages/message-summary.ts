/**
 * The event package `message-summary` (RFC 3842): what waits in a mailbox, for its owner only.
 *
 *   Messages-Waiting: yes
 *   Message-Account: sip:*97@pbx.example
 *   Voice-Message: 2/8 (0/0)                new/old (urgent new/urgent old)
 */
import { shown } from '../../../tenants';
import type { EventPackage } from '../package';

export const MESSAGE_SUMMARY = 'message-summary';
export const SUMMARY_TYPE = 'application/simple-message-summary';
/** Dialled to hear the messages. */
const MAILBOX = '*97';

export interface MessageSummaryDeps {
  counts(number: string): Promise<{ new: number; saved: number }>;
  directory: { find(number: string): Promise<unknown> };
}

/** `host`: what the phone calls us; undefined: unknown. */
export function summary(counts: { new: number; saved: number }, host: string | undefined): string {
  const lines = [`Messages-Waiting: ${counts.new > 0 ? 'yes' : 'no'}`];
  if (host !== undefined) lines.push(`Message-Account: sip:${MAILBOX}@${host}`);
  lines.push(`Voice-Message: ${counts.new}/${counts.saved} (0/0)`);
  return `${lines.join('\r\n')}\r\n`;
}

export const messageSummary = ({ counts, directory }: MessageSummaryDeps): EventPackage => ({
  event: MESSAGE_SUMMARY,
  contentType: SUMMARY_TYPE,

  async admit(watcher, dialled) {
    if (dialled !== shown(watcher) && dialled !== MAILBOX) return { status: 403, reason: 'A mailbox is for its owner only' };
    if (!(await directory.find(watcher))) return { status: 404, reason: 'There Is No Such Mailbox' };
    return { resource: watcher };
  },

  async document(number, host) {
    const text = summary(await counts(number), host);
    return () => text;
  },
});
