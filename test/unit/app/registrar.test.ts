import type { Binding } from '../../../signaling/app/binding';
import { Locations } from '../../../signaling/app/locations';
import { Registrar } from '../../../signaling/app/registrar';
import type { RegistrarRules } from '../../../signaling/app/registration';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';
import { extension, FakeResponder, MemoryStore, request, storedAtOnce, type Answer, type RequestOptions } from './fakes';

const rules: RegistrarRules = { minExpires: 60, maxExpires: 3600, defaultExpires: 600, maxContacts: 3 };

class Office {
  readonly clock = new FakeClock();
  readonly locations = new Locations(new MemoryStore('1001'), { maxExpires: 3600 }, { clock: this.clock, log: silentLogger });
  readonly registrar: Registrar;
  private cseq = 0;

  constructor(change: Partial<RegistrarRules> = {}) {
    this.registrar = new Registrar({ ...rules, ...change }, { locations: storedAtOnce(this.locations), clock: this.clock, log: silentLogger });
  }

  /** A REGISTER with the next CSeq, unless one is given. */
  register(headers: Record<string, string | undefined>, options: RequestOptions = {}): Answer {
    const res = new FakeResponder();
    this.registrar.register(request({ cseq: `${++this.cseq} REGISTER`, ...headers }, options), res, extension('1001'));
    return res.answer;
  }

  bindings(): Binding[] {
    return this.locations.lookup('1001');
  }

  uris(): string[] {
    return this.bindings().map((b) => b.uri);
  }
}

const contactsOf = (answer: Answer): string | undefined => answer.headers['Contact'];

