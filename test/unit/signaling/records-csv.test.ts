/** Records as a table: what spreadsheets read, and must not take for a formula. */
import { csvHead, csvLine, csvOf } from '../../../signaling/records-csv';
import type { CallRow } from '../../../signaling/store/store';
import { callRow, START } from '../../support/call-row';

const cells = (row: CallRow): Record<string, string> => {
  const values = csvLine(row).trimEnd().match(/("([^"]|"")*"|[^,]*)(,|$)/g)!.map((cell) => cell.replace(/,$/, ''));
  return Object.fromEntries(csvHead().trimEnd().split(',').map((name, index) => [name, values[index]!]));
};

test('times, lengths, causes and how it sounded', () => {
  expect(cells(callRow('a'))).toMatchObject({
    id: 'a', started: '2026-01-01T10:00:00.000Z', answered: '2026-01-01T10:00:02.000Z', ended: '2026-01-01T10:01:02.000Z', from: '1001', from_name: 'Ada', to: '1002', to_name: '',
    seconds: '62', talk_seconds: '60', post_dial_delay_ms: '180', cause: 'hung-up', q850: '16', status: '', codec: 'PCMU/8000', caller_mos: '4.36', callee_lost: '1', cost: '',
  });
  expect(cells(callRow('b', { answeredAt: null }))).toMatchObject({ answered: '', talk_seconds: '' });
  expect(csvLine(callRow('a')).endsWith('\r\n')).toBe(true);
});

test.each([
  ['=1+1', "'=1+1"],
  ['+4930', "'+4930"],
  ['-2', "'-2"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"'],
  ['Ada, "the" first', '"Ada, ""the"" first"'],
  ['two\r\nlines', '"two\r\nlines"'],
  ['plain', 'plain'],
])('a caller who is called %j', (name, written) => {
  const row = callRow('a', { details: { ...callRow('a').details, fromName: name } });
  expect(csvLine(row)).toContain(`,1001,${written},1002,`);
});

test('all of them, page by page', async () => {
  const all = Array.from({ length: 1203 }, (_, n) => callRow(`c${n}`, { startedAt: START - n }));
  const asked: Array<[string | undefined, number]> = [];
  let text = '';
  for await (const piece of csvOf(async (behind, limit) => {
    asked.push([behind?.id, limit]);
    const from = behind === undefined ? 0 : all.findIndex(({ id }) => id === behind.id) + 1;
    return all.slice(from, from + limit);
  })) text += piece;
  expect(text).toBe(csvHead() + all.map(csvLine).join(''));
  expect(asked).toEqual([[undefined, 500], ['c499', 500], ['c999', 500]]);
});
