/** Calls from outside: whose trunk, which number, where to, and who the caller is to us. */
import { Trunks, type TrunkBook } from '../../../../signaling/app/trunks/trunks';
import type { PeerSrf } from '../../../../signaling/app/trunks/peer';
import type { IncomingRequest } from '../../../../signaling/app/exchange';
import type { Logger } from '../../../../signaling/log';
import { inbound, trunk } from '../../../../signaling/settings/kinds/trunk';
import { FakeClock } from '../../../support/fake-clock';
import { extension } from '../fakes';

const silent = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;
const nobody: PeerSrf = { request: () => undefined };

async function world(rules: Array<Record<string, unknown>>, settings: Record<string, unknown> = {}) {
  const items = {
    trunk: [trunk.schema.parse({ name: 'provider', hosts: ['sip.provider.example'], sources: ['198.51.100.0/24'], username: '493012345', healthSeconds: 0, ...settings })],
    route: [],
    inbound: rules.map((one, i) => inbound.schema.parse({ name: `rule${i}`, to: '8000', ...one })),
  };
  const trunks = new Trunks({
    book: { all: (kind: 'trunk' | 'route' | 'inbound') => items[kind], onChanged: () => undefined } as unknown as TrunkBook,
    store: { meta: { get: async () => undefined, set: async () => undefined } } as never,
    directory: { find: async (number) => (number === '1001' ? extension(number) : undefined) },
    settings: { country: '49', international: '00', national: '0', emergency: ['112'], permissions: ['national'] },
    timeZone: 'UTC', clock: new FakeClock(), random: (bytes) => Buffer.alloc(bytes), log: silent,
    resolver: { addresses: async () => ['192.0.2.7', '2001:db8::7'] },
  });
  trunks.connected(nobody);
  await new Promise((resolve) => setImmediate(resolve));
  return trunks;
}

interface Asked {
  uri?: string;
  from?: string;
  source?: string;
  [header: string]: string | undefined;
}

const request = ({ uri = 'sip:+493012345@us.example', from = '"Ann" <sip:+4989777@provider.example>;tag=1', source = '192.0.2.7', ...headers }: Asked): IncomingRequest =>
  ({ uri, source_address: source, get: (name: string) => ({ from, to: `<${uri}>`, ...headers } as Record<string, string | undefined>)[name.toLowerCase()] }) as unknown as IncomingRequest;

describe('which trunk', () => {
  it.each<[string, boolean]>([
    ['192.0.2.7', true], ['::ffff:192.0.2.7', true], ['2001:db8::7', true], ['198.51.100.200', true], ['198.51.101.1', false], ['203.0.113.1', false], ['not an address', false],
  ])('%s is it: %s', async (source, known) => {
    const trunks = await world([]);
    expect((await trunks.recognise(request({ source }))) !== undefined).toBe(known);
    await trunks.close();
    expect(await trunks.recognise(request({ source }))).toBeUndefined();
  });
});

describe('which number, and where it goes', () => {
  it.each<[string, Asked, string | undefined]>([
    ['the Request-URI', {}, '8000'],
    ['without a +', { uri: 'sip:493012345@us' }, '8000'],
    ['as it is at home', { uri: 'sip:03012345@us' }, '8000'],
    ['in tel:', { uri: 'tel:+49-30-12345' }, '8000'],
    ['in To, since the Request-URI is our account', { uri: 'sip:493012345@us', to: '<sip:+49305@us>' }, '8005'],
    ['in P-Called-Party-ID, before To', { uri: 'sip:493012345@us', to: '<sip:+493012345@us>', 'p-called-party-id': '<sip:+49305@us>' }, '8005'],
    ['none of ours', { uri: 'sip:+49309@us' }, undefined],
    ['an extension is no number of ours', { uri: 'sip:1001@us' }, undefined],
    ['nor is a code', { uri: 'sip:*97@us' }, undefined],
    ['no number', { uri: 'sip:us' }, undefined],
  ])('%s', async (_, asked, to) => {
    const trunks = await world([{ numbers: ['+493012345'] }, { numbers: ['+49305'], to: '8005' }, { numbers: ['+493012345'], trunks: ['another'], to: '1', order: 1 }]);
    expect((await trunks.recognise(request(asked)))?.to).toBe(to);
  });
});

describe('who calls', () => {
  it.each<[string, Asked, string, string | null]>([
    ['a number in full', {}, '+4989777', 'Ann'],
    ['a number of this country', { from: '<sip:089777@p>;tag=1' }, '+4989777', null],
    ['as asserted', { 'p-asserted-identity': '<sip:+4940123@p>' }, '+4940123', 'Ann'],
    ['somebody who does not want to be known', { privacy: 'id', 'p-asserted-identity': '<sip:+4940123@p>' }, 'anonymous', null],
    ['nobody', { from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' }, 'anonymous', null],
    ['who uses the number of an extension of ours', { from: '<sip:1001@p>;tag=1' }, 'anonymous', '1001'],
    ['the same with a name, and asserted', { 'p-asserted-identity': '<sip:1001@p>' }, 'anonymous', 'Ann'],
    ['who tries to be of another tenant', { from: '<sip:1001%40b.example@p>;tag=1' }, 'anonymous', '1001'],
    ['a number like an extension’s that is none', { from: '<sip:1009@p>;tag=1' }, '1009', null],
  ])('%s', async (_, asked, number, name) => {
    const trunks = await world([{ numbers: ['+493012345'] }]);
    expect((await trunks.recognise(request(asked)))?.caller).toMatchObject({ number, name, trunk: 'provider', media: 'anchored' });
  });

  it('is told what for by a prefix', async () => {
    const trunks = await world([{ numbers: ['+493012345'], prefix: 'Office: ' }]);
    expect((await trunks.recognise(request({})))?.caller.name).toBe('Office: Ann');
    expect((await trunks.recognise(request({ from: '<sip:+4940@p>;tag=1' })))?.caller.name).toBe('Office: +4940');
  });
});
