/**
 * The calls of a person, in `history.jsonl`: one JSON object a line, the oldest first.
 *
 *   {"at":1763865600000,"kind":"answered","address":"1002@pbx.test","name":"Bob","durationMs":61000}
 *
 * `at`: milliseconds since 1970; `kind`: missed, answered, dialled, not-answered. Every phone of the person adds its lines to the same file.
 */
import { join } from 'node:path';
import type { Clock } from '../clock';
import { SharedFile } from './files';
import { KEPT, type HistoryEntry } from './state';

const KINDS: ReadonlySet<unknown> = new Set<HistoryEntry['kind']>(['missed', 'answered', 'dialled', 'not-answered']);
/** Of an address or a name. */
const LONGEST = 500;

export interface BookOptions {
  /** Told, in a sentence, what went wrong; nothing in a book throws or rejects. */
  notice(problem: string): void;
  clock?: Clock | undefined;
}

export class History {
  private readonly file: SharedFile;
  /** As in the file when it was last looked at. */
  private kept: HistoryEntry[] = [];
  /** On their way into the file, or not to be written at all: shown all the same while this phone runs. */
  private unwritten: HistoryEntry[] = [];

  constructor(
    folder: string,
    private readonly options: BookOptions,
  ) {
    this.file = new SharedFile(join(folder, 'history.jsonl'), options.clock);
  }

  /** The latest first. */
  entries(): readonly HistoryEntry[] {
    return [...this.kept, ...this.unwritten].slice(-KEPT.history).reverse();
  }

  async load(): Promise<void> {
    await this.change('read', (lines) => lines, false);
  }

  /** It is among the entries at once; resolves when it is in the file, and so are those of other phones among the entries. */
  async add(entry: HistoryEntry): Promise<void> {
    const line: HistoryEntry = { at: entry.at, kind: entry.kind, address: entry.address.slice(0, LONGEST), name: entry.name.slice(0, LONGEST), durationMs: entry.durationMs };
    this.unwritten = [...this.unwritten, line].slice(-KEPT.history);
    if (await this.change('written', (lines) => [...lines, line], true)) this.unwritten = this.unwritten.filter((other) => other !== line);
  }

  /** When all is written. */
  settled(): Promise<void> {
    return this.file.settled();
  }

  /** Damaged lines are kept aside and left out. */
  private async change(what: string, how: (lines: HistoryEntry[]) => HistoryEntry[], write: boolean): Promise<boolean> {
    try {
      let kept: HistoryEntry[] = [];
      const copy = await this.file.update((text) => {
        const { entries, damaged } = parseHistory(text);
        kept = how(entries).slice(-KEPT.history);
        return { text: write || damaged ? kept.map((entry) => `${JSON.stringify(entry)}\n`).join('') : undefined, keepAside: damaged };
      });
      this.kept = kept;
      if (copy !== undefined) this.options.notice(`the call history was damaged: what could be read is kept, the whole file is in ${copy}`);
      return true;
    } catch (err) {
      this.options.notice(`the call history cannot be ${what}: ${(err as Error).message}`);
      return false;
    }
  }
}

function parseHistory(text: string): { entries: HistoryEntry[]; damaged: boolean } {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const entries = lines.map(parse).filter((entry) => entry !== undefined);
  return { entries, damaged: entries.length < lines.length };
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
