/**
 * A state machine as a table: each row names the paragraph it comes from, and a move without a row throws.
 *
 * The state changes before the steps run, so that a listener called by a step already finds the machine in its new state.
 */
import { TransactionError } from './types';

export type Step<Machine, Input> = (machine: Machine, input: Input) => void;

/** `Events` maps each event's name to what comes with it. */
export type Row<Machine, State extends string, Events> = {
  [Name in keyof Events & string]: {
    readonly in: readonly State[];
    readonly on: Name;
    readonly do: readonly Step<Machine, Events[Name]>[];
    /** Absent: the state stays. */
    readonly to?: State;
    readonly rfc: string;
  };
}[keyof Events & string];

export class StateTable<Machine extends { state: State }, State extends string, Events> {
  private readonly index: Record<string, Record<string, Row<Machine, State, Events>>> = Object.create(null);

  constructor(
    readonly name: string,
    readonly rows: readonly Row<Machine, State, Events>[],
  ) {
    for (const row of rows) {
      for (const state of row.in) {
        const byEvent = (this.index[state] ??= Object.create(null) as Record<string, Row<Machine, State, Events>>);
        if (byEvent[row.on]) throw new TransactionError('illegal-move', `${name}: two rows for ${state} on ${row.on}`);
        byEvent[row.on] = row;
      }
    }
  }

  fire<Name extends keyof Events & string>(machine: Machine, event: Name, input: Events[Name]): void {
    const row = this.index[machine.state]?.[event];
    if (!row) throw new TransactionError('illegal-move', `${this.name}: no move from ${machine.state} on ${event}`);
    if (row.to !== undefined) machine.state = row.to;
    for (const step of row.do as readonly Step<Machine, Events[Name]>[]) step(machine, input);
  }

  /** The table as lines `state + event -> state: steps (paragraph)`, for people. */
  describe(): string {
    return this.rows
      .map((row) => {
        const steps = (row.do as readonly Step<Machine, never>[]).map((step) => step.name).join(', ') || 'nothing';
        return `${row.in.join('|')} + ${row.on} -> ${row.to ?? 'same'}: ${steps} (${row.rfc})`;
      })
      .join('\n');
  }
}
