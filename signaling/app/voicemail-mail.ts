/**
 * Messages by e-mail: what is to be sent stands in the store, so that neither a restart nor a mail server that is away loses any.
 *
 *   message left ─▶ row: send at … ─▶ sent: done
 *                        ↑  └─ failed: in 1, 2, 4 … 60 minutes again, for two days
 */
import { stat } from 'node:fs/promises';
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import { MailError, type Mailer } from '../mail';
import type { Store, VoiceMessage } from '../store/store';
import type { Mailboxes } from './mailboxes';

export interface VoicemailMailDeps {
  mailer: Mailer;
  store: Pick<Store['voicemail'], 'due' | 'nextDue' | 'update' | 'mailbox'>;
  boxes: Pick<Mailboxes, 'file' | 'onEvent'>;
  clock: Clock;
  log: Logger;
  timeZone: string;
}

export interface VoicemailMailStats {
  sent: number;
  /** Attempts that failed. */
  failed: number;
  /** Messages that will not be sent any more: refused for good, or for too long. */
  givenUp: number;
}

const FIRST_MS = 60_000;
const LONGEST_MS = 3_600_000;
/** One, two, four … 32 minutes, then hourly: two days. */
const MAX_TRIES = 54;
const BATCH = 10;
/** The store could not be asked. */
const STORE_RETRY_MS = 60_000;
/** Timers do not reach further than 24 days; and another process may have put something there. */
const LOOK_MS = 3_600_000;

export class VoicemailMail {
  private readonly counts = { sent: 0, failed: 0, givenUp: 0 };
  private timer: Timer | undefined;
  private working: Promise<void> | undefined;
  private again = false;
  private closed = false;

  constructor(private readonly deps: VoicemailMailDeps) {
    deps.boxes.onEvent(({ kind }) => {
      if (kind === 'new') this.wake();
    });
  }

  /** Looks what is to be sent: at start, and when a message has come. */
  wake(): void {
    if (this.closed) return;
    this.again = this.working !== undefined;
    this.working ??= this.work().finally(() => {
      this.working = undefined;
      if (this.again) this.wake();
    });
  }

  /** When nothing is being sent or looked up. */
  async settled(): Promise<void> {
    while (this.working) await this.working;
  }

  stats(): VoicemailMailStats {
    return { ...this.counts };
  }

  /** What is being sent now is given up, and sent at the next start. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    this.deps.mailer.close();
  }

  private async work(): Promise<void> {
    this.again = false;
    this.timer?.cancel();
    this.timer = undefined;
    let waitMs = STORE_RETRY_MS;
    try {
      for (;;) {
        const due = await this.deps.store.due(this.now(), BATCH);
        for (const message of due) {
          if (this.closed) return;
          await this.send(message);
        }
        if (due.length === 0) break;
      }
      const next = await this.deps.store.nextDue();
      if (next === undefined) return;
      waitMs = Math.min(LOOK_MS, Math.max(1000, next - this.now()));
    } catch (err) {
      if (this.closed) return;
      this.deps.log.warn({ error: String(err) }, 'messages to be sent by e-mail cannot be looked up');
    }
    if (!this.closed) this.timer = this.deps.clock.after(waitMs, () => this.wake());
  }

  private async send(message: VoiceMessage): Promise<void> {
    const { store, boxes, mailer, log } = this.deps;
    const { mailbox, id } = message;
    const path = boxes.file(message);
    const { email } = await store.mailbox(mailbox);
    // nobody wants it any more, or it was listened to and deleted
    if (email === null || message.state === 'recording' || !(await stat(path).catch(() => undefined))) {
      await store.update(mailbox, id, { mailAt: null });
      return;
    }
    try {
      await mailer.send({ to: email, ...this.text(message), attachment: { name: `message-${id}-from-${message.from.replace(/[^\w+-]/g, '_')}.wav`, path, type: 'audio/wav' } });
    } catch (err) {
      // taken by nobody: it stands in the store as it was
      if (this.closed) return;
      await this.failed(message, err);
      return;
    }
    this.counts.sent++;
    await store.update(mailbox, id, { mailAt: null });
    log.info({ mailbox, message: id }, 'a message was sent by e-mail');
  }

  private async failed({ mailbox, id, mailTries }: VoiceMessage, err: unknown): Promise<void> {
    this.counts.failed++;
    const tries = mailTries + 1;
    const over = (err instanceof MailError && err.final) || tries >= MAX_TRIES;
    const problem = err instanceof Error ? err.message : String(err);
    const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** mailTries);
    if (over) {
      this.counts.givenUp++;
      this.deps.log.error({ mailbox, message: id, tries, problem }, 'a message cannot be sent by e-mail; it stays in the mailbox');
    } else this.deps.log.warn({ mailbox, message: id, tries, againInSeconds: delayMs / 1000, problem }, 'a message could not be sent by e-mail yet');
    await this.deps.store.update(mailbox, id, { mailAt: over ? null : this.now() + delayMs, mailTries: tries });
  }

  private text({ mailbox, from, fromName, receivedAt, durationMs }: VoiceMessage): { subject: string; text: string } {
    const at = new Intl.DateTimeFormat('en-GB', { timeZone: this.deps.timeZone, dateStyle: 'full', timeStyle: 'short' }).format(receivedAt);
    const who = fromName === null ? from : `${fromName} (${from})`;
    const seconds = Math.round(durationMs / 1000);
    const long = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    return {
      subject: `Voice message from ${who}`,
      text: `${who} left a message of ${long} minutes for extension ${mailbox}\n${at} (${this.deps.timeZone}).\n\nIt is attached, and can be heard by dialling *97.\n`,
    };
  }

  private now(): number {
    return this.deps.clock.wall().getTime();
  }
}