describe('binding', () => {
  test('a contact and the way to it', () => {
    const office = new Office();
    const answer = office.register(
      { contact: '"Ann" <sip:1001@10.0.0.5:5062;transport=udp>;expires=300;q=0.7', 'user-agent': 'Phone/1.0', path: '<sip:edge;lr>' },
      { from: { protocol: 'UDP', address: '198.51.100.3', port: 33000 } },
    );
    expect(answer).toEqual({
      status: 200,
      reason: 'OK',
      headers: { Date: 'Thu, 01 Jan 2026 00:00:00 GMT', Contact: '<sip:1001@10.0.0.5:5062;transport=udp>;expires=300;q=0.7', Path: '<sip:edge;lr>' },
    });
    expect(office.bindings()).toEqual([
      expect.objectContaining({
        extension: '1001',
        uri: 'sip:1001@10.0.0.5:5062;transport=udp',
        source: { protocol: 'udp', address: '198.51.100.3', port: 33000 },
        instance: null,
        regId: null,
        callId: 'call-1@phone',
        cseq: 1,
        q: 0.7,
        userAgent: 'Phone/1.0',
        path: '<sip:edge;lr>',
        expiresAt: 300_000,
        updatedAt: 0,
      }),
    ]);
  });

  test.each<[string, Record<string, string | undefined>, number]>([
    ['the contact parameter before the header', { contact: '<sip:a@h>;expires=100', expires: '200' }, 100],
    ['the header', { contact: '<sip:a@h>', expires: '200' }, 200],
    ['neither: the default', { contact: '<sip:a@h>' }, 600],
    ['malformed parameter: the default', { contact: '<sip:a@h>;expires=soon' }, 600],
    ['an empty parameter: the default', { contact: '<sip:a@h>;expires' }, 600],
    ['malformed header: the default', { contact: '<sip:a@h>', expires: '10,20' }, 600],
    ['too long: the most', { contact: '<sip:a@h>;expires=86400' }, 3600],
    ['huge: the most', { contact: '<sip:a@h>;expires=99999999999999999999' }, 3600],
    ['the least', { contact: '<sip:a@h>;expires=60' }, 60],
    ['without brackets the parameter is the header’s', { contact: 'sip:a@h;expires=100' }, 100],
    ['in the URI it is not', { contact: '<sip:a@h;expires=100>' }, 600],
  ])('expires: %s', (_, headers, seconds) => {
    const office = new Office();
    expect(contactsOf(office.register(headers))).toContain(`>;expires=${seconds}`);
    expect(office.bindings()[0]?.expiresAt).toBe(seconds * 1000);
  });

  test('a default below the least or above the most is cut like a wish', () => {
    expect(contactsOf(new Office({ defaultExpires: 7200 }).register({ contact: '<sip:a@h>' }))).toContain('expires=3600');
  });

  test('too short: 423 with the least, and nothing is changed', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>' });
    const answer = office.register({ contact: '<sip:b@h>;expires=100, <sip:a@h>;expires=59' });
    expect(answer).toEqual({ status: 423, reason: 'Interval Too Brief', headers: { 'Min-Expires': '60' } });
    expect(office.uris()).toEqual(['sip:a@h']);
    expect(office.bindings()[0]?.expiresAt).toBe(600_000);
  });

  test('the answer lists every binding with the time it has left, those of the request first', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>;expires=100;q=0.5' });
    office.clock.advance(10_500);
    expect(contactsOf(office.register({ contact: '<sip:b@h>;expires=200;q=0.1' }))).toBe('<sip:b@h>;expires=200;q=0.1, <sip:a@h>;expires=90;q=0.5');
    expect(contactsOf(office.register({}))).toBe('<sip:a@h>;expires=90;q=0.5, <sip:b@h>;expires=200;q=0.1');
  });

  test('a query without bindings has no Contact', () => {
    expect(new Office().register({}).headers).toEqual({ Date: 'Thu, 01 Jan 2026 00:00:00 GMT' });
    expect(new Office().register({ contact: '' }).status).toBe(200);
  });

  test('several contacts in one request', () => {
    const office = new Office();
    office.register({ contact: '"a, b" <sip:a@h>;q=0.2,<sip:b@h>;q=0.9' });
    expect(office.uris()).toEqual(['sip:b@h', 'sip:a@h']);
  });

  test.each([
    ['1', 1],
    ['0', 0],
    ['0.333', 0.333],
    ['1.000', 1],
    ['1.5', 1],
    ['0.3333', 1],
    ['-1', 1],
    ['high', 1],
  ])('q=%s counts as %d', (q, value) => {
    const office = new Office();
    office.register({ contact: `<sip:a@h>;q=${q}` });
    expect(office.bindings()[0]?.q).toBe(value);
  });

  test('a refresh over another flow moves the binding', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>' });
    office.register({ contact: '<sip:a@h>' }, { from: { protocol: 'tcp', address: '192.0.2.9', port: 40000 } });
    expect(office.bindings().map((b) => b.source)).toEqual([{ protocol: 'tcp', address: '192.0.2.9', port: 40000 }]);
  });

  test('a refresh is one event, a change of address two', () => {
    const office = new Office();
    const events: string[] = [];
    office.locations.onEvent((e) => events.push(`${e.type} ${e.binding.uri}`));
    const contact = (host: string): string => `<sip:a@${host}>;+sip.instance="<urn:1>";reg-id=1`;
    for (const host of ['h', 'h', 'g']) office.register({ contact: contact(host) });
    expect(events).toEqual(['registered sip:a@h', 'refreshed sip:a@h', 'unregistered sip:a@h', 'registered sip:a@g']);
  });

  test('the same URI written otherwise is the same contact', () => {
    const office = new Office();
    office.register({ contact: '<sip:1001@Host.Example;x=1>' });
    office.register({ contact: '<sip:%31001@host.example>' });
    expect(office.uris()).toEqual(['sip:%31001@host.example']);
  });

  test('a contact twice in one request: the last counts', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>;expires=100, <sip:a@H>;expires=200' });
    expect(office.bindings().map((b) => [b.uri, b.expiresAt])).toEqual([['sip:a@H', 200_000]]);
    office.register({ contact: '<sip:b@h>;expires=100, <sip:b@h>;expires=0' });
    expect(office.uris()).toEqual(['sip:a@H']);
  });

  test('the domain of To and the Request-URI do not matter', () => {
    expect(new Office().register({ contact: '<sip:a@h>', to: '<sip:1001@elsewhere>' }, { uri: 'sip:1001@192.0.2.1:5060' }).status).toBe(200);
  });
});

