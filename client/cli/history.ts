/**
 * The calls of a person, in `history.jsonl`: one JSON object a line, the oldest first.
 *
 *   {"at":1763865600000,"kind":"answered","address":"1002@pbx.test","name":"Bob","durationMs":61000}
 *
 * `at`: milliseconds since 1970; `kind`: missed, answered, dialled, not-answered. Every phone of the person adds its lines to the same file.
 */
import { join } from 'node:path';
import { keepAside, locked, readWhole, writeWhole } from './files';
import { KEPT, type HistoryEntry } from './state';

const KINDS: ReadonlySet<unknown> = new Set<HistoryEntry['kind']>(['missed', 'answered', 'dialled', 'not-answered']);
/** Of an address or a name. */
const LONGEST = 500;

export class History {
  private readonly file: string;
  private kept: HistoryEntry[] = [];

  /** `notice` is told, in a sentence, what went wrong; nothing here throws. */
  constructor(
    folder: string,
    private readonly notice: (problem: string) => void,
    private readonly wall: () => Date = () => new Date(),
  ) {
    this.file = join(folder, 'history.jsonl');
    this.attempt('read', () => locked(this.file, () => this.take()));
  }

  /** The latest first. */
  entries(): readonly HistoryEntry[] {
    return [...this.kept].reverse();
  }

  add(entry: HistoryEntry): void {
    const line: HistoryEntry = { at: entry.at, kind: entry.kind, address: entry.address.slice(0, LONGEST), name: entry.name.slice(0, LONGEST), durationMs: entry.durationMs };
    const done = this.attempt('written', () =>
      locked(this.file, () => {
        this.take();
        this.kept = [...this.kept, line].slice(-KEPT.history);
        writeWhole(this.file, this.kept.map((kept) => `${JSON.stringify(kept)}\n`).join(''));
      }),
    );
    // It is shown all the same while this phone runs.
    if (!done && !this.kept.includes(line)) this.kept = [...this.kept, line].slice(-KEPT.history);
  }

  /** What is in the file; damaged lines are kept aside and left out. */
  private take(): void {
    const lines = readWhole(this.file).split('\n').filter((line) => line.trim() !== '');
    const entries = lines.map(parse);
    const good = entries.filter((entry) => entry !== undefined);
    if (good.length < entries.length) {
      const copy = keepAside(this.file, this.wall());
      writeWhole(this.file, good.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      this.notice(`the call history was damaged: what could be read is kept, the whole file is in ${copy}`);
    }
    this.kept = good.slice(-KEPT.history);
  }

  private attempt(what: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (err) {
      this.notice(`the call history cannot be ${what}: ${(err as Error).message}`);
      return false;
    }
  }
}

function parse(line: string): HistoryEntry | undefined {
  try {
    const { at, kind, address, name, durationMs } = JSON.parse(line) as Record<string, unknown>;
    if (!Number.isFinite(at) || !KINDS.has(kind) || typeof address !== 'string' || typeof name !== 'string' || !Number.isFinite(durationMs)) return undefined;
    return { at: at as number, kind: kind as HistoryEntry['kind'], address, name, durationMs: durationMs as number };
  } catch {
    return undefined;
  }
}
