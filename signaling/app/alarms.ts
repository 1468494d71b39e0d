/**
 * What is wrong with the system just now, for whoever runs it: each alarm is raised once, says what is wrong and what to do, and is cleared when it is over.
 *
 *   see(bad) ─▶ raised ── see(good), for as long as `calmMs` says ─▶ cleared
 *                  └──── see(fair): stays as it is, raised or not
 */
import type { Clock } from '../clock';

export type AlarmName = 'engine' | 'trunk' | 'records' | 'ports' | 'disk' | 'event-loop' | 'media-late';
/** `critical`: calls, or what is kept of them, are lost. */
export type Severity = 'critical' | 'warning';

export interface Alarm {
  name: AlarmName;
  /** Which of its kind: a trunk's name; empty: there is one. */
  subject: string;
  severity: Severity;
  /** What is wrong and what to do, as sentences. */
  text: string;
  /** Unix milliseconds. */
  since: number;
}

export interface ClearedAlarm extends Alarm {
  clearedAt: number;
}

/** `fair`: not so bad that it is raised, not so good that it is cleared. */
export type Level = 'bad' | 'fair' | 'good';

export interface Reading {
  name: AlarmName;
  subject?: string;
  severity: Severity;
  level: Level;
  text: string;
  /** How long it must be good; default: it is cleared at once. */
  calmMs?: number;
}

interface Raised extends Alarm {
  goodSince: number | undefined;
}

const KEPT = 100;

export class Alarms {
  private readonly raised = new Map<string, Raised>();
  private readonly cleared: ClearedAlarm[] = [];

  constructor(private readonly deps: { clock: Clock; tell(what: 'raised' | 'cleared', alarm: Alarm | ClearedAlarm): void }) {}

  see({ name, subject = '', severity, level, text, calmMs = 0 }: Reading): void {
    const key = `${name} ${subject}`;
    const known = this.raised.get(key);
    if (!known) {
      if (level !== 'bad') return;
      const alarm: Raised = { name, subject, severity, text, since: this.deps.clock.wall().getTime(), goodSince: undefined };
      this.raised.set(key, alarm);
      this.deps.tell('raised', plain(alarm));
      return;
    }
    if (level !== 'good') {
      known.goodSince = undefined;
      if (level === 'bad') known.text = text;
      return;
    }
    const now = this.deps.clock.now();
    known.goodSince ??= now;
    if (now - known.goodSince >= calmMs) this.clear(key, known);
  }

  /** What it was about is not there any more: those of this name whose subject is not among these. */
  keep(name: AlarmName, subjects: ReadonlySet<string>): void {
    for (const [key, alarm] of this.raised) if (alarm.name === name && !subjects.has(alarm.subject)) this.clear(key, alarm);
  }

  /** The oldest first. */
  up(): Alarm[] {
    return [...this.raised.values()].map(plain);
  }

  /** The last ones, the newest first. */
  past(): ClearedAlarm[] {
    return [...this.cleared].reverse();
  }

  private clear(key: string, alarm: Raised): void {
    this.raised.delete(key);
    const over = { ...plain(alarm), clearedAt: this.deps.clock.wall().getTime() };
    this.cleared.push(over);
    if (this.cleared.length > KEPT) this.cleared.shift();
    this.deps.tell('cleared', over);
  }
}

const plain = ({ name, subject, severity, text, since }: Alarm): Alarm => ({ name, subject, severity, text, since });