describe('unbinding', () => {
  test('expires=0, in the contact or in the header', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>, <sip:b@h>, <sip:c@h>' });
    expect(contactsOf(office.register({ contact: '<sip:a@h>;expires=0' }))).not.toContain('sip:a@h');
    expect(office.register({ contact: '<sip:b@h>', expires: '0' }).status).toBe(200);
    expect(office.uris()).toEqual(['sip:c@h']);
  });

  test('what is not bound', () => {
    const office = new Office();
    expect(office.register({ contact: '<sip:a@h>;expires=0' })).toMatchObject({ status: 200, headers: { Date: expect.any(String) as string } });
  });

  test('Contact: * with Expires: 0 takes all', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>, <sip:b@h>' });
    expect(office.register({ contact: '*', expires: '0' }).headers).toEqual({ Date: 'Thu, 01 Jan 2026 00:00:00 GMT' });
    expect(office.uris()).toEqual([]);
  });

  test.each<[string, Record<string, string | undefined>]>([
    ['without Expires', { contact: '*' }],
    ['with another Expires', { contact: '*', expires: '60' }],
    ['with a malformed Expires', { contact: '*', expires: 'zero' }],
    ['beside another contact', { contact: '*, <sip:a@h>', expires: '0' }],
    ['twice', { contact: '*, *', expires: '0' }],
    ['with parameters', { contact: '*;expires=0', expires: '0' }],
  ])('Contact: * %s: 400', (_, headers) => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>' });
    expect(office.register(headers).status).toBe(400);
    expect(office.uris()).toEqual(['sip:a@h']);
  });
});

describe('order', () => {
  test.each<[string, Record<string, string | undefined>, number]>([
    ['a lower CSeq', { contact: '<sip:a@h>', cseq: '9 REGISTER' }, 500],
    ['the same CSeq', { contact: '<sip:a@h>', cseq: '10 REGISTER' }, 500],
    ['a higher CSeq', { contact: '<sip:a@h>', cseq: '11 REGISTER' }, 200],
    ['another Call-ID', { contact: '<sip:a@h>', cseq: '1 REGISTER', 'call-id': 'other' }, 200],
    ['another contact', { contact: '<sip:b@h>', cseq: '1 REGISTER' }, 200],
    ['a removal', { contact: '<sip:a@h>;expires=0', cseq: '9 REGISTER' }, 500],
    ['the removal of all', { contact: '*', expires: '0', cseq: '9 REGISTER' }, 500],
    ['the removal of all by another Call-ID', { contact: '*', expires: '0', cseq: '1 REGISTER', 'call-id': 'other' }, 200],
    ['one old contact among new ones', { contact: '<sip:b@h>, <sip:a@h>', cseq: '9 REGISTER' }, 500],
    ['a query', { cseq: '1 REGISTER' }, 200],
  ])('%s', (_, headers, status) => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>;expires=100', cseq: '10 REGISTER' });
    expect(office.register(headers).status).toBe(status);
    if (status === 500) expect(office.bindings().map((b) => [b.uri, b.cseq, b.expiresAt])).toEqual([['sip:a@h', 10, 100_000]]);
  });

  test('after the binding has expired there is nothing to be behind', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>;expires=60', cseq: '10 REGISTER' });
    office.clock.advance(60_000);
    expect(office.register({ contact: '<sip:a@h>', cseq: '1 REGISTER' }).status).toBe(200);
  });
});

describe('instances', () => {
  const device = (uri: string, regId?: number, rest = ''): string => `<${uri}>;+sip.instance="<urn:uuid:1>"${regId === undefined ? '' : `;reg-id=${regId}`}${rest}`;

  test('are kept and told back; no GRUU is', () => {
    const office = new Office();
    const answer = office.register({ contact: device('sip:a@h', 1), supported: 'gruu, outbound' });
    expect(contactsOf(answer)).toBe('<sip:a@h>;expires=600;+sip.instance="<urn:uuid:1>";reg-id=1');
    expect(answer.headers).not.toHaveProperty('Require');
  });

  test('the same instance and reg-id replace the old address', () => {
    const office = new Office();
    office.register({ contact: device('sip:old@h', 1) });
    office.register({ contact: device('sip:other@h', 2) });
    office.register({ contact: device('sip:new@h', 1), 'call-id': 'after-restart', cseq: '1 REGISTER' });
    expect(office.uris().sort()).toEqual(['sip:new@h', 'sip:other@h']);
  });

  test('and end under whatever address', () => {
    const office = new Office();
    office.register({ contact: device('sip:old@h', 1) });
    office.register({ contact: device('sip:new@h', 1, ';expires=0') });
    expect(office.uris()).toEqual([]);
  });

  test('in order within a Call-ID, too', () => {
    const office = new Office();
    office.register({ contact: device('sip:new@h', 1), cseq: '10 REGISTER' });
    expect(office.register({ contact: device('sip:old@h', 1), cseq: '9 REGISTER' }).status).toBe(500);
    expect(office.uris()).toEqual(['sip:new@h']);
  });

  test('an instance without reg-id may have several contacts', () => {
    const office = new Office();
    office.register({ contact: device('sip:a@h') });
    office.register({ contact: device('sip:b@h') });
    expect(office.uris()).toHaveLength(2);
  });

  test('a reg-id without an instance, or of zero, counts for nothing', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>;reg-id=1' });
    office.register({ contact: device('sip:b@h', 0) });
    expect(office.bindings().map((b) => b.regId)).toEqual([null, null]);
  });
});

