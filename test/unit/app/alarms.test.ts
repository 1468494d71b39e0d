/** Alarms are raised once, stay while it is not good, and are cleared when it was good for long enough. */
import { Alarms, type Level } from '../../../signaling/app/alarms';
import { FakeClock } from '../../support/fake-clock';

function world() {
  const clock = new FakeClock();
  const told: string[] = [];
  const alarms = new Alarms({ clock, tell: (what, { name, subject, text }) => told.push(`${what} ${name} ${subject} ${text}`) });
  const see = (level: Level, text = level as string, calmMs = 0) => alarms.see({ name: 'ports', severity: 'critical', level, text, calmMs });
  return { clock, told, alarms, see };
}

test('raised once, cleared at once', () => {
  const { clock, told, alarms, see } = world();
  see('good');
  see('fair');
  expect([told, alarms.up()]).toEqual([[], []]);
  const since = clock.wall().getTime();
  see('bad', '3 are free');
  clock.advance(1000);
  see('bad', '2 are free');
  expect(told).toEqual(['raised ports  3 are free']);
  expect(alarms.up()).toEqual([{ name: 'ports', subject: '', severity: 'critical', text: '2 are free', since }]);
  see('fair');
  expect(alarms.up()).toHaveLength(1);
  see('good');
  expect([told.at(-1), alarms.up()]).toEqual(['cleared ports  2 are free', []]);
  expect(alarms.past()).toEqual([{ name: 'ports', subject: '', severity: 'critical', text: '2 are free', since, clearedAt: since + 1000 }]);
});

test('not cleared before it was good without a break', () => {
  const { clock, told, see } = world();
  see('bad');
  for (const level of ['good', 'good', 'fair', 'good', 'bad', 'good'] as const) {
    clock.advance(9_000);
    see(level, level, 10_000);
  }
  expect(told).toHaveLength(1);
  clock.advance(10_000);
  see('good', '', 10_000);
  expect(told).toHaveLength(2);
});

test('each subject for itself; what is not there any more has no alarm', () => {
  const { told, alarms, see } = world();
  for (const subject of ['a', 'b']) alarms.see({ name: 'trunk', subject, severity: 'critical', level: 'bad', text: 'down' });
  see('bad');
  alarms.keep('trunk', new Set(['b']));
  expect(told.slice(2)).toEqual(['raised ports  bad', 'cleared trunk a down']);
  expect(alarms.up().map(({ name, subject }) => `${name} ${subject}`)).toEqual(['trunk b', 'ports ']);
});

test('a hundred that are over are remembered, the newest first', () => {
  const { alarms } = world();
  for (let n = 0; n < 130; n++) for (const level of ['bad', 'good'] as const) alarms.see({ name: 'trunk', subject: `t${n}`, severity: 'warning', level, text: '' });
  expect([alarms.past().length, alarms.past()[0]!.subject, alarms.past().at(-1)!.subject]).toEqual([100, 't129', 't30']);
});
