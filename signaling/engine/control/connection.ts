/**
 * One connection on the control port: an application, once it has shown the secret. Frames in, in order, to the commands; what the
 * core delivers out, in the order the outbox keeps.
 *
 *     bytes ─▶ FrameReader ─▶ parseFrame ─▶ commands ─▶ core
 *     bytes ◀─ Outbox ◀─ frame text ◀─ deliverRequest / deliverResponse / echo
 */
import type { Socket } from 'node:net';
import type { Clock, Random, Timer } from '../../clock';
import type { CallRecord } from '../core/call-record';
import type { App, Reply, RequestDelivery, ResponseDelivery } from '../core/app';
import { uuid } from '../core/ids';
import type { Log } from '../log';
import { Backlog, type BacklogOptions } from './backlog';
import { commands } from './commands/table';
import type { CommandContext } from './commands/command';
import type { ControlCounter } from './counters';
import { parseFrame } from './frame';
import { FrameSocket } from './frame-socket';
import { frameText } from './framing';
import { Outbox, type OutboxOptions } from './outbox';
import { echoText, recordText, requestText, responseText } from './sentences';

/** What an unauthenticated peer may send in one frame: enough for a secret and twenty tags. */
const MAX_GREETING_BYTES = 4096;

export interface ConnectionOptions extends BacklogOptions {
  maxFrameBytes: number;
  /** Milliseconds a connection may stay without showing the secret. */
  authenticateMs: number;
  /** See outbox.ts. */
  outbox: OutboxOptions;
  /** Bytes waiting for an application that does not read; above it the connection is closed. */
  maxWriteBufferBytes: number;
}

export interface ConnectionDeps {
  clock: Clock;
  random: Random;
  log: Log;
  count(name: ControlCounter): void;
  context: CommandContext;
  /** It has shown the secret. */
  onReady(connection: Connection): void;
  onClose(connection: Connection): void;
  /** A peer that does not belong here, or does not know the secret. */
  refused(name: string, reason: string): void;
}

export class Connection implements App {
  readonly name: string;
  /** As it authenticated; sorted, so that they name an application that comes back. */
  tags: readonly string[] = [];
  readonly backlog: Backlog;
  private readonly frames: FrameSocket;
  private readonly outbox: Outbox;
  private readonly patience: Timer;
  private isAuthenticated = false;
  private hasGreeted = false;
  private heardAt: number;

  constructor(
    socket: Socket,
    private readonly options: ConnectionOptions,
    private readonly deps: ConnectionDeps,
  ) {
    const { clock } = deps;
    this.heardAt = clock.now();
    this.frames = new FrameSocket(
      socket,
      clock,
      { maxFrameBytes: MAX_GREETING_BYTES, maxWriteBufferBytes: options.maxWriteBufferBytes },
      {
        payload: (text) => this.execute(text),
        broken: (problem) => this.malformed(problem),
        stuck: (waiting) => {
          deps.count('slowReaders');
          deps.log.error({ app: this.name, waiting }, 'the application does not read: closing its connection');
        },
        drained: () => this.backlog.shrunk(),
        failed: (error) => deps.log.debug({ app: this.name, error: error.message }, 'control connection failed'),
        closed: () => this.finish(),
      },
    );
    this.name = this.frames.name;
    this.backlog = new Backlog(clock, options, options.outbox.barrier, () => this.frames.waitingBytes + this.outbox.heldLength, (behind) => this.fellBehind(behind));
    this.outbox = new Outbox(
      (frame, flushed) => this.write(frame, flushed),
      clock,
      options.outbox,
      () => deps.count('heldFrames'),
    );
    this.patience = clock.after(options.authenticateMs, () => {
      deps.count('greetingTimeouts');
      this.close('it did not authenticate in time');
    });
  }

  get ready(): boolean {
    return this.isAuthenticated && this.frames.open;
  }

  get wasAuthenticated(): boolean {
    return this.isAuthenticated;
  }

  get identity(): string | undefined {
    return this.tags.length > 0 ? this.tags.join(',') : undefined;
  }

  /** Milliseconds since something went over it, in either direction. */
  get quietMs(): number {
    return this.deps.clock.now() - this.heardAt;
  }

  get behind(): boolean {
    return this.backlog.behind;
  }

  // --- what commands use ---------------------------------------------------------------------------------------------

