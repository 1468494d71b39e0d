/**
 * Admission, registrar, locations and the store together, as a phone on the network meets them: raw SIP over UDP and TCP, through
 * a server (ours, or drachtio's: see ../engine/harness.ts), a stock drachtio-srf, and SQLite.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admission } from '../../../signaling/app/admission';
import { Directory } from '../../../signaling/app/directory';
import { Locations } from '../../../signaling/app/locations';
import { stateless } from '../../../signaling/app/options';
import { Registrar } from '../../../signaling/app/registrar';
import { connectSrf, type SrfConnection } from '../../../signaling/app/srf';
import { systemClock, systemRandom } from '../../../signaling/clock';
import type { SipResponse } from '../../../signaling/engine/wire/message';
import { silentLogger } from '../../../signaling/log';
import { openStore, type Store } from '../../../signaling/store/store';
import { SipPeer } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { authorization, extension, nonceOf, realm, type Login } from '../../unit/app/fakes';
import { problems, startServer, type ServerUnderTest } from '../engine/harness';

const rules = { minExpires: 60, maxExpires: 3600, defaultExpires: 600, maxContacts: 2 };

/** The registrar's side of the phone system, on a store that others may open too. */
class System {
  private constructor(
    readonly store: Store,
    readonly locations: Locations,
    private readonly connection: SrfConnection,
  ) {}

  static async start(server: ServerUnderTest, dataDir: string): Promise<System> {
    const parts = { clock: systemClock, log: silentLogger };
    const store = await openStore({ dataDir });
    const directory = new Directory(store, parts, { checkMs: 0 });
    const locations = new Locations(store, { maxExpires: rules.maxExpires, flushMs: 10 }, parts);
    const admission = new Admission({ realm, nonceSeconds: 300, maxNonces: 1000 }, { directory, random: systemRandom, ...parts });
    const registrar = new Registrar(rules, { locations, ...parts });
    const fixed = stateless();
    directory.onChanged(() => void locations.dropRemovedExtensions());
    await locations.start();
    const connection = await connectSrf(server.control, {
      timeoutMs: 5000,
      onLost: () => undefined,
      onBack: () => undefined,
      prepare: (srf) => {
        const on = srf as unknown as Record<'register' | 'invite' | 'options' | 'message', (fn: Parameters<typeof srf.invite>[0]) => void>;
        on.register((req, res) => {
          void admission.challengeOrAccept(req, res, 'register').then((who) => who && registrar.register(req, res, who));
        });
        on.invite((req, res) => {
          void admission.challengeOrAccept(req, res, 'other').then((who) => who && res.send(486, 'Busy Here', { headers: { 'X-Caller': who.number } }));
        });
        on.options(fixed.options);
        on.message(fixed.unsupported);
      },
    });
    return new System(store, locations, connection);
  }

  async close(): Promise<void> {
    this.connection.disconnect();
    await this.locations.close();
    await this.store.close();
  }
}

/** A phone of extension 1001: one Call-ID, a rising CSeq, and the last nonce it was given. */
class Phone {
  private cseq = 0;
  private nonce = '';
  private nc = 0;

  private constructor(
    readonly peer: SipPeer,
    private readonly callId: string,
  ) {}

  static async make(server: ServerUnderTest, protocol: 'udp' | 'tcp'): Promise<Phone> {
    const peer = protocol === 'udp' ? await SipPeer.udp(server.udp) : await SipPeer.tcp(server.tcp);
    phones.push(peer);
    return new Phone(peer, `${protocol}-${peer.port}-${Math.random().toString(36).slice(2)}@phone`);
  }

  /** Sends one request and returns its final answer. */
  async send(method: string, headers: Record<string, string | string[]> = {}, uri = `sip:${realm}`): Promise<SipResponse> {
    const address = '<sip:1001@offhook.test>';
    const request = this.peer.request(method, uri, { from: `${address};tag=1`, to: method === 'REGISTER' ? address : `<${uri}>`, callId: this.callId, cseq: ++this.cseq, headers });
    this.peer.send(request);
    const answer = await eventually(`an answer to ${method} ${this.cseq}`, () => {
      const heard = this.peer.heard.map((one) => one.message).filter((m): m is SipResponse => 'status' in m && m.status >= 200);
      return heard.find((m) => m.cseq.seq === this.cseq && m.cseq.method === method);
    });
    if (method === 'INVITE') this.peer.send(this.ackTo(request.headers.get('via') ?? '', answer, uri));
    const challenge = answer.headers.get(answer.status === 407 ? 'proxy-authenticate' : 'www-authenticate');
    if (challenge) {
      this.nonce = nonceOf(challenge);
      this.nc = 0;
    }
    return answer;
  }

