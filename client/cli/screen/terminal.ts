/**
 * The terminal itself: the alternate screen, drawn by differences, and the keys. Whatever ends the program, the terminal is as it was before.
 *
 *   open ─► draw(lines) … ─► close            Ctrl-Z, SIGTSTP: as it was before; SIGCONT: everything anew
 */
import { emitKeypressEvents, type Interface } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Key } from './outcome';
import { widthOf } from './text';

const ESC = '\u001b';
/** Alternate screen; no wrapping at the right edge (a character wider than thought must not move the rest); pastes are marked; cursor hidden. */
const ENTER = `${ESC}[?1049h${ESC}[?7l${ESC}[?2004h${ESC}[?25l${ESC}[2J`;
const LEAVE = `${ESC}[0m${ESC}[?2004l${ESC}[?7h${ESC}[?25h${ESC}[?1049l`;
/** The terminal shows what comes between them at once, where it knows how to. */
const BEGIN = `${ESC}[?2026h`;
const END = `${ESC}[?2026l`;

const NOT_STOPPED_MS = 200;
/** An Escape that nothing follows for so long is the key of that name. By itself Node waits half a second, and what is typed meanwhile is lost. */
const ESCAPE_ALONE_MS = 75;

export interface TerminalOptions {
  input: ReadStream;
  output: WriteStream;
  onKey(key: Key): void;
  /** Size changed, or everything has to be drawn anew: call `draw`. */
  onResize(): void;
  /** The terminal is gone, or SIGTERM or SIGHUP came: the program is to end. The terminal is restored by then. */
  onEnd(): void;
}

export class Terminal {
  private shown: string[] = [];
  private cursorShown: string | null = null;
  private isOpen = false;
  private isClosed = false;
  /** Output is not taken as fast as it is drawn: the latest picture waits here. */
  private waiting: { lines: readonly string[]; cursor: { row: number; column: number } | null } | null = null;
  private congested = false;

  constructor(private readonly options: TerminalOptions) {}

  get columns(): number {
    return this.options.output.columns || 80;
  }

  get rows(): number {
    return this.options.output.rows || 24;
  }

  open(): void {
    if (this.isOpen) return;
    this.isClosed = false;
    const { input, output } = this.options;
    // Of the interface that could be given here this is all that is looked at.
    emitKeypressEvents(input, { escapeCodeTimeout: ESCAPE_ALONE_MS } as unknown as Interface);
    input.on('keypress', this.onKeypress);
    input.on('end', this.onGone);
    input.on('error', this.onGone);
    output.on('error', this.onGone);
    output.on('resize', this.onSize);
    process.on('SIGTERM', this.onSignal);
    process.on('SIGHUP', this.onSignal);
    process.on('SIGCONT', this.onContinue);
    // 'exit' also comes after an uncaught error and process.exit().
    process.on('exit', this.restore);
    process.on('uncaughtExceptionMonitor', this.restore);
    this.enter();
  }

