/** Properties of registration that hold whatever phones send; the cases are in registrar.test.ts. */
import fc from 'fast-check';
import { sameUri } from '../../../signaling/app/addresses';
import { Locations } from '../../../signaling/app/locations';
import { Registrar } from '../../../signaling/app/registrar';
import { isRefusal, readRegistration } from '../../../signaling/app/registration';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';
import { extension, FakeResponder, MemoryStore, request } from './fakes';

const contact = fc.record({
  user: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  host: fc.constantFrom('h', 'H', 'g'),
  expires: fc.constantFrom(undefined, 0, 1, 60, 100, 5000),
  instance: fc.constantFrom(undefined, '<urn:1>', '<urn:2>'),
  regId: fc.constantFrom(undefined, 1, 2),
  q: fc.constantFrom(undefined, '0.5', 'x'),
});

const register = fc.record({
  contacts: fc.oneof({ weight: 6, arbitrary: fc.array(contact, { maxLength: 4 }) }, { weight: 1, arbitrary: fc.constant('*' as const) }),
  expires: fc.constantFrom(undefined, '0', '60', '10', 'x'),
  callId: fc.constantFrom('one', 'two'),
  cseq: fc.integer({ min: 1, max: 12 }),
  advance: fc.constantFrom(0, 0, 1, 30_000, 100_000),
});

type Register = typeof register extends fc.Arbitrary<infer T> ? T : never;

function header(contacts: Register['contacts']): string | undefined {
  if (contacts === '*') return '*';
  if (contacts.length === 0) return undefined;
  return contacts
    .map((c) => {
      let text = `<sip:${c.user}@${c.host}>`;
      if (c.expires !== undefined) text += `;expires=${c.expires}`;
      if (c.instance !== undefined) text += `;+sip.instance="${c.instance}"`;
      if (c.regId !== undefined) text += `;reg-id=${c.regId}`;
      if (c.q !== undefined) text += `;q=${c.q}`;
      return text;
    })
    .join(', ');
}

test('the bindings stay in bounds and consistent, a refusal changes nothing, and the answer and the store tell the truth', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(register, { maxLength: 25 }), async (requests) => {
      const clock = new FakeClock();
      const store = new MemoryStore('1001');
      const locations = new Locations(store, { maxExpires: 3600 }, { clock, log: silentLogger });
      const registrar = new Registrar({ minExpires: 60, maxExpires: 3600, defaultExpires: 600, maxContacts: 3 }, { locations, clock, log: silentLogger });
      for (const r of requests) {
        clock.advance(r.advance);
        const before = locations.lookup('1001');
        const res = new FakeResponder();
        registrar.register(request({ contact: header(r.contacts), expires: r.expires, 'call-id': r.callId, cseq: `${r.cseq} REGISTER` }), res, extension('1001'));
        await locations.flush();
        const after = locations.lookup('1001');
        const { status, headers } = res.answer;

        if (status !== 200) expect(after).toEqual(before);
        else expect((headers['Contact'] ?? '').split(', ').map((c) => /<(.*?)>/.exec(c)?.[1]).filter(Boolean).sort()).toEqual(after.map((b) => b.uri).sort());
        expect(after.length).toBeLessThanOrEqual(3);
        for (const b of after) {
          const left = b.expiresAt - clock.now();
          expect(left).toBeGreaterThan(0);
          expect(left).toBeLessThanOrEqual(3_600_000);
          expect(after.filter((other) => sameUri(other.uri, b.uri))).toHaveLength(1);
          if (b.instance !== null && b.regId !== null) expect(after.filter((o) => o.instance === b.instance && o.regId === b.regId)).toHaveLength(1);
        }
        for (const old of before) {
          // within a Call-ID nothing goes back
          const now = after.find((b) => b.uri === old.uri);
          if (now && now.callId === old.callId) expect(now.cseq).toBeGreaterThanOrEqual(old.cseq);
        }
      }
      await locations.close();
      const live = locations.lookup('1001').map((b) => b.uri);
      // an expired one may stay in the store until its second is over
      for (const uri of live) expect(store.kept.has(`1001 ${uri}`)).toBe(true);
      expect(store.kept.size).toBe(locations.stats().contacts);
    }),
    { numRuns: 300 },
  );
});

test('no header breaks reading, and what is granted can be sent back on one line', () => {
  const pieces = fc.array(fc.constantFrom('<sip:a@h>', 'sip:', ';expires=', '60', ';q=1', ';+sip.instance=', '"', '<', '>', ',', '*', '\\', '\r\n ', 'é', '\x00', ' '), { maxLength: 20 });
  const text = fc.oneof(fc.string({ unit: 'binary' }), pieces.map((p) => p.join('')));
  fc.assert(
    fc.property(text, text, (contact, path) => {
      const asked = readRegistration(request({ contact, path }));
      if (isRefusal(asked)) {
        expect(asked.status).toBe(400);
        return;
      }
      const sent = asked.contacts === 'all' ? [] : asked.contacts.flatMap((c) => [c.uri, c.instance ?? '']);
      for (const value of [...sent, asked.path ?? '']) expect(value).toMatch(/^[\x20-\x7e]*$/);
    }),
    { numRuns: 2000 },
  );
});
