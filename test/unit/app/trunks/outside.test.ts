/** Who may call what outside, over which trunk, and what its INVITE says. */
import { Limits } from '../../../../signaling/app/trunks/limits';
import { Outside, type OutsideDestination } from '../../../../signaling/app/trunks/outside';
import type { Peer } from '../../../../signaling/app/trunks/peer';
import type { Hop } from '../../../../signaling/app/diversion';
import type { Line } from '../../../../signaling/app/ring-plan';
import { route, trunk } from '../../../../signaling/settings/kinds/trunk';
import type { Extension, ExtensionSettings } from '../../../../signaling/store/store';
import { FakeClock } from '../../../support/fake-clock';
import { extension } from '../fakes';

interface World {
  trunks?: Array<Record<string, unknown> & { name: string; down?: boolean }>;
  routes?: Array<Record<string, unknown>>;
  settings?: Record<string, ExtensionSettings>;
}

function world({ trunks = [{ name: 'a' }], routes = [{ name: 'home', patterns: ['+49X.'], trunks: ['a'] }], settings = {} }: World) {
  const clock = new FakeClock();
  const refused: string[] = [];
  const missed: string[] = [];
  const peers = trunks.map(({ down = false, ...one }) => {
    const parsed = trunk.schema.parse({ hosts: [`${one.name.split('@')[0]}.example`], ...one });
    return { settings: parsed, usable: !down, proxy: `sip:${parsed.hosts[0]};transport=udp`, domain: parsed.hosts[0], address: '192.0.2.1', missed: () => missed.push(one.name) } as unknown as Peer;
  });
  const people: Record<string, Extension> = Object.fromEntries(
    ['1001', '1002', '1001@b.example'].map((number) => [number, { ...extension(number), name: `Name of ${number}`, settings: settings[number] }]),
  );
  const outside = new Outside({
    settings: { country: '49', international: '00', national: '0', emergency: ['112'], permissions: ['national', 'mobile'] },
    routes: () => routes.map((one) => route.schema.parse(one)),
    peer: (name) => peers.find((one) => one.settings.name === name),
    peers: () => peers,
    directory: { find: async (number) => people[number] },
    limits: new Limits({ clock, timeZone: 'UTC', ledger: { load: async () => undefined, save: async () => undefined }, failed: () => undefined }),
    clock,
    random: (bytes) => Buffer.alloc(bytes, 7),
    refused: (_, why) => refused.push(why),
  });
  outside.changed();
  const call = (number: string, caller = '1001', path: Hop[] = [], payer = path.at(-1)?.from.number ?? caller) => outside.find(caller, payer, number, path);
  return { outside, call, refused, missed };
}

/** Its trunks in turn: each hears this status, and no other is asked when it is settled. */
function lines(to: OutsideDestination | undefined, status = 503): Line[] {
  if (to?.kind !== 'phones') throw new Error(`it goes nowhere: ${to?.refusal.cause}`);
  const all: Line[] = [];
  for (let stage = to.plan.next(); stage && stage.ways.length > 0; stage = to.plan.next()) {
    const line = stage.ways[0]?.line as Line;
    all.push(line);
    if (line.take() === undefined) line.heard(status);
  }
  return all;
}

const uriOf = (to: OutsideDestination | undefined): string => {
  if (to?.kind !== 'phones') throw new Error('it goes nowhere');
  return to.plan.next()?.ways[0]?.binding.uri ?? '';
};

describe('numbers as they are written to a trunk', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['030123456', {}, {}, '+4930123456'],
    ['004930123456', { send: 'national' }, {}, '030123456'],
    ['+4930123456', { send: 'digits' }, {}, '4930123456'],
    ['030123456', { send: 'international' }, {}, '004930123456'],
    ['9030123456', {}, { patterns: ['90X.'], strip: 1 }, '030123456'],
    ['77', {}, { patterns: ['7X'], strip: 1, prepend: '+49309' }, '+493097'],
    ['77', { send: 'digits' }, { patterns: ['7X'], strip: 1, prepend: '+49309' }, '493097'],
    ['118', {}, { patterns: ['118'] }, '118'],
  ])('%s over %j by %j: %s', async (dialled, t, r, expected) => {
    const { call } = world({ trunks: [{ name: 'a', ...t }], routes: [{ name: 'r', patterns: ['+49X.'], trunks: ['a'], ...r }] });
    expect(uriOf(await call(dialled))).toBe(`sip:${expected}@a.example;user=phone`);
  });
});

describe('who may', () => {
  const routes = [
    { name: 'home', patterns: ['+49X.'], trunks: ['a'] },
    { name: 'world', patterns: ['+X.'], class: 'international', trunks: ['a'] },
  ];

  it.each<[string, string, string, string]>([
    ['an extension with what is set for all', '1001', '030123', 'goes'],
    ['nor more', '1001', '0044123456', 'not-permitted'],
    ['one with its own', '1002', '0044123456', 'goes'],
    ['which are all it has', '1002', '030123', 'not-permitted'],
    ['nobody from outside', '+44123', '030123', 'not-permitted'],
  ])('%s', async (_, caller, number, expected) => {
    const { call } = world({ routes, settings: { '1002': { permissions: ['international'] } } });
    const to = await call(number, caller);
    expect(to?.kind === 'nobody' ? to.refusal.cause : 'goes').toBe(expected);
  });

  it('whoever forwards or puts through, whoever calls; it is its caller id that is shown', async () => {
    const { call } = world({ routes, settings: { '1002': { permissions: ['international'], callerId: { number: '+49302' } } } });
    const forwarded = await call('0044123456', '+491701', [{ from: { number: '1002', name: null }, why: 'always' }]);
    expect(lines(forwarded)[0]?.headers).toMatchObject({ From: '"Name of 1002" <sip:+49302@a.example>', Diversion: expect.any(String) });
    expect((await call('0044123456', '+491701', [], '1002'))?.kind).toBe('phones');
    expect(await call('4711')).toBeUndefined();
  });

  it('another tenant has routes of its own', async () => {
    const { call } = world({ routes: [{ name: 'home@b.example', patterns: ['+49X.'], trunks: ['a'] }], trunks: [{ name: 'a' }, { name: 'a@b.example', hosts: ['b.example'] }] });
    expect(await call('030123')).toBeUndefined();
    expect(uriOf(await call('030123', '1001@b.example'))).toBe('sip:+4930123@b.example;user=phone');
  });
});