describe('bounds', () => {
  test('so many contacts and no more, then 403 that says so', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>, <sip:b@h>, <sip:c@h>' });
    expect(office.register({ contact: '<sip:d@h>' })).toEqual({ status: 403, reason: 'At most 3 contacts may be registered', headers: {} });
    expect(office.uris()).toHaveLength(3);
    expect(office.register({ contact: '<sip:c@h>' }).status).toBe(200);
    expect(office.register({ contact: '<sip:a@h>;expires=0, <sip:d@h>' }).status).toBe(200);
    expect(office.uris().sort()).toEqual(['sip:b@h', 'sip:c@h', 'sip:d@h']);
  });

  test('more at once than allowed', () => {
    const office = new Office();
    expect(office.register({ contact: '<sip:a@h>, <sip:b@h>, <sip:c@h>, <sip:d@h>' }).status).toBe(403);
    expect(office.uris()).toEqual([]);
  });

  test('a device that left bindings behind makes room for itself, the oldest first, and not at the cost of others', () => {
    const office = new Office();
    const mine = '+sip.instance="<urn:mine>"';
    office.register({ contact: '<sip:other@h>;+sip.instance="<urn:other>"' });
    for (const uri of ['first', 'second', 'third', 'fourth']) {
      office.clock.advance(1000);
      expect(office.register({ contact: `<sip:${uri}@h>;${mine}` }).status).toBe(200);
    }
    expect(office.uris().sort()).toEqual(['sip:fourth@h', 'sip:other@h', 'sip:third@h']);
    expect(office.register({ contact: '<sip:x@h>;+sip.instance="<urn:third>"' }).status).toBe(403);
  });

  test('bindings above a lowered limit may be refreshed away, not added to', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>, <sip:b@h>, <sip:c@h>' });
    const lowered = new Registrar({ ...rules, maxContacts: 1 }, { locations: storedAtOnce(office.locations), clock: office.clock, log: silentLogger });
    const res = new FakeResponder();
    lowered.register(request({ contact: '<sip:a@h>;expires=0', cseq: '50 REGISTER' }), res, extension('1001'));
    expect(res.answer.status).toBe(200);
    expect(office.uris()).toHaveLength(2);
  });

  test.each<[string, Record<string, string | undefined>]>([
    ['a tel URI', { contact: '<tel:+491>' }],
    ['no URI', { contact: '<>' }],
    ['an open bracket', { contact: '<sip:a@h' }],
    ['two users', { contact: '<sip:a@b@h>' }],
    ['headers in the URI', { contact: '<sip:a@h?Route=x>' }],
    ['a line break in the URI', { contact: '<sip:a@h\r\n X: y>' }],
    ['a long URI', { contact: `<sip:${'a'.repeat(510)}@h>` }],
    ['a bad port', { contact: '<sip:a@h:99999>' }],
    ['one bad contact among good ones', { contact: '<sip:a@h>, <mailto:a@h>' }],
    ['a long instance', { contact: `<sip:a@h>;+sip.instance="<${'a'.repeat(127)}>"` }],
    ['a line break in the instance', { contact: '<sip:a@h>;+sip.instance="<a>\r\n b"' }],
    ['a quote in the instance', { contact: '<sip:a@h>;+sip.instance="a\\"b"' }],
    ['a long Path', { contact: '<sip:a@h>', path: `<sip:${'a'.repeat(1024)}>` }],
    ['a line break in the Path', { contact: '<sip:a@h>', path: '<sip:a>,\r\n <sip:b>' }],
    ['more contacts than anybody has', { contact: Array.from({ length: 65 }, (_, i) => `<sip:${i}@h>`).join(',') }],
    ['no Call-ID', { contact: '<sip:a@h>', 'call-id': undefined }],
    ['a long Call-ID', { contact: '<sip:a@h>', 'call-id': 'x'.repeat(257) }],
    ['no CSeq', { contact: '<sip:a@h>', cseq: undefined }],
    ['the CSeq of another method', { contact: '<sip:a@h>', cseq: '1 INVITE' }],
    ['a CSeq out of range', { contact: '<sip:a@h>', cseq: '2147483648 REGISTER' }],
  ])('%s: 400', (_, headers) => {
    const office = new Office();
    const answer = office.register(headers);
    expect(answer.status).toBe(400);
    expect(answer.reason).toMatch(/^[\x20-\x7e]{10,}$/);
    expect(office.uris()).toEqual([]);
  });

  test('an extension that is required and unknown: 420 that names it', () => {
    const office = new Office();
    expect(office.register({ contact: '<sip:a@h>', require: 'path, outbound, x y, gruu' })).toEqual({ status: 420, reason: 'Bad Extension', headers: { Unsupported: 'outbound, gruu' } });
    expect(office.uris()).toEqual([]);
    expect(office.register({ contact: '<sip:a@h>', require: 'path' }).status).toBe(200);
  });

  test('user agents are cut, cleaned, and shared', () => {
    const office = new Office();
    office.register({ contact: '<sip:a@h>', 'user-agent': `Phone\x01${'x'.repeat(200)}` });
    expect(office.bindings()[0]?.userAgent).toBe(`Phone?${'x'.repeat(122)}…`);
    for (let i = 0; i < 300; i++) expect(office.register({ contact: '<sip:a@h>', 'user-agent': `Phone/${i}` }).status).toBe(200);
    expect(office.bindings()[0]?.userAgent).toBe('Phone/299');
  });
});

