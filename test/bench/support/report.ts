/** What every benchmark answers: rows of figures, printed as one table. */
export interface BenchRow {
  system: string;
  figures: Record<string, string>;
}

export interface BenchResult {
  name: string;
  what: string;
  rows: BenchRow[];
  notes: string[];
}

export function printResult(result: BenchResult, write: (line: string) => void): void {
  write(`\n${result.name}: ${result.what}`);
  const columns = ['system', ...new Set(result.rows.flatMap((r) => Object.keys(r.figures)))];
  const table = [columns, ...result.rows.map((r) => columns.map((c) => (c === 'system' ? r.system : (r.figures[c] ?? '-'))))];
  const widths = columns.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  for (const row of table) write(`  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`);
  for (const note of result.notes) write(`  note: ${note}`);
}