  /** Writes only what differs from what is there. `cursor`: null hides it. */
  draw(lines: readonly string[], cursor: { row: number; column: number } | null = null): void {
    if (!this.isOpen) return;
    if (this.congested) {
      this.waiting = { lines, cursor };
      return;
    }
    let out = '';
    for (let row = 0; row < Math.max(lines.length, this.shown.length) && row < this.rows; row++) {
      const line = lines[row] ?? '';
      if (this.shown[row] === line) continue;
      // After the last column the cursor stands still on it: erasing from there would take the last character away.
      const full = widthOf(line.replace(/\u001b\[[\d;]*m/g, '')) >= this.columns;
      out += `${ESC}[${row + 1};1H${ESC}[0m${line}${ESC}[0m${full ? '' : `${ESC}[K`}`;
    }
    const place = cursor === null ? null : `${ESC}[${cursor.row + 1};${cursor.column + 1}H`;
    if (out === '' && place === this.cursorShown) return;
    const tail = place === null ? (this.cursorShown === null ? '' : `${ESC}[?25l`) : `${place}${ESC}[?25h`;
    this.shown = [...lines];
    const hide = out !== '' && this.cursorShown !== null ? `${ESC}[?25l` : '';
    this.cursorShown = place;
    if (!this.options.output.write(`${BEGIN}${hide}${out}${tail}${END}`)) {
      this.congested = true;
      this.options.output.once('drain', () => {
        this.congested = false;
        const next = this.waiting;
        this.waiting = null;
        if (next !== null) this.draw(next.lines, next.cursor);
      });
    }
  }

  /** The next `draw` writes everything. */
  forget(): void {
    if (!this.isOpen) return;
    this.shown = [];
    this.options.output.write(`${ESC}[0m${ESC}[2J`);
    this.cursorShown = null;
    this.options.output.write(`${ESC}[?25l`);
  }

  /**
   * Back to the shell, as Ctrl-Z does it where the terminal is not raw: the whole foreground group stops, npx and the shell script that
   * started us among it, or the shell would wait for them. SIGCONT brings the screen back.
   */
  suspend(): void {
    this.restore();
    process.off('SIGTSTP', this.onStop);
    process.kill(0, 'SIGTSTP');
    // Where no shell looks after jobs, nothing stops (POSIX: the signal is discarded in an orphaned process group).
    setTimeout(this.onContinue, NOT_STOPPED_MS);
  }

  /** Idempotent. */
  close(): void {
    this.restore();
    const { input, output } = this.options;
    input.off('keypress', this.onKeypress);
    input.off('end', this.onGone);
    input.off('error', this.onGone);
    output.off('resize', this.onSize);
    // Its 'error' listener stays: what was written before may still fail, and nobody is left to care.
    process.off('SIGTERM', this.onSignal);
    process.off('SIGHUP', this.onSignal);
    this.isClosed = true;
    process.off('SIGTSTP', this.onStop);
    process.off('SIGCONT', this.onContinue);
    process.off('exit', this.restore);
    process.off('uncaughtExceptionMonitor', this.restore);
    input.pause();
  }

  private enter(): void {
    const { input, output } = this.options;
    this.isOpen = true;
    process.off('SIGTSTP', this.onStop);
    process.on('SIGTSTP', this.onStop);
    this.shown = [];
    this.cursorShown = null;
    this.setRaw(true);
    input.resume();
    output.write(ENTER);
  }

  private readonly restore = (): void => {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.waiting = null;
    this.setRaw(false);
    try {
      this.options.output.write(LEAVE);
    } catch {
      // The terminal is gone; so is what there was to restore.
    }
  };

  private setRaw(on: boolean): void {
    try {
      if (this.options.input.isTTY) this.options.input.setRawMode(on);
    } catch {
      // EIO: the terminal is gone.
    }
  }

  private readonly onKeypress = (text: string | undefined, key: { name?: string; ctrl?: boolean; meta?: boolean; sequence?: string } | undefined): void => {
    if (!this.isOpen) return;
    // What begins with ESC typed nothing, whatever readline makes of it.
    const typed = text !== undefined && !text.startsWith(ESC) ? text : undefined;
    // For readline the Escape key by itself is Meta and Escape.
    const meta = key?.name === 'escape' ? false : key?.meta;
    this.options.onKey({ text: typed, name: key?.name, ctrl: key?.ctrl, meta });
  };

  private readonly onSize = (): void => {
    this.forget();
    this.options.onResize();
  };

  private readonly onContinue = (): void => {
    if (this.isOpen || this.isClosed) return;
    this.enter();
    this.options.onResize();
  };

  /** Somebody else stops this process alone. */
  private readonly onStop = (): void => {
    this.restore();
    process.kill(process.pid, 'SIGSTOP');
  };

  private readonly onSignal = (): void => this.onGone();

  private readonly onGone = (): void => {
    this.isClosed = true;
    this.restore();
    this.options.onEnd();
  };
}