  /** The same with credentials for the last nonce. */
  login(method: string, headers: Record<string, string | string[]> = {}, login: Partial<Login> = {}, uri = `sip:${realm}`): Promise<SipResponse> {
    const name = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
    return this.send(method, { ...headers, [name]: authorization({ method, uri, nonce: this.nonce, nc: ++this.nc, ...login }) }, uri);
  }

  async register(headers: Record<string, string | string[]> = {}): Promise<SipResponse> {
    await this.send('REGISTER', headers);
    return this.login('REGISTER', headers);
  }

  get contact(): string {
    return `sip:alice@${this.peer.host}:${this.peer.port}${this.peer.protocol === 'tcp' ? ';transport=tcp' : ''}`;
  }

  private ackTo(via: string, answer: SipResponse, uri: string): string {
    const copied = ['From', 'To', 'Call-ID'].map((name) => `${name}: ${answer.headers.get(name.toLowerCase())}`);
    return [`ACK ${uri} SIP/2.0`, `Via: ${via}`, ...copied, `CSeq: ${answer.cseq.seq} ACK`, 'Max-Forwards: 70', 'Content-Length: 0', '', ''].join('\r\n');
  }
}

let server: ServerUnderTest;
let system: System;
let folder: string;
let phones: SipPeer[] = [];

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-registrar-'));
  system = await System.start(server, folder);
  for (const number of ['1001', '1002']) await system.store.extensions.add(extension(number));
});
afterEach(async () => {
  await Promise.all(phones.map((peer) => peer.close()));
  phones = [];
  await system.close();
  rmSync(folder, { recursive: true, force: true });
  expect(problems).toEqual([]);
});

