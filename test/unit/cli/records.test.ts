/** Records of calls on the command line. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../../signaling/cli/program';
import { openStore } from '../../../signaling/store/store';
import { callRow, START } from '../../support/call-row';
import { FakeClock } from '../../support/fake-clock';

let folder: string;
const clock = new FakeClock(START + 3600_000);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-records-'));
  const store = await openStore({ dataDir: folder });
  await store.records.add([callRow('first'), callRow('second', { startedAt: START + 60_000, answeredAt: null, cause: 'busy', from: '1003', details: { ...callRow('x').details, reason: '1002 is busy', status: 486 } })]);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function offhook(...argv: string[]): Promise<[number, string]> {
  let said = '';
  const write = (text: string): void => void (said += text);
  return [await main([...argv, '--data', folder], { out: write, err: write, cwd: folder, clock }), said];
}

test('are listed, the newest first, by what is asked', async () => {
  const [code, table] = await offhook('records', 'list');
  expect([code, table.split('\n').map((line) => line.split(/ {2,}/)[0])]).toEqual([0, ['ID', 'second', 'first', '']]);
  expect(table).toMatch(/^first +2026-01-01T10:00:00Z +1001 +1002 +1:00 +1001 hung up$/m);
  for (const [filter, expected] of [[['--answered'], 'first'], [['--unanswered'], 'second'], [['--number', '1003'], 'second'], [['--until', '2026-01-01T10:00:30Z'], 'first'], [['--since', '59m'], 'second'], [['--limit', '1'], 'second']] as const) {
    expect([filter, (JSON.parse((await offhook('records', 'list', '--json', ...filter))[1]) as Array<{ id: string }>).map(({ id }) => id)]).toEqual([filter, [expected]]);
  }
  expect((await offhook('records', 'list', '--text', 'nowhere'))[1]).toBe('There are no such calls.\n');
  for (const wrong of [['--limit', 'x'], ['--since', 'soon'], ['--answered', '--unanswered']]) expect((await offhook('records', 'list', ...wrong))[0]).toBe(2);
});

test('one is shown with its phones', async () => {
  const [, text] = await offhook('records', 'show', 'second');
  expect(text).toMatch(/^why +1002 is busy \(busy, Q\.850 16, SIP 486\), by the caller$/m);
  expect(text).toMatch(/^leg 1 +caller 1001 at 192\.0\.2\.7; agent of 1001; PCMU\/8000; 3000 packets, 1 lost; jitter 1\.5 ms; MOS 4\.36$/m);
  expect(await offhook('records', 'show', 'third')).toEqual([1, expect.stringContaining('There is no record of a call third.')]);
});

test('all of them as a table, to a file that was not there', async () => {
  const [, text] = await offhook('records', 'export', '--csv');
  expect(text.split('\r\n').map((line) => line.split(',')[0])).toEqual(['id', 'second', 'first', '']);
  expect(await offhook('records', 'export', 'calls.csv', '--from', '1003')).toEqual([0, `${join(folder, 'calls.csv')}\n`]);
  expect(readFileSync(join(folder, 'calls.csv'), 'utf8').split('\r\n')).toHaveLength(3);
  expect(await offhook('records', 'export', 'calls.csv')).toEqual([1, expect.stringContaining('there is a file of that name already')]);
});