test('counts', () => {
  const office = new Office();
  office.register({ contact: '<sip:a@h>' });
  office.register({});
  office.register({ contact: '<sip:a@h>;expires=1' });
  office.register({ contact: '<tel:1>' });
  expect(office.registrar.stats()).toEqual({ accepted: 1, queries: 1, refused: { 423: 1, 400: 1 } });
});

describe('nothing is acknowledged that is not stored', () => {
  /** The registrar over the real journal: `res` has an answer once the store has the binding. */
  function site(): { clock: FakeClock; store: MemoryStore; locations: Locations; registrar: Registrar } {
    const clock = new FakeClock();
    const store = new MemoryStore('1001');
    const locations = new Locations(store, { maxExpires: 3600, gatherMs: 25 }, { clock, log: silentLogger });
    return { clock, store, locations, registrar: new Registrar(rules, { locations, clock, log: silentLogger }) };
  }
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('the 200 goes when the transaction is through, with the time that is left then', async () => {
    const { clock, store, locations, registrar } = site();
    let release = (): void => undefined;
    const apply = store.contacts.apply;
    store.contacts.apply = async (changes) => {
      await new Promise<void>((resolve) => (release = resolve));
      return apply(changes);
    };
    const res = new FakeResponder();
    registrar.register(request({ contact: '<sip:a@h>;expires=100' }), res, extension('1001'));
    expect(locations.lookup('1001')).toHaveLength(1);
    clock.advance(5000);
    await settle();
    expect(res.answers).toEqual([]);
    release();
    await settle();
    expect(store.kept.has('1001 sip:a@h')).toBe(true);
    expect(res.answer).toMatchObject({ status: 200, headers: { Contact: '<sip:a@h>;expires=95' } });
  });

  test('nor is a removal', async () => {
    const { clock, store, registrar } = site();
    registrar.register(request({ contact: '<sip:a@h>' }), new FakeResponder(), extension('1001'));
    clock.advance(0);
    await settle();
    const res = new FakeResponder();
    registrar.register(request({ contact: '*', expires: '0', cseq: '2 REGISTER' }), res, extension('1001'));
    expect([res.answers, store.kept.size]).toEqual([[], 1]);
    clock.advance(25);
    await settle();
    expect([res.answer.status, store.kept.size]).toEqual([200, 0]);
  });

  test('a store that cannot be written: 503 and when to come again; the phone is reached meanwhile, and stored later', async () => {
    const { clock, store, locations, registrar } = site();
    store.fail = new Error('disk full');
    const res = new FakeResponder();
    registrar.register(request({ contact: '<sip:a@h>' }), res, extension('1001'));
    clock.advance(0);
    await settle();
    expect(res.answer).toEqual({ status: 503, reason: 'Registrations cannot be stored', headers: { 'Retry-After': '30' } });
    expect(locations.lookup('1001')).toHaveLength(1);
    expect(registrar.stats()).toEqual({ accepted: 0, queries: 0, refused: { 503: 1 } });
    store.fail = undefined;
    clock.advance(1000);
    await settle();
    expect(store.kept.size).toBe(1);
  });

  test('a query waits for nobody', () => {
    const { registrar } = site();
    const res = new FakeResponder();
    registrar.register(request({}), res, extension('1001'));
    expect(res.answer.status).toBe(200);
  });
});
