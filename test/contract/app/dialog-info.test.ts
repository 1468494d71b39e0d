/** Lamps on the wire: stock drachtio-srf, the engine, the notifier, and phones that watch. Calls are told of by the test. */
import type { CallParty } from '../../../signaling/app/call-parties';
import { Notifier, type WatcherSrf } from '../../../signaling/app/events/notifier';
import { DIALOG, dialogInfo } from '../../../signaling/app/events/packages/dialog-info';
import type { IncomingRequest, Responder } from '../../../signaling/app/exchange';
import { Lamps } from '../../../signaling/app/lamps';
import { systemClock } from '../../../signaling/clock';
import { eventually } from '../../support/wait';
import { FakeLog } from '../../unit/app/call-fakes';
import { isRealServer, startApp, startServer, type AppUnderTest, type ServerUnderTest } from '../engine/harness';
import { Watcher } from './watcher';

let server: ServerUnderTest;
let app: AppUnderTest;
let notifier: Notifier;
let lamps: Lamps;
let watchable: Map<string, boolean>;
let watchers: Watcher[];
/** Documents made. */
let made = 0;

beforeAll(async () => {
  // the timers of every day: 300 phones in one process may be late with their answers
  server = await startServer();
  app = await startApp(server, (srf) => {
    lamps = new Lamps(systemClock);
    const pkg = dialogInfo({
      sources: [lamps],
      directory: { find: async (number) => (watchable.has(number) ? { settings: { watchable: watchable.get(number) } } : undefined) },
      leadsSomewhere: async (number) => number === '701',
    });
    const counted = { ...pkg, document: (number: string, host: string | undefined) => (made++, pkg.document(number, host)) };
    notifier = new Notifier({ srf: srf as unknown as WatcherSrf, packages: [counted], clock: systemClock, log: new FakeLog() });
    lamps.onChanged((number) => notifier.changed(DIALOG, number));
    srf.subscribe((req, res) => {
      const number = /sip:([^@]*)@/.exec(req.get('From'))?.[1] ?? '';
      void notifier.subscribe(req as unknown as IncomingRequest, res as unknown as Responder, number);
    });
  });
});
afterAll(async () => {
  await notifier.close();
  app.close();
  await server.close();
});
beforeEach(() => {
  watchable = new Map([['1001', true], ['1002', true], ['1003', false]]);
  watchers = [];
});
afterEach(async () => {
  for (const one of watchers) if (one.dialog && !one.state().startsWith('terminated')) one.dialog.send('SUBSCRIBE', { headers: { Event: 'dialog', Expires: '0' } });
  const dialogs = (app.srf as unknown as { _dialogs: Map<string, unknown> })._dialogs;
  const left = () => JSON.stringify({ subscriptions: notifier.stats().subscriptions, srf: dialogs.size, engine: isRealServer ? 0 : server.stats().core.dialogs });
  await eventually('nothing to be left', () => left() === '{"subscriptions":0,"srf":0,"engine":0}', 6000).catch((err: Error) => {
    throw new Error(`${err.message}: ${left()}`);
  });
  await Promise.all(watchers.map((one) => one.close()));
});

async function watcher(number = '1001'): Promise<Watcher> {
  const one = await Watcher.start(server.udp, number);
  watchers.push(one);
  return one;
}

const CALL = '0123456789ab';
function parties(state: CallParty['state'], holding = false): CallParty[] {
  const [ann, bob] = [{ number: '1001', name: 'Ann' }, { number: '1002', name: 'Bob & Co' }];
  return [
    { call: CALL, side: 'caller', ...ann, state, holding: false, other: bob },
    { call: CALL, side: 'callee', ...bob, state, holding, other: ann },
  ];
}

const version = (text: string): number => Number(/version="(\d+)"/.exec(text)?.[1]);
const states = (text: string): string => [...text.matchAll(/<state>(\w+)<\/state>/g)].map(([, state]) => state).join(' ');
const idOf = (text: string): string | undefined => /<dialog id="([^"]*)"/.exec(text)?.[1];