describe('over which trunks', () => {
  const trunks = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const routes = [
    { name: 'dear', patterns: ['+49X.'], trunks: ['a'], costPerMinute: 2 },
    { name: 'cheap', patterns: ['+49X.'], trunks: ['b', 'c'], costPerMinute: 1 },
    { name: 'less exact', patterns: ['+X.'], trunks: ['a'] },
  ];
  const order = (to: OutsideDestination | undefined, status: number) => lines(to, status).map((line) => `${line.route} ${line.trunk}`);

  it.each<[string, number, boolean]>([
    ['silence', 0, true], ['a fault', 500, true], ['no way', 503, true], ['time-out', 408, true], ['no agreement with us', 401, true],
    ['it rings', 180, false], ['it plays', 183, false], ['busy', 486, false], ['declined', 603, false], ['no such number', 404, false],
  ])('%s (%d): the next one is tried: %s', async (_, status, next) => {
    const { call } = world({ trunks, routes });
    expect(order(await call('030123'), status)).toEqual(next ? ['cheap b', 'cheap c', 'dear a'] : ['cheap b']);
  });

  it('those that are down, switched off or full are passed over', async () => {
    const { call, refused } = world({ trunks: [{ name: 'a' }, { name: 'b', down: true }, { name: 'c', maxCalls: 1 }], routes });
    expect(order(await call('030123'), 180)).toEqual(['cheap c']);
    expect(order(await call('030123'), 180)).toEqual(['cheap c', 'dear a']);
    expect(refused).toEqual(['trunk c has its 1 calls']);
    const none = await world({ trunks: [{ name: 'a', down: true }, { name: 'b', enabled: false }], routes }).call('030123');
    expect(none?.kind === 'nobody' && none.refusal.cause).toBe('no-trunk');
  });

  it('an extension has limits over all trunks', async () => {
    const { call, refused } = world({ trunks, routes, settings: { '1001': { limits: { callsPerMinute: 1 } } } });
    expect(order(await call('030123'), 486)).toEqual(['cheap b']);
    const again = await call('030123');
    expect(order(again, 486)).toHaveLength(3);
    expect(refused).toEqual(Array(3).fill('extension 1001 has had its 1 calls of this minute'));
  });
});

describe('emergency', () => {
  it('goes over every limit and permission, by trunks that take it, also by one that is down, and is not recorded', async () => {
    const { outside } = world({ trunks: [{ name: 'a', emergency: false }, { name: 'b', maxCalls: 1, down: true }], settings: { '1001': { permissions: [], limits: { maxCalls: 1 } } } });
    for (let i = 0; i < 3; i++) {
      const to = await outside.emergency('1001', '112');
      expect(to?.callee?.recording).toBe('never');
      expect(uriOf(to)).toBe('sip:112@b.example;user=phone');
      expect(lines(await outside.emergency('1001', '112'), 180)).toHaveLength(1);
    }
    expect(await outside.emergency('1001', '1120')).toBeUndefined();
  });

  it('without a trunk it is a number as others', async () => {
    expect(await world({ trunks: [{ name: 'a', emergency: false }] }).outside.emergency('1001', '112')).toBeUndefined();
  });
});

describe('whose number is shown', () => {
  const host = 'a.example';
  it.each<[string, Record<string, unknown>, ExtensionSettings, Record<string, unknown>]>([
    ['the trunk’s', { callerId: '+4930100' }, {}, { From: `"Name of 1001" <sip:+4930100@${host}>`, 'P-Asserted-Identity': `<sip:+4930100@${host}>` }],
    ['else its account', { username: '493099' }, {}, { From: `"Name of 1001" <sip:493099@${host}>` }],
    ['the extension’s own', { callerId: '+4930100' }, { callerId: { number: '+49301001', name: 'Desk' } }, { From: `"Desk" <sip:+49301001@${host}>` }],
    ['From is the account', { callerId: '+4930100', username: 'me', from: 'username' }, {}, { From: `"Name of 1001" <sip:me@${host}>`, 'P-Asserted-Identity': `<sip:+4930100@${host}>` }],
    ['nobody’s', { callerId: '+4930100' }, { callerId: { anonymous: true } },
      { From: '"Anonymous" <sip:anonymous@anonymous.invalid>', 'P-Asserted-Identity': `<sip:+4930100@${host}>`, Privacy: 'id' }],
  ])('%s', async (_, t, settings, expected) => {
    const { call } = world({ trunks: [{ name: 'a', ...t }], settings: { '1001': settings } });
    expect(lines(await call('030123'))[0]?.headers).toMatchObject(expected);
  });
});