describe.each(['udp', 'tcp'] as const)('over %s', (protocol) => {
  test('both challenges arrive as header lines of their own, MD5 first', async () => {
    const phone = await Phone.make(server, protocol);
    const lines = (await phone.send('REGISTER')).headers.getAll('www-authenticate');
    expect(lines).toEqual([
      expect.stringMatching(/^Digest realm="offhook\.test", ?nonce="[\w-]{32}", ?algorithm=MD5, ?qop="auth"$/),
      expect.stringMatching(/^Digest realm="offhook\.test", ?nonce="[\w-]{32}", ?algorithm=SHA-256, ?qop="auth"$/),
    ]);
    const invite = await phone.send('INVITE', {}, 'sip:1002@offhook.test');
    expect(invite.status).toBe(407);
    expect(invite.headers.getAll('proxy-authenticate')).toHaveLength(2);
  });

  test('a phone registers, is found over its flow, and is told what is registered', async () => {
    const phone = await Phone.make(server, protocol);
    const answer = await phone.register({ Expires: '120' });
    expect([answer.status, answer.headers.get('contact')]).toEqual([200, `<${phone.contact}>;expires=120`]);
    expect(Date.parse(answer.headers.get('date') ?? '')).toBeGreaterThan(0);
    expect(system.locations.lookup('1001')).toMatchObject([{ uri: phone.contact, source: { protocol, address: '127.0.0.1', port: phone.peer.port } }]);
  });

  test('one nonce serves a refresh; the same count again is stale, and the new nonce good', async () => {
    const phone = await Phone.make(server, protocol);
    await phone.register();
    expect((await phone.login('REGISTER')).status).toBe(200);
    const again = await phone.login('REGISTER', {}, { nc: 1 });
    expect(again.status).toBe(401);
    expect(again.headers.get('www-authenticate')).toMatch(/stale=true/i);
    expect((await phone.login('REGISTER')).status).toBe(200);
  });

  test('SHA-256, and the form without qop', async () => {
    const phone = await Phone.make(server, protocol);
    await phone.send('REGISTER');
    expect((await phone.login('REGISTER', {}, { algorithm: 'SHA-256' })).status).toBe(200);
    await phone.send('REGISTER');
    expect((await phone.login('REGISTER', {}, { nc: undefined as never })).status).toBe(200);
  });

  test('a wrong password and an unknown user get the same answer', async () => {
    const answers: string[] = [];
    for (const login of [{ password: 'wrong' }, { username: '4711', password: 'x' }]) {
      const phone = await Phone.make(server, protocol);
      await phone.send('REGISTER');
      const answer = await phone.login('REGISTER', {}, login);
      answers.push([answer.status, ...answer.headers.getAll('www-authenticate')].join('\n').replace(/nonce="[^"]*"/g, 'nonce'));
    }
    expect(answers[0]).toBe(answers[1]);
    expect(answers[0]).toMatch(/^401/);
    expect(system.locations.lookup('1001')).toEqual([]);
  });

  test('an INVITE is admitted after 407', async () => {
    const phone = await Phone.make(server, protocol);
    expect((await phone.send('INVITE', {}, 'sip:1002@offhook.test')).status).toBe(407);
    const answer = await phone.login('INVITE', {}, {}, 'sip:1002@offhook.test');
    expect([answer.status, answer.headers.get('x-caller')]).toEqual([486, '1001']);
  });

  test.each<[string, Record<string, string>, number, string, RegExp]>([
    ['too short', { Expires: '30' }, 423, 'min-expires', /^60$/],
    ['an unknown extension required', { Require: 'gruu' }, 420, 'unsupported', /^gruu$/],
    ['a foreign scheme', { Contact: '<tel:+491>' }, 400, 'call-id', /@phone/],
  ])('%s is refused', async (_, headers, status, name, value) => {
    const phone = await Phone.make(server, protocol);
    const answer = await phone.register(headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get(name)).toMatch(value);
  });
});

test('several contacts in several header lines, a third is one too many, and all go at once', async () => {
  const phone = await Phone.make(server, 'udp');
  const two = await phone.register({ Contact: ['<sip:a@127.0.0.1:1>', '"B, b" <sip:b@127.0.0.1:2>;q=0.5'] });
  expect(two.headers.getAll('contact').join(', ')).toBe('<sip:a@127.0.0.1:1>;expires=600, <sip:b@127.0.0.1:2>;expires=600;q=0.5');
  const third = await phone.login('REGISTER', { Contact: '<sip:c@127.0.0.1:3>' });
  expect([third.status, third.reason]).toEqual([403, 'At most 2 contacts may be registered']);
  const none = await phone.login('REGISTER', { Contact: '*', Expires: '0' });
  expect([none.status, none.headers.has('contact')]).toEqual([200, false]);
});

test('credentials in two header lines are read', async () => {
  const phone = await Phone.make(server, 'udp');
  const nonce = nonceOf((await phone.send('REGISTER')).headers.get('www-authenticate'));
  const lines = [authorization({ nonce: 'x', realm: 'elsewhere', nc: 1 }), authorization({ nonce, nc: 1 })];
  expect((await phone.send('REGISTER', { Authorization: lines })).status).toBe(200);
});

test('registrations are read back after a restart', async () => {
  const phone = await Phone.make(server, 'udp');
  await phone.register({ Contact: `<${phone.contact}>;+sip.instance="<urn:uuid:1>";reg-id=1`, Expires: '300' });
  const [before] = system.locations.lookup('1001');
  await system.close();
  system = await System.start(server, folder);
  const [after] = system.locations.lookup('1001');
  expect(after).toMatchObject({ uri: before?.uri, source: before?.source, callId: before?.callId, cseq: before?.cseq, instance: '<urn:uuid:1>', regId: 1 });
  expect(Math.abs((after?.expiresAt ?? 0) - (before?.expiresAt ?? 0))).toBeLessThan(1000);
});

test('an extension that another process removes is unknown at once, and its bindings go', async () => {
  const phone = await Phone.make(server, 'udp');
  await phone.register();
  await eventually('the contact in the store', async () => (await system.store.contacts.all()).length === 1);
  const other = await openStore({ dataDir: folder });
  try {
    await other.extensions.remove('1001');
  } finally {
    await other.close();
  }
  expect((await phone.login('REGISTER')).status).toBe(401);
  await eventually('the bindings to go', () => system.locations.lookup('1001').length === 0);
});

test('OPTIONS is answered without credentials, MESSAGE with what is allowed', async () => {
  const phone = await Phone.make(server, 'udp');
  const options = await phone.send('OPTIONS');
  expect([options.status, options.headers.get('accept')]).toEqual([200, 'application/sdp']);
  const message = await phone.send('MESSAGE', { 'Content-Type': 'text/plain' }, 'sip:1002@offhook.test');
  expect([message.status, message.headers.get('allow')]).toEqual([405, options.headers.get('allow')]);
});
