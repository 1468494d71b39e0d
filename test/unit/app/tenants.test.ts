/** Two tenants with the same numbers: nothing of one is ever taken for the other's. */
import { Engaged } from '../../../signaling/app/engaged';
import { randomBytes } from 'node:crypto';
import { Admission, type RequestKind } from '../../../signaling/app/admission';
import { Destinations } from '../../../signaling/app/destination';
import { dialplan } from '../../../signaling/app/dialplan';
import { diversionHeaders, type Hop } from '../../../signaling/app/diversion';
import { conference, type Conferences } from '../../../signaling/app/features/conference';
import { addressOf, nameAddr } from '../../../signaling/app/text';
import { silentLogger } from '../../../signaling/log';
import { noDiversion, type Diversion, type Extension } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { authorization, FakeResponder, hash, nonceOf, realm, request, type Login } from './fakes';

const ACME = 'acme.example';

/** Password `pw`, in the realm of its tenant. */
function extension(id: string, diversion?: Partial<Diversion>): Extension {
  const [number, domain = realm] = id.split('@');
  const a1 = `${number}:${domain}:pw`;
  return {
    number: id, name: null, ha1: { md5: hash('MD5', a1), sha256: hash('SHA-256', a1) }, media: 'anchored', srtp: 'off', recording: 'never', createdAt: 0,
    ...(diversion && { diversion: { ...noDiversion, ...diversion } }),
  };
}

describe('who is let in', () => {
  const known = new Map(['1001', `1001@${ACME}`, `1002@${ACME}`].map((id) => [id, extension(id)]));
  const admission = new Admission(
    { realm, nonceSeconds: 300, maxNonces: 100 },
    { isTenant: (domain) => domain === ACME, directory: { find: async (id) => known.get(id) }, clock: new FakeClock(), random: randomBytes, log: silentLogger },
  );

  async function ask(login: Partial<Login>, domain: string, kind: RequestKind = 'register'): Promise<unknown> {
    const address = `<sip:${login.username ?? '1001'}@${domain}>`;
    const about = { from: `${address};tag=a`, to: address };
    const first = new FakeResponder();
    expect(await admission.challengeOrAccept(request(about, { uri: `sip:${domain}` }), first, kind)).toBeUndefined();
    const { 'WWW-Authenticate': www, 'Proxy-Authenticate': proxy } = first.answer.headers;
    const challenge = www ?? proxy;
    const res = new FakeResponder();
    const credentials = authorization({ password: 'pw', ...login, nonce: nonceOf(challenge), uri: `sip:${domain}`, nc: 1 });
    const admitted = await admission.challengeOrAccept(request({ ...about, authorization: credentials }, { uri: `sip:${domain}` }), res, kind);
    return { realm: /realm="([^"]*)"/.exec(challenge ?? '')?.[1], who: admitted?.number ?? res.answer.status };
  }

  it.each<[string, Partial<Login>, string, unknown]>([
    ['a phone of the first tenant', {}, 'offhook.test', { realm, who: '1001' }],
    ['one that knows only our address', {}, '192.0.2.1', { realm, who: '1001' }],
    ['one of another, in the realm of its domain', { realm: ACME }, ACME, { realm: ACME, who: `1001@${ACME}` }],
    ['the domain in large letters', { realm: ACME }, 'ACME.Example', { realm: ACME, who: `1001@${ACME}` }],
    ['a password of the first tenant at another', {}, ACME, { realm: ACME, who: 401 }],
    ['a password of another at the first', { realm: ACME }, 'offhook.test', { realm, who: 401 }],
    ['an extension that only another tenant has', { username: '1002' }, 'offhook.test', { realm, who: 401 }],
    ['a domain that is no tenant’s', { realm: 'other.example' }, 'other.example', { realm, who: 401 }],
  ])('%s', async (_what, login, domain, expected) => {
    expect(await ask(login, domain)).toEqual(expected);
  });

  it('by From where it is no REGISTER', async () => {
    const res = new FakeResponder();
    await admission.challengeOrAccept(request({ from: `<sip:1001@${ACME}>;tag=a`, to: '<sip:1002@offhook.test>' }, { method: 'INVITE' }), res, 'other');
    expect(res.answer.headers['Proxy-Authenticate']).toContain(`realm="${ACME}"`);
  });
});

describe('where calls go', () => {
  const extensions = new Map(
    [extension('1001'), extension('1002'), extension(`1001@${ACME}`), extension(`1003@${ACME}`, { always: '1004' }), extension(`1004@${ACME}`, { always: '1003' }), extension(`1005@${ACME}`, { always: '1002' })].map((one) => [one.number, one]),
  );
  const rooms = new Set(['8000', '500', `501@${ACME}`]);
  const destinations = new Destinations({
    plan: dialplan([conference({ has: (id: string) => rooms.has(id) } as unknown as Conferences)]),
    directory: { find: async (id) => extensions.get(id) },
    locations: { lookup: () => [] },
    engaged: new Engaged(),
    random: (bytes) => Buffer.alloc(bytes),
  });
  const find = async (caller: string, number: string): Promise<string> => {
    const to = await destinations.find(caller, number, []);
    if (to.kind === 'service') return `${to.feature.name} ${to.number} ${to.near}`;
    return to.kind === 'nobody' ? `${to.refusal.cause} ${to.callee?.number ?? '-'}` : 'phones';
  };

  it.each([
    ['1001', '1002', 'not-registered 1002'],
    [`1001@${ACME}`, '1002', 'unknown-number -'],
    ['1001', '1003', 'unknown-number -'],
    [`1001@${ACME}`, '1001', `own-number 1001@${ACME}`],
    [`1003@${ACME}`, '1001', `not-registered 1001@${ACME}`],
    ['1001', '8000', 'conference 8000 room:8000'],
    [`1001@${ACME}`, '8000', 'unknown-number -'],
    ['1001', '500', 'conference 500 room:500'],
    [`1001@${ACME}`, '500', 'unknown-number -'],
    [`1001@${ACME}`, '501', `conference 501@${ACME} room:501@${ACME}`],
    ['1001', '501', 'unknown-number -'],
    [`1001@${ACME}`, '1003', `forwarding-loop 1004@${ACME}`],
    [`1001@${ACME}`, '1005', 'unknown-number -'],
  ])('%s dials %s: %s', async (caller, number, expected) => {
    expect(await find(caller, number)).toBe(expected);
  });
});

it('shows phones numbers at the domain of their tenant', () => {
  expect([addressOf('1001'), addressOf('1001', '192.0.2.1:5070'), addressOf(`1001@${ACME}`, '192.0.2.1')]).toEqual(['sip:1001@localhost', 'sip:1001@192.0.2.1:5070', `sip:1001@${ACME}`]);
  expect(nameAddr({ name: 'Ann', number: `1001@${ACME}` })).toBe(`"Ann" <sip:1001@${ACME}>`);
  const path: Hop[] = [{ from: { number: `1003@${ACME}`, name: null }, why: 'busy' }];
  expect(diversionHeaders(path, `1001@${ACME}`, '192.0.2.1').Diversion).toBe(`<sip:1003@${ACME}>;reason=user-busy;counter=1`);
});
