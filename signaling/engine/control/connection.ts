/**
 * One connection on the control port: an application, once it has shown the secret. Frames in, in order, to the commands; what the
 * core delivers out, in the order the outbox keeps.
 *
 *     bytes ─▶ FrameReader ─▶ parseFrame ─▶ commands ─▶ core
 *     bytes ◀─ Outbox ◀─ frame text ◀─ deliverRequest / deliverResponse / echo
 */
import type { Socket } from 'node:net';
import type { Clock, Random, Timer } from '../../clock';
import type { App, Reply, RequestDelivery, ResponseDelivery } from '../core/app';
import { uuid } from '../core/ids';
import type { Log } from '../log';
import { messageText } from '../wire/serialize';
import { commands } from './commands/table';
import type { CommandContext } from './commands/command';
import type { ControlCounter } from './counters';
import { parseFrame } from './frame';
import { encodeFrame, FrameError, FrameReader } from './framing';
import { meta } from './meta';
import { Outbox, type OutboxOptions } from './outbox';

/** What an unauthenticated peer may send in one frame: enough for a secret and twenty tags. */
const MAX_GREETING_BYTES = 4096;

export interface ConnectionOptions {
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
  onClose(connection: Connection): void;
  /** A peer that does not belong here, or does not know the secret. */
  refused(name: string, reason: string): void;
}

export class Connection implements App {
  readonly name: string;
  tags: string[] = [];
  private readonly reader = new FrameReader(MAX_GREETING_BYTES);
  private readonly outbox: Outbox;
  private readonly patience: Timer;
  private isAuthenticated = false;
  private ended = false;
  private corked = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
    private readonly deps: ConnectionDeps,
  ) {
    this.name = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    this.outbox = new Outbox(
      (frame, flushed) => this.write(frame, flushed),
      deps.clock,
      options.outbox,
      () => deps.count('heldFrames'),
    );
    this.patience = deps.clock.after(options.authenticateMs, () => {
      deps.count('greetingTimeouts');
      this.close('it did not authenticate in time');
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', (error) => deps.log.debug({ app: this.name, error: error.message }, 'control connection failed'));
    socket.on('close', () => this.finish());
  }

  get ready(): boolean {
    return this.isAuthenticated && !this.ended;
  }

  get wasAuthenticated(): boolean {
    return this.isAuthenticated;
  }

  // --- what commands use ---------------------------------------------------------------------------------------------

  authenticated(tags: string[]): void {
    this.tags = tags;
    if (this.isAuthenticated) return;
    this.isAuthenticated = true;
    this.patience.cancel();
    this.reader.setLimit(this.options.maxFrameBytes);
    this.deps.log.info({ app: this.name }, 'application connected');
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

  /** How the outcome of a `sip` command is told: the message exactly as it was sent, or why it was not. */
  echo(requestId: string): Reply {
    return (outcome) => {
      if (!outcome.ok) {
        this.reply(requestId, `NOK|${outcome.reason.replace(/[\r\n|]+/g, ' ')}`);
        return;
      }
      const ids = outcome.kind === 'request' ? outcome.transactionId : `${outcome.transactionId}|${outcome.dialogId}|`;
      const text = messageText(outcome.message);
      const head = `response|${requestId}|OK|${meta(outcome.envelope, text, this.deps.clock.wall())}|${ids}|Msg sent:|`;
      this.outbox.now(this.frame(`${head}\r\n${text}`), outcome.expectsMore ? gateOf(outcome) : undefined);
    };
  }

  // --- what the core uses --------------------------------------------------------------------------------------------

  deliverRequest(delivery: RequestDelivery): void {
    const received = delivery.receivedOn ? `${delivery.receivedOn.host}|${delivery.receivedOn.port}|` : '';
    const text = messageText(delivery.message);
    const head = `sip|${meta(delivery.envelope, text, this.deps.clock.wall())}|${delivery.transactionId}|${delivery.dialogId}|${received}`;
    this.outbox.after(gateOf(delivery), this.frame(`${head}\r\n${text}`));
  }

  deliverResponse(delivery: ResponseDelivery): void {
    const text = messageText(delivery.message);
    const head = `sip|${meta(delivery.envelope, text, this.deps.clock.wall())}|${delivery.transactionId}|${delivery.dialogId}|`;
    this.outbox.after(gateOf(delivery), this.frame(`${head}\r\n${text}`), delivery.makesDialog === true);
  }

  /** Ends the connection after what was written has left. Idempotent. */
  close(reason: string): void {
    if (this.ended) return;
    this.deps.log.debug({ app: this.name, reason }, 'closing control connection');
    this.finish();
    this.socket.end();
    // A peer that does not close its side must not keep the socket.
    const stubborn = this.deps.clock.after(2000, () => this.socket.destroy());
    this.socket.once('close', () => stubborn.cancel());
    this.socket.resume();
  }

  destroy(): void {
    this.finish();
    this.socket.destroy();
  }

  // --- bytes ---------------------------------------------------------------------------------------------------------

  private receive(chunk: Buffer): void {
    if (this.ended) return;
    try {
      this.reader.push(chunk, (payload) => {
        this.execute(payload);
        return !this.ended;
      });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.deps.count('malformed');
      this.deps.refused(this.name, error.message);
      this.close(error.message);
    }
  }

  private execute(payload: string): void {
    const frame = parseFrame(payload);
    if (!frame) {
      this.deps.count('malformed');
      this.close('a frame without id and verb');
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

  private frame(text: string): Buffer {
    return encodeFrame(`${uuid(this.deps.random)}|${text}`);
  }

  private write(frame: Buffer, flushed?: () => void): void {
    if (!this.socket.writable) return;
    if (!this.corked) {
      // What is said in one turn leaves with one system call.
      this.corked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.corked = false;
        this.socket.uncork();
      });
    }
    this.socket.write(frame, flushed ? (error) => (error ? undefined : flushed()) : undefined);
    if (this.socket.writableLength > this.options.maxWriteBufferBytes) {
      this.deps.count('slowReaders');
      this.deps.log.error({ app: this.name, waiting: this.socket.writableLength }, 'the application does not read: closing its connection');
      this.destroy();
    }
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.patience.cancel();
    this.outbox.close();
    this.deps.onClose(this);
  }
}

/** What belongs together is ordered together: a dialog, or a transaction outside dialogs. */
function gateOf(of: { dialogId: string; transactionId: string }): string {
  return of.dialogId || of.transactionId;
}