  authenticated(tags: readonly string[]): void {
    if (this.isAuthenticated) return;
    this.tags = [...tags].sort();
    this.isAuthenticated = true;
    this.patience.cancel();
    this.frames.setFrameLimit(this.options.maxFrameBytes);
    this.deps.log.info({ app: this.name, tags: this.tags }, 'application connected');
  }

  /** The greeting is answered: what waits for this application may be told now. */
  greeted(): void {
    if (this.hasGreeted) return;
    this.hasGreeted = true;
    this.deps.onReady(this);
  }

  /** Answers the frame with this id; `text` is everything behind the id. */
  reply(requestId: string, text: string): void {
    this.outbox.now(this.frame(`response|${requestId}|${text}`));
  }

  /** `NO|reason`, and the connection ends. */
  reject(requestId: string, reason: string, counter: ControlCounter): void {
    this.deps.count(counter);
    this.deps.refused(this.name, reason);
    this.reply(requestId, `NO|${reason}`);
    this.close(reason);
  }

  /** How the outcome of a `sip` command is told. */
  echo(requestId: string): Reply {
    return (outcome) => this.outbox.now(this.frame(`response|${requestId}|${echoText(outcome, this.wall())}`), outcome.ok && outcome.expectsMore ? gateOf(outcome) : undefined);
  }

  // --- what the core uses --------------------------------------------------------------------------------------------

  deliverRequest(delivery: RequestDelivery): void {
    this.outbox.after(gateOf(delivery), this.frame(requestText(delivery, this.wall())));
  }

  deliverResponse(delivery: ResponseDelivery): void {
    this.outbox.after(gateOf(delivery), this.frame(responseText(delivery, this.wall())), delivery.makesDialog === true);
  }

  deliverRecord(record: CallRecord): void {
    this.outbox.now(this.frame(recordText(record, this.wall())));
  }

  /** Ends the connection after what was written has left. Idempotent. */
  close(reason: string): void {
    if (!this.frames.open) return;
    this.deps.log.debug({ app: this.name, reason }, 'closing control connection');
    this.frames.close();
  }

  destroy(): void {
    this.frames.destroy();
  }

  // --- frames --------------------------------------------------------------------------------------------------------

  private execute(payload: string): void {
    this.heardAt = this.deps.clock.now();
    const frame = parseFrame(payload);
    if (!frame) {
      this.malformed('a frame without id and verb');
      return;
    }
    const command = commands.get(frame.verb);
    if (!this.isAuthenticated && !command?.beforeAuthentication) {
      this.reject(frame.id, 'not authenticated', 'unauthenticated');
      return;
    }
    this.deps.count('frames');
    if (!command) {
      this.deps.count('unknownVerbs');
      this.reply(frame.id, `NOK|unknown command: ${frame.verb.slice(0, 40)}`);
      return;
    }
    try {
      command.run(this.deps.context, this, frame);
    } catch (error) {
      // One command's failure is that command's answer; the connection and every other call go on.
      this.deps.count('failedCommands');
      this.deps.log.error({ app: this.name, verb: frame.verb, error: String((error as Error).stack ?? error) }, 'a command failed');
      this.reply(frame.id, 'NOK|internal error: see the log of the engine');
    }
  }

  private wall(): Date {
    return this.deps.clock.wall();
  }

  private frame(text: string): string {
    return frameText(`${uuid(this.deps.random)}|${text}`);
  }

  private write(frame: string, flushed?: () => void): void {
    this.heardAt = this.deps.clock.now();
    this.frames.write(frame, flushed);
    this.backlog.grown();
  }

  private malformed(problem: string): void {
    this.deps.count('malformed');
    this.deps.refused(this.name, problem);
    this.close(problem);
  }

  private fellBehind(behind: boolean): void {
    const fields = { app: this.name, waitingBytes: this.backlog.bytes, lagMs: Math.round(this.backlog.lagMs) };
    if (behind) {
      this.deps.count('fellBehind');
      this.deps.log.warn(fields, 'the application falls behind');
    } else this.deps.log.info(fields, 'the application has caught up');
  }

  private finish(): void {
    this.patience.cancel();
    this.outbox.close();
    this.backlog.close();
    this.deps.onClose(this);
  }
}

/** What belongs together is ordered together: a dialog, or a transaction outside dialogs. */
function gateOf(of: { dialogId: string; transactionId: string }): string {
  return of.dialogId || of.transactionId;
}
