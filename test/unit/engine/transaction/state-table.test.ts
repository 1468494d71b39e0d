import { StateTable } from '../../../../signaling/engine/transaction/state-table';
import { inviteClientTable } from '../../../../signaling/engine/transaction/ict';
import { inviteServerTable } from '../../../../signaling/engine/transaction/ist';
import { nonInviteClientTable } from '../../../../signaling/engine/transaction/nict';
import { nonInviteServerTable } from '../../../../signaling/engine/transaction/nist';
import { illegalPairs } from './support';

interface Door {
  state: 'open' | 'shut';
  log: string[];
}

const note = (door: Door, by: string): void => void door.log.push(`${door.state} by ${by}`);
const doors = new StateTable<Door, Door['state'], { push: string; knock: string }>('door', [
  { in: ['open'], on: 'push', do: [note], to: 'shut', rfc: '§1' },
  { in: ['open', 'shut'], on: 'knock', do: [], rfc: '§2' },
]);

describe('state table', () => {
  test('steps run after the state has changed and get the input', () => {
    const door: Door = { state: 'open', log: [] };
    doors.fire(door, 'push', 'me');
    expect(door).toEqual({ state: 'shut', log: ['shut by me'] });
  });

  test('a move without a row throws and changes nothing', () => {
    const door: Door = { state: 'shut', log: [] };
    expect(() => doors.fire(door, 'push', 'me')).toThrow('door: no move from shut on push');
    expect(door.state).toBe('shut');
  });

  test('two rows for one state and event are refused', () => {
    const row = { in: ['open'], on: 'push', do: [], rfc: '' } as const;
    expect(() => new StateTable<Door, Door['state'], { push: string }>('twice', [row, row])).toThrow('twice: two rows for open on push');
  });

  test('prints itself', () => {
    expect(doors.describe()).toBe('open + push -> shut: note (§1)\nopen|shut + knock -> same: nothing (§2)');
  });

  test('each row of the four machines names its paragraph', () => {
    for (const table of [inviteClientTable, inviteServerTable, nonInviteClientTable, nonInviteServerTable]) {
      for (const row of table.rows) expect(row.rfc).not.toBe('');
      expect(table.describe()).toContain('RFC 3261');
    }
  });

  test.each([inviteClientTable, inviteServerTable, nonInviteClientTable, nonInviteServerTable].map((t) => [t.name, t] as const))('%s: every other move throws', (_name, table) => {
    const pairs = illegalPairs(table as unknown as StateTable<{ state: string }, string, Record<string, undefined>>);
    expect(pairs.length).toBeGreaterThan(5);
    for (const [state, event] of pairs) {
      const machine = { state };
      expect(() => (table as unknown as StateTable<{ state: string }, string, Record<string, undefined>>).fire(machine, event, undefined)).toThrow(
        expect.objectContaining({ code: 'illegal-move' }),
      );
      expect(machine.state).toBe(state);
    }
  });
});
