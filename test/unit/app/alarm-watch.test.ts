/** What is looked at, and from where on it is an alarm. */
import { Alarms } from '../../../signaling/app/alarms';
import { AlarmWatch, type AlarmWatchDeps } from '../../../signaling/app/alarm-watch';
import { FakeClock } from '../../support/fake-clock';
import { eventually } from '../../support/wait';
import { FakeLog } from './call-fakes';

function world() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const state = {
    connected: true,
    trunks: [] as Array<ReturnType<AlarmWatchDeps['trunks']>[number]>,
    records: { failing: false, waiting: 0, dropped: 0 },
    free: 90,
    sound: { ticks: 0, late: 0, skipped: 0 },
    p99Ms: 1,
    disk: 5e9,
    planeFails: false,
  };
  const alarms = new Alarms({ clock, tell: () => undefined });
  const watch = new AlarmWatch({
    alarms, clock, log,
    connected: () => state.connected,
    trunks: () => state.trunks,
    records: () => state.records,
    load: async () => {
      if (state.planeFails) throw new Error('no answer');
      return { ports: { total: 100, free: state.free, inUse: 0, draining: 0 }, workers: [{ sound: { ...state.sound } }] };
    },
    lateness: () => ({ p99Ms: state.p99Ms }),
    freeBytes: async () => state.disk,
  });
  const look = async (more: Partial<typeof state> = {}): Promise<string[]> => {
    Object.assign(state, more);
    await watch.look();
    return alarms.up().map(({ name, subject, text }) => `${name}${subject === '' ? '' : ` ${subject}`}: ${text}`);
  };
  return { clock, log, state, alarms, watch, look };
}

test('nothing is wrong', async () => {
  expect(await world().look()).toEqual([]);
});

test('the engine, records and trunks: at once, and over at once', async () => {
  const { look } = world();
  const down = { name: 'provider', enabled: true, state: 'refused' as const, problem: 'sip.example does not accept our user name and password (403)' };
  expect(await look({ connected: false, records: { failing: true, waiting: 12, dropped: 3 }, trunks: [down, { ...down, name: 'off', enabled: false }, { ...down, name: 'new', state: 'starting' }] })).toEqual([
    'trunk provider: No calls go over the trunk provider: sip.example does not accept our user name and password (403). Check its user name and password (offhook trunk status).',
    'engine: The SIP engine cannot be reached: no calls can be made. Look whether it runs, and at its log.',
    'records: Records of calls cannot be written: 12 wait, 3 are lost. Look at the log, and whether the disk is full or read-only.',
  ]);
  expect(await look({ connected: true, records: { failing: false, waiting: 0, dropped: 3 }, trunks: [{ ...down, state: 'up' }] })).toEqual([]);
  expect(await look({ trunks: [{ ...down, state: 'down', problem: null }] })).toEqual([expect.stringContaining('it does not answer. Check its hosts')]);
  expect(await look({ trunks: [] })).toEqual([]);
});

test.each([
  ['ports', { free: 4 }, { free: 8 }, { free: 10 }, /^ports: 4 of 100 pairs of RTP ports are free/],
  ['disk', { disk: 400e6 }, { disk: 700e6 }, { disk: 2e9 }, /^disk: 400 MB are free/],
  ['event-loop', { p99Ms: 300 }, { p99Ms: 150 }, { p99Ms: 20 }, /^event-loop: The application comes up to 300 ms late/],
])('%s: raised beyond one line, cleared thirty seconds below another', async (_name, bad, fair, good, text) => {
  const { clock, look } = world();
  expect(await look(fair)).toEqual([]);
  expect(await look(bad)).toEqual([expect.stringMatching(text)]);
  clock.advance(60_000);
  expect(await look(fair)).toHaveLength(1);
  expect(await look(good)).toHaveLength(1);
  clock.advance(30_000);
  expect(await look(good)).toEqual([]);
});

test('sound that is late: of what was made since the last look, when that was enough', async () => {
  const { look } = world();
  expect(await look({ sound: { ticks: 1000, late: 10, skipped: 0 } })).toEqual([]);
  expect(await look({ sound: { ticks: 1100, late: 90, skipped: 0 } })).toEqual([]);
  expect(await look({ sound: { ticks: 2100, late: 130, skipped: 20 } })).toEqual(['media-late: 6 % of the sound that is made here came too late: people hear gaps. The machine is too busy, or too small; see media.workers.']);
});

test('what cannot be looked at is said, and the rest is looked at; again every five seconds until it is closed', async () => {
  const { clock, log, state, alarms, watch } = world();
  state.planeFails = true;
  state.disk = 1e6;
  watch.start();
  clock.advance(5000);
  await eventually('the alarm', () => alarms.up().length === 1);
  expect(alarms.up()[0]!.name).toBe('disk');
  expect(JSON.stringify(log.lines)).toContain('the media plane could not be looked at');
  await eventually('the next look to be waited for', () => {
    state.connected = false;
    clock.advance(5000);
    return alarms.up().length === 2;
  });
  watch.close();
  await new Promise((resolve) => setImmediate(resolve));
  state.records.failing = true;
  clock.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(alarms.up()).toHaveLength(2);
});
