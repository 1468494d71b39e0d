/** Presence on the wire: who publishes, who is in a call, who watches. */
import { randomBytes } from 'node:crypto';
import { Notifier, type WatcherSrf } from '../../../signaling/app/events/notifier';
import { PRESENCE, presence } from '../../../signaling/app/events/packages/presence';
import { readPidf } from '../../../signaling/app/events/packages/presence/pidf';
import { Publications, type PublishRequest } from '../../../signaling/app/events/packages/presence/publications';
import type { IncomingRequest, Responder } from '../../../signaling/app/exchange';
import { Lamps } from '../../../signaling/app/lamps';
import { systemClock } from '../../../signaling/clock';
import type { Extension } from '../../../signaling/store/store';
import { extension, FakeLog } from '../../unit/app/call-fakes';
import { fastTimers, startApp, startServer, type AppUnderTest, type ServerUnderTest } from '../engine/harness';
import { Watcher } from './watcher';

let server: ServerUnderTest;
let app: AppUnderTest;
let notifier: Notifier;
let publications: Publications;
const lamps = new Lamps(systemClock);
const extensions = new Map<string, Extension>();
const registered = new Set<string>();
const numberIn = (header: string): string => /sip:([^@]*)@/.exec(header)?.[1] ?? '';

beforeAll(async () => {
  server = await startServer({ timers: fastTimers });
  app = await startApp(server, (srf) => {
    publications = new Publications({ clock: systemClock, random: randomBytes, changed: (number) => notifier.changed(PRESENCE, number) });
    const directory = { find: async (number: string) => extensions.get(number) };
    const locations = { lookup: (number: string) => (registered.has(number) ? [number] : []) };
    notifier = new Notifier({ srf: srf as unknown as WatcherSrf, packages: [presence({ publications, lamps, locations, directory })], clock: systemClock, log: new FakeLog() });
    lamps.onChanged((number) => notifier.changed(PRESENCE, number));
    srf.subscribe((req, res) => void notifier.subscribe(req as unknown as IncomingRequest, res as unknown as Responder, numberIn(req.get('From'))));
    srf.publish((req, res) => publications.publish(req as unknown as PublishRequest, res as unknown as Responder, numberIn(req.get('From'))));
  });
});
afterAll(async () => {
  publications.close();
  await notifier.close();
  app.close();
  await server.close();
});
beforeEach(() => {
  extensions.clear();
  registered.clear();
  for (const number of ['1001', '1002']) extensions.set(number, extension(number));
});

const seen = (text: string): string => {
  const { open, activities, note } = readPidf(text)!;
  return [open ? 'open' : 'closed', ...activities, ...(note === undefined ? [] : [`“${note}”`])].join(' ');
};

async function publish(phone: Watcher, basic: string, activity: string, etag?: string, expires = '600'): Promise<string> {
  const body = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="x"><status><basic>${basic}</basic></status></tuple><activities><${activity}/></activities></presence>`;
  const request = phone.peer.request('PUBLISH', `sip:${phone.number}@pbx.test`, {
    from: `<sip:${phone.number}@pbx.test>;tag=p`, to: `<sip:${phone.number}@pbx.test>`, body,
    headers: { Event: 'presence', Expires: expires, 'Content-Type': 'application/pidf+xml', ...(etag !== undefined && { 'SIP-If-Match': etag }) },
  });
  phone.peer.send(request);
  const response = await phone.peer.getFinal(request);
  expect(response.status).toBe(200);
  return response.headers.get('sip-etag')!;
}

test('offline, registered, in a call, undisturbed, published by two devices; seen by who watches', async () => {
  const [watcher, phone] = [await Watcher.start(server.udp, '1001'), await Watcher.start(server.udp, '1002')];
  const shown = [seen(await watcher.watch('presence', '1002', { Accept: 'application/pidf+xml' }))];
  const next = async (): Promise<void> => void shown.push(seen(await watcher.next()));

  registered.add('1002');
  notifier.changed(PRESENCE, '1002');
  await next();
  const call = { call: '0123456789ab', name: null, holding: false, other: { number: '1001', name: null }, number: '1002', side: 'callee' } as const;
  lamps.see(call.call, [{ ...call, state: 'early' }]);
  lamps.see(call.call, [{ ...call, state: 'confirmed' }]);
  await next();
  lamps.see(call.call, []);
  await next();
  extensions.set('1002', extension('1002', { diversion: { doNotDisturb: true } as Extension['diversion'] }));
  notifier.recheck();
  await next();
  extensions.set('1002', extension('1002'));
  const desk = await publish(phone, 'closed', 'away');
  await next();
  const mobile = await publish(phone, 'open', 'meeting');
  await next();
  await publish(phone, 'closed', 'away', desk, '0');
  await next();
  await publish(phone, 'open', 'meeting', mobile, '0');
  await next();
  expect(shown).toEqual(['closed', 'open', 'open on-the-phone “On the phone”', 'open', 'open busy “Do not disturb”', 'closed away', 'open away meeting', 'open meeting', 'open']);

  extensions.delete('1002');
  notifier.recheck();
  await watcher.next();
  expect(watcher.state()).toBe('terminated;reason=noresource');
  await Promise.all([watcher.close(), phone.close()]);
});

test('nobody is watched who does not want it, or is not there', async () => {
  const watcher = await Watcher.start(server.udp, '1001');
  extensions.set('1003', extension('1003', { settings: { watchable: false } }));
  watcher.ask('presence', '1003');
  await watcher.peer.getResponse(403, 'SUBSCRIBE');
  watcher.ask('presence', '4999');
  await watcher.peer.getResponse(404, 'SUBSCRIBE');
  await watcher.close();
});