test('a lamp: dark, rings, is answered, held, over; one dialog with one id, numbered documents', async () => {
  const phone = await watcher();
  const dark = await phone.watch('dialog', '1002', { Accept: 'application/dialog-info+xml' });
  expect(dark).toBe('<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:1002@pbx.test">\r\n</dialog-info>\r\n');
  lamps.see(CALL, parties('early'));
  const early = await phone.next();
  expect(early.split('\r\n').slice(2, -2)).toEqual([
    `<dialog id="${CALL}-callee-1002" call-id="lamp-${CALL}" local-tag="callee" remote-tag="caller" direction="recipient">`,
    '<state>early</state>',
    '<local><identity display="Bob &amp; Co">sip:1002@pbx.test</identity><target uri="sip:1002@pbx.test"/></local>',
    '<remote><identity display="Ann">sip:1001@pbx.test</identity><target uri="sip:1001@pbx.test"/></remote>',
    '</dialog>',
  ]);
  lamps.see(CALL, parties('confirmed'));
  const up = await phone.next();
  lamps.see(CALL, parties('confirmed', true));
  const held = await phone.next();
  expect(held).toContain('<target uri="sip:1002@pbx.test"><param pname="+sip.rendering" pvalue="no"/></target>');
  expect(up).not.toContain('rendering');
  lamps.see(CALL, []);
  const over = await phone.next();
  expect([early, up, held, over].map(states)).toEqual(['early', 'confirmed', 'confirmed', 'terminated']);
  expect(new Set([early, up, held, over].map(idOf)).size).toBe(1);
  expect([dark, early, up, held, over].map(version)).toEqual([0, 1, 2, 3, 4]);
  expect(version(await phone.unwatch('dialog'))).toBe(5);
  expect(phone.state()).toBe('terminated;reason=timeout');
});

test('who rings and is answered at once is told once; the caller is an initiator', async () => {
  const phone = await watcher('1002');
  await phone.watch('dialog', '1001');
  lamps.see(CALL, parties('trying'));
  lamps.see(CALL, parties('early'));
  lamps.see(CALL, parties('confirmed'));
  const text = await phone.next();
  expect([states(text), text.includes('direction="initiator"'), phone.told.length]).toEqual(['confirmed', true, 2]);
  lamps.see(CALL, []);
  await phone.next();
});

test.each([
  ['nobody', '4999', {}, 404],
  ['somebody unlisted', '1003', {}, 403],
  ['a list', '1002', { Require: 'eventlist' }, 420],
  ['another language', '1002', { Accept: 'application/pidf+xml' }, 406],
])('%s is not watched', async (_what, whom, headers, status) => {
  const phone = await watcher();
  phone.ask('dialog', whom, headers);
  await phone.peer.getResponse(status, 'SUBSCRIBE');
});

test('whoever is unlisted watches itself, and a slot where calls are parked can be watched', async () => {
  const phone = await watcher('1003');
  await phone.watch('dialog', '1003');
  const other = await watcher();
  expect(await other.watch('dialog', '701')).toContain('entity="sip:701@pbx.test"');
});

test('unlisted from now on: watchers are rejected; gone: noresource', async () => {
  const [one, two] = [await watcher(), await watcher()];
  watchable.set('1004', true);
  await one.watch('dialog', '1002');
  await two.watch('dialog', '1004');
  watchable.set('1002', false);
  watchable.delete('1004');
  notifier.recheck();
  await Promise.all([one.next(), two.next()]);
  expect([one.state(), two.state()]).toEqual(['terminated;reason=rejected', 'terminated;reason=noresource']);
});

test('300 watchers of one extension: each change is one document and 300 NOTIFYs', async () => {
  // so many phones of one person would be too many alike
  for (let n = 0; n < 300; n++) watchable.set(String(3000 + n), true);
  const all = await Promise.all(Array.from({ length: 300 }, (_, n) => watcher(String(3000 + n))));
  for (let n = 0; n < 300; n += 50) await Promise.all(all.slice(n, n + 50).map((one) => one.watch('dialog', '1002')));
  made = 0;
  const before = notifier.stats().notified;
  lamps.see(CALL, parties('trying'));
  lamps.see(CALL, parties('early'));
  const ringing = await Promise.all(all.map((one) => one.next()));
  lamps.see(CALL, parties('confirmed'));
  const up = await Promise.all(all.map((one) => one.next()));
  expect(new Set([...ringing, ...up].map((text) => `${version(text)} ${states(text)}`))).toEqual(new Set(['1 early', '2 confirmed']));
  expect([made, notifier.stats().notified - before]).toEqual([2, 600]);
  lamps.see(CALL, []);
  await Promise.all(all.map((one) => one.next()));
}, 40_000);
