/** `offhook alarms` against a server that is made up. */
import { join } from 'node:path';
import { T0 } from '../api/views';
import { offhook, temporaryFolder } from './run-cli';
import { runningServer } from './running-server';

const alarm = { name: 'trunk' as const, subject: 'provider', severity: 'critical' as const, text: 'No calls go over the trunk provider.', since: T0 };

test('a table, JSON, and an exit code that says whether something is wrong', async () => {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const server = await runningServer(data);
  try {
    const run = (...argv: string[]) => offhook(folder.path, ['alarms', ...argv]);
    expect(await run()).toMatchObject({ code: 0, out: 'Nothing is wrong.\n' });
    Object.assign(server.views.alarms, { up: () => [alarm], past: () => [{ ...alarm, name: 'disk', subject: '', text: 'It was full.', clearedAt: T0 + 60_000 }] });
    const since = new Date(T0).toISOString().replace('.000', '');
    const table = await run();
    expect([table.code, table.out.split('\n')]).toEqual([1, [expect.stringMatching(/^SEVERITY +ALARM +SINCE +UNTIL +WHAT$/), expect.stringMatching(new RegExp(`^critical +trunk provider +${since} +now +No calls go over the trunk provider\\.$`)), '']]);
    expect((await run('--past')).out.split('\n')[2]).toMatch(/^critical +disk +\S+Z +\S+Z +It was full\.$/);
    expect(JSON.parse((await run('--json')).out)).toMatchObject({ alarms: [{ name: 'trunk', since: new Date(T0).toISOString() }], past: [{ name: 'disk' }] });
  } finally {
    await server.close();
    folder.remove();
  }
});
