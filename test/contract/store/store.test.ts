/** What every store must do. */
import fc from 'fast-check';
import { noDiversion, type Contact, type Extension, type Store } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { code, implementations, type Place } from './implementations';

const extension = (number: string, more: Partial<Extension> = {}): Extension => ({
  number,
  name: null,
  ha1: { md5: number.padStart(32, '0'), sha256: number.padStart(64, '0') },
  media: 'anchored', srtp: 'optional', recording: 'on-demand',
  createdAt: Date.UTC(2026, 0, 1),
  ...more,
});

const contact = (number: string, uri: string, more: Partial<Contact> = {}): Contact => ({
  extension: number,
  uri,
  source: 'udp:192.0.2.7:5060',
  instance: null,
  regId: null,
  callId: 'a84b4c76e66710@192.0.2.7',
  cseq: 1,
  expiresAt: Date.UTC(2026, 0, 1, 1),
  q: 1,
  userAgent: null,
  path: null,
  updatedAt: Date.UTC(2026, 0, 1),
  ...more,
});

describe.each(implementations)('the store: $name', (implementation) => {
  unless(implementation.missing())('contract', () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await implementation.place();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    describe('extensions', () => {
      it('come back as they were added', async () => {
        const full = extension('1001', { name: 'Ann Ölmütz 电话', media: 'direct', createdAt: 1_798_761_600_123 });
        await store.extensions.add(full);
        expect(await store.extensions.get('1001')).toEqual(full);
        expect(await store.extensions.get('1002')).toBeUndefined();
      });

      it('are listed by number, shorter ones first, and counted', async () => {
        for (const number of ['1002', '99', '1001', '101']) await store.extensions.add(extension(number));
        expect((await store.extensions.list()).map((one) => one.number)).toEqual(['99', '101', '1001', '1002']);
        expect(await store.extensions.count()).toBe(4);
        expect((await store.extensions.list({ after: '101', limit: 1 })).map(({ number }) => number)).toEqual(['1001']);
      });

      it('are not added twice', async () => {
        await store.extensions.add(extension('1001', { name: 'first' }));
        expect(await code(store.extensions.add(extension('1001', { name: 'second' })))).toBe('store.exists');
        expect((await store.extensions.get('1001'))?.name).toBe('first');
      });

      it('are updated field by field', async () => {
        await store.extensions.add(extension('1001', { name: 'Ann' }));
        await store.extensions.update('1001', { media: 'direct' });
        await store.extensions.update('1001', { ha1: { md5: 'f'.repeat(32), sha256: 'e'.repeat(64) } });
        await store.extensions.update('1001', {});
        await store.extensions.update('1001', { diversion: { busy: '1003', doNotDisturb: true } });
        await store.extensions.update('1001', { diversion: { doNotDisturb: false, ringSeconds: 9 } });
        expect((await store.extensions.get('1001'))?.diversion).toEqual({ ...noDiversion, busy: '1003', ringSeconds: 9 });
        await store.extensions.update('1001', { diversion: { busy: null, ringSeconds: null } });
        expect(await store.extensions.get('1001')).toEqual(
          extension('1001', { name: 'Ann', media: 'direct', ha1: { md5: 'f'.repeat(32), sha256: 'e'.repeat(64) } }),
        );
        await store.extensions.update('1001', { name: null });
        expect((await store.extensions.get('1001'))?.name).toBeNull();
      });

      it('that do not exist cannot be updated or removed', async () => {
        expect(await code(store.extensions.update('1001', { name: 'x' }))).toBe('store.not-found');
        expect(await code(store.extensions.update('1001', {}))).toBe('store.not-found');
        expect(await store.extensions.remove('1001')).toBe(false);
      });

      it('take their contacts with them', async () => {
        await store.extensions.add(extension('1001'));
        await store.extensions.add(extension('1002'));
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h'), contact('1002', 'sip:b@h')], remove: [] });
        expect(await store.extensions.remove('1001')).toBe(true);
        expect(await store.extensions.get('1001')).toBeUndefined();
        expect((await store.contacts.all()).map((one) => one.uri)).toEqual(['sip:b@h']);
      });
    });

    describe('contacts', () => {
      beforeEach(async () => {
        await store.extensions.add(extension('1001'));
        await store.extensions.add(extension('1002'));
      });

      it('come back as they were put, every field', async () => {
        const full = contact('1001', 'sip:1001@192.0.2.7:5060;transport=tcp;x="ü"', {
          source: 'tcp:[2001:db8::7]:49152',
          instance: '<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>',
          regId: 1,
          cseq: 4_294_967_295,
          q: 0.7,
          userAgent: "O'Phone \"1\"; -- 2",
          path: '<sip:p1.example;lr>,<sip:p2.example;lr>',
        });
        await store.contacts.apply({ put: [full], remove: [] });
        expect(await store.contacts.all()).toEqual([full]);
      });

      it('are replaced by extension and URI, and several may stand for one extension', async () => {
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h'), contact('1001', 'sip:b@h'), contact('1002', 'sip:a@h')], remove: [] });
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h', { cseq: 2, userAgent: 'new' })], remove: [] });
        expect((await store.contacts.of('1001')).map((one) => [one.uri, one.cseq]).sort()).toEqual([['sip:a@h', 2], ['sip:b@h', 1]]);
        expect((await store.contacts.of('1002')).map((one) => one.cseq)).toEqual([1]);
      });

      it('are removed before others are put; removing what is not there is no error', async () => {
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h'), contact('1001', 'sip:b@h')], remove: [] });
        await store.contacts.apply({
          put: [contact('1001', 'sip:a@h', { cseq: 9 })],
          remove: [{ extension: '1001', uri: 'sip:a@h' }, { extension: '1001', uri: 'sip:b@h' }, { extension: '1002', uri: 'sip:none@h' }],
        });
        expect((await store.contacts.all()).map((one) => [one.uri, one.cseq])).toEqual([['sip:a@h', 9]]);
      });

      it('put twice in one batch: the last one counts', async () => {
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h', { cseq: 1 }), contact('1001', 'sip:a@h', { cseq: 2 })], remove: [] });
        expect((await store.contacts.all()).map((one) => one.cseq)).toEqual([2]);
      });

      it('of an extension that is gone are left out, the rest of the batch is kept', async () => {
        await store.extensions.remove('1002');
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h'), contact('1002', 'sip:b@h')], remove: [] });
        expect((await store.contacts.all()).map((one) => one.extension)).toEqual(['1001']);
      });

      it('are all or nothing', async () => {
        const bad = contact('1001', 'sip:bad@h', { callId: null as unknown as string });
        expect(await code(store.contacts.apply({ put: [contact('1001', 'sip:a@h'), bad], remove: [] }))).toBe('store.failed');
        expect(await store.contacts.all()).toEqual([]);
      });

      it('come a thousand and more at a time', async () => {
        const many = Array.from({ length: 1500 }, (_, index) => contact('1001', `sip:${index}@h`, { cseq: index }));
        await store.contacts.apply({ put: many, remove: [] });
        expect(await store.contacts.all()).toHaveLength(1500);
        await store.contacts.apply({ put: [], remove: many.slice(0, 1200) });
        expect((await store.contacts.all()).map((one) => one.cseq).sort((a, b) => a - b)).toEqual(many.slice(1200).map((one) => one.cseq));
      });

      it('come in batches of any size, each contact as it is', async () => {
        for (const size of [1, 2, 3, 7, 11, 127, 128, 129, 300]) {
          const batch = Array.from({ length: size }, (_, i) => contact(i % 3 === 0 ? '1002' : '1001', `sip:${i}@h`, { cseq: 1000 * size + i, userAgent: `phone ${i}` }));
          await store.contacts.apply({ put: batch, remove: [] });
          const found = new Map((await store.contacts.all()).map((one) => [one.uri, one]));
          for (const one of batch) expect(found.get(one.uri)).toEqual(one);
        }
      });

      it('keep any text as it is', async () => {
        await fc.assert(
          fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 60 }), async (text) => {
            // No database keeps U+0000, and no SIP header carries it (RFC 3261 §25.1).
            const value = text.replace(/\0/g, '');
            const one = contact('1001', `sip:${value}`, { userAgent: value, callId: value });
            await store.contacts.apply({ put: [one], remove: [] });
            expect((await store.contacts.of('1001')).find((found) => found.uri === one.uri)).toEqual(one);
          }),
          { numRuns: 50 },
        );
      });
    });

    describe('meta', () => {
      it('keeps facts about the data', async () => {
        expect(await store.meta.get('realm')).toBeUndefined();
        await store.meta.set('realm', 'a');
        await store.meta.set('realm', 'b');
        expect(await store.meta.get('realm')).toBe('b');
      });
    });

    describe('transactions', () => {
      it('keep all of their work', async () => {
        const result = await store.transaction(async (tx) => {
          await tx.extensions.add(extension('1001'));
          await tx.contacts.apply({ put: [contact('1001', 'sip:a@h')], remove: [] });
          await tx.meta.set('key', 'value');
          return tx.extensions.count();
        });
        expect(result).toBe(1);
        expect([await store.contacts.all(), await store.meta.get('key')]).toEqual([[contact('1001', 'sip:a@h')], 'value']);
      });

      it('keep none of it when they fail, and pass the failure on', async () => {
        const work = store.transaction(async (tx) => {
          await tx.extensions.add(extension('1001'));
          await tx.extensions.remove('1001');
          await tx.extensions.add(extension('1002'));
          throw new Error('changed my mind');
        });
        await expect(work).rejects.toThrow('changed my mind');
        expect(await store.extensions.count()).toBe(0);
      });

      it('take turns', async () => {
        const increment = () =>
          store.transaction(async (tx) => {
            const before = Number((await tx.meta.get('n')) ?? 0);
            await tx.meta.set('n', String(before + 1));
          });
        await Promise.all(Array.from({ length: 20 }, increment));
        expect(await store.meta.get('n')).toBe('20');
      });
    });

    describe('two at once', () => {
      let other: Store;
      beforeEach(async () => (other = await place.open()));
      afterEach(() => other.close());

      it('each sees what the other wrote', async () => {
        await other.extensions.add(extension('1001'));
        expect((await store.extensions.get('1001'))?.number).toBe('1001');
        await store.extensions.remove('1001');
        expect(await other.extensions.get('1001')).toBeUndefined();
      });

      it('each is told once that the other wrote, and never of its own writing', async () => {
        await store.changed();
        await store.extensions.add(extension('1001'));
        expect(await store.changed()).toBe(false);
        await other.extensions.update('1001', { name: 'x' });
        expect([await store.changed(), await store.changed()]).toEqual([true, false]);
        expect([await other.changed(), await other.changed()]).toEqual([true, false]);
      });

      it('neither loses a write of the other', async () => {
        const add = (one: Store, first: number) =>
          Promise.all(Array.from({ length: 20 }, (_, index) => one.extensions.add(extension(String(first + index)))));
        await Promise.all([add(store, 1000), add(other, 2000)]);
        expect(await store.extensions.count()).toBe(40);
      });
    });

    describe('closing', () => {
      it('can be done twice, and what comes after is refused', async () => {
        await store.close();
        await store.close();
        expect(await code(store.extensions.list())).toBe('store.closed');
        expect(await code(store.changed())).toBe('store.closed');
        expect(await code(store.transaction(async () => undefined))).toBe('store.closed');
      });

      it('keeps the data', async () => {
        await store.extensions.add(extension('1001'));
        await store.contacts.apply({ put: [contact('1001', 'sip:a@h')], remove: [] });
        await store.close();
        store = await place.open();
        expect([(await store.extensions.list()).length, (await store.contacts.all()).length]).toEqual([1, 1]);
      });
    });
  });
});
