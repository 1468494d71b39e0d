/**
 * What a real drachtio-server (v0.9.10) told an application in recorded scenarios, and what the server under test tells a stock drachtio-srf in
 * the same ones: the events, responses and fields of every frame. Against our engine, or a drachtio-server with DRACHTIO_HOST set.
 * Where ours differs on purpose it says so in scenarios/differences.ts, with the reason.
 */
import { eventually, pause } from '../../support/wait';
import { isRealServer, problems } from './harness';
import { differences, type Difference } from './scenarios/differences';
import { dialogs } from './scenarios/dialogs';
import { failures } from './scenarios/failures';
import { incoming } from './scenarios/incoming';
import { outgoing } from './scenarios/outgoing';
import { proxies } from './scenarios/proxies';
import { Scene, type Scenario } from './scenarios/scene';
import { transports } from './scenarios/transports';

const used = new Set<Difference>();

function applicableTo(scenario: Scenario): Difference[] {
  return isRealServer ? [] : differences.filter(({ only }) => only === undefined || only.includes(scenario.of));
}

/** Lines that were recorded as of another transaction. */
function moved(scenario: Scenario, told: string[]): string[] {
  const movers = applicableTo(scenario).filter(({ moves }) => moves);
  return told.map((line) => {
    const mover = movers.find(({ ours }) => ours.test(line));
    if (mover) used.add(mover);
    return mover ? line.replace(mover.ours, mover.recorded!) : line;
  });
}

/** Lines told in place of recorded ones are turned into those; what is left differs. */
function reconciled(scenario: Scenario, told: string[], recorded: string[]): string[] {
  const applicable = applicableTo(scenario);
  const result: string[] = [];
  for (const line of told) {
    const expected = recorded[result.length];
    if (line === expected) {
      result.push(line);
      continue;
    }
    const difference = applicable.find(({ ours, recorded: theirs }) => ours.test(line) && (theirs === undefined || line.replace(ours, theirs) === expected));
    if (!difference) result.push(line);
    else {
      used.add(difference);
      if (difference.recorded !== undefined) result.push(expected!);
    }
  }
  return result;
}

const all: Scenario[] = [...incoming, ...outgoing, ...dialogs, ...transports, ...proxies, ...failures];

test.each(all.map((scenario) => [scenario.of, scenario.title, scenario] as const))(
  '%s: %s',
  async (_of, _title, scenario) => {
    const recorded = scenario.recorded.trim().split('\n').map((line) => line.trimStart());
    const scene = await Scene.open(scenario);
    const lines = (): string[] => reconciled(scenario, sortedByTransaction(moved(scenario, scene.trace.lines).filter((line) => !/^- response OK( greeting)?$/.test(line))), sortedByTransaction(recorded));
    try {
      await scenario.run(scene);
      await eventually('as many lines as recorded', () => lines().length >= recorded.length, 1000, 10).catch(() => undefined);
      // Nothing more comes.
      await pause(20);
      expect(lines()).toEqual(sortedByTransaction(recorded));
    } finally {
      await scene.close();
    }
  },
  isRealServer ? 100_000 : 20_000,
);

test('every known difference was met', () => {
  if (isRealServer) return;
  expect(differences.filter((difference) => !used.has(difference)).map(({ why }) => why)).toEqual([]);
  expect(problems).toEqual([]);
});

test('every recording has its scenario here, or a reason why not', () => {
  const covered = new Set(all.flatMap(({ of }) => of.split('+')));
  expect(recordings.filter((one) => !covered.has(one) && !(one in elsewhere))).toEqual([]);
});

/** Numbers of the recordings that show what an application sees. */
const recordings = [
  ...['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32', '33'],
  ...['40', '41', '42', '43', '44', '45', '46', '47', '48', '49', '50', '51', '52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63', '64', '65', '66', '70', '71', '72', '73', '74', '75', '76'],
  ...['80', '81', '82', '83', '84', '85'],
];

const elsewhere: Record<string, string> = {
  '02': 'control.test.ts: a wrong secret is refused and the connection closed',
  '04': 'requests.test.ts: nobody is asked, 503; the application is not there to be told anything',
  '84': 'proxy.test.ts: targets that never answer',
  '31': 'control.test.ts: two applications take turns',
  '32': 'applications.test.ts: a verb that is taken back; the recording shows a defect (PROTOCOL 21.6)',
  '33': 'control.test.ts: a connection that has not shown the secret gets nothing; the recording shows a defect (PROTOCOL 21.6)',
  '46': 'control.test.ts and applications.test.ts: the recording shows a defect (PROTOCOL 21.6)',
  '45': 'applications.test.ts: dialogs are handed back, or end with BYE; drachtio-server forgets whose they are',
  '49': 'control.test.ts: frames up to the limit; the recording shows defects (PROTOCOL 21.1 to 21.3)',
  '59': 'timers.test.ts: refreshes of the engine; the application sees nothing of them',
  '61': 'outbound.test.ts: request handlers',
  '70': 'control.test.ts: malformed commands are answered; the recording shows the daemon abort (PROTOCOL 21.4)',
  '72': 'control.test.ts: many large frames at once; the recording shows a defect (PROTOCOL 21.2)',
  '74': 'applications.test.ts: a dialog stays where it was made',
  '80': 'transports of WS have their own suites',
};

/** Lines of one transaction in their order, transactions one after the other: what belongs to different ones may be told in any order. */
function sortedByTransaction(lines: string[]): string[] {
  const key = (line: string): string => line.split(' ', 1)[0]!;
  return [...new Set(lines.map(key))].sort().flatMap((one) => lines.filter((line) => key(line) === one));
}
