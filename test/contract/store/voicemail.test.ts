/** What every store must do with mailboxes and their messages. */
import type { Extension, Store, VoiceMessage } from '../../../signaling/store/store';
import { unless } from '../../support/peers';
import { code, implementations, type Place } from './implementations';

const AT = Date.UTC(2026, 0, 1);

const extension = (number: string): Extension => ({
  number, name: null, ha1: { md5: number.padStart(32, '0'), sha256: number.padStart(64, '0') }, media: 'anchored', srtp: 'optional', recording: 'on-demand', createdAt: AT,
});

const incoming = (mailbox: string, more: Partial<Parameters<Store['voicemail']['begin']>[0]> = {}): Parameters<Store['voicemail']['begin']>[0] => ({
  mailbox, from: '1002', fromName: 'Böb', receivedAt: AT, file: 'a.wav', ...more,
});

describe.each(implementations)('voicemail in the store: $name', (implementation) => {
  unless(implementation.missing())('contract', () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await implementation.place();
      store = await place.open();
      for (const number of ['1001', '1002']) await store.extensions.add(extension(number));
    });
    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    const begin = async (mailbox: string, more: Partial<Parameters<Store['voicemail']['begin']>[0]> = {}): Promise<VoiceMessage> => {
      const message = await store.voicemail.begin(incoming(mailbox, more), 100);
      if (!message) throw new Error('the mailbox is full');
      return message;
    };

    it('every number has a mailbox with defaults, which keeps what is set, field by field', async () => {
      const fresh = { number: '1001', enabled: true, pin: null, email: null, greeting: null };
      expect(await store.voicemail.mailbox('1001')).toEqual(fresh);
      expect(await store.voicemail.mailboxes()).toEqual([]);
      await store.voicemail.set('1001', { enabled: false });
      await store.voicemail.set('1001', { email: 'ann@example.com', pin: 'x' });
      await store.voicemail.set('1001', { greeting: 'g.wav' });
      await store.voicemail.set('1001', {});
      const full = { number: '1001', enabled: false, pin: 'x', email: 'ann@example.com', greeting: 'g.wav' };
      expect(await store.voicemail.mailbox('1001')).toEqual(full);
      expect(await store.voicemail.mailboxes()).toEqual([full]);
      await store.voicemail.set('1001', { enabled: true, pin: null, email: null, greeting: null });
      expect(await store.voicemail.mailbox('1001')).toEqual(fresh);
      expect(await code(store.voicemail.set('1009', { enabled: false }))).toBe('store.not-found');
    });

    it('all counts are those of each, of mailboxes that are not empty', async () => {
      expect(await store.voicemail.allCounts()).toEqual(new Map());
      for (const [mailbox, states] of [['1001', ['new', 'saved', 'new']], ['1002', ['saved', 'recording']]] as const) {
        for (const state of states) await store.voicemail.update(mailbox, (await begin(mailbox)).id, { state });
      }
      await store.extensions.add(extension('1003'));
      await begin('1003');
      expect(await store.voicemail.allCounts()).toEqual(new Map([['1001', { new: 2, saved: 1 }], ['1002', { new: 0, saved: 1 }]]));
    });

    it('messages begin as being recorded, and come back as they are', async () => {
      const message = await begin('1001');
      expect(message).toEqual({ mailbox: '1001', id: 1, state: 'recording', from: '1002', fromName: 'Böb', receivedAt: AT, durationMs: 0, file: 'a.wav', mailAt: null, mailTries: 0 });
      expect(await store.voicemail.get('1001', 1)).toEqual(message);
      expect(await store.voicemail.get('1002', 1)).toBeUndefined();
      expect(await store.voicemail.counts('1001')).toEqual({ new: 0, saved: 0 });
      expect(await store.voicemail.update('1001', 1, { state: 'new', durationMs: 3020, mailAt: AT + 5 })).toBe(true);
      expect(await store.voicemail.get('1001', 1)).toEqual({ ...message, state: 'new', durationMs: 3020, mailAt: AT + 5 });
      expect(await store.voicemail.counts('1001')).toEqual({ new: 1, saved: 0 });
      expect(await store.voicemail.update('1001', 1, { state: 'saved', mailAt: null, mailTries: 2 })).toBe(true);
      expect(await store.voicemail.counts('1001')).toEqual({ new: 0, saved: 1 });
      expect(await store.voicemail.update('1001', 1, {})).toBe(true);
      expect(await store.voicemail.update('1001', 9, { state: 'new' })).toBe(false);
      expect(await code(store.voicemail.begin(incoming('1009'), 5))).toBe('store.not-found');
    });

    it('ids count up in each mailbox and are not given twice', async () => {
      expect([(await begin('1001')).id, (await begin('1001')).id, (await begin('1002')).id]).toEqual([1, 2, 1]);
      expect(await store.voicemail.remove('1001', 2)).toBe(true);
      expect(await store.voicemail.remove('1001', 2)).toBe(false);
      expect((await begin('1001')).id).toBe(3);
    });

    it('a mailbox takes so many and no more, also when they come at once', async () => {
      const begun = await Promise.all([1, 2, 3, 4, 5].map(() => store.voicemail.begin(incoming('1001'), 3)));
      expect(begun.filter((one) => one !== undefined).map((one) => one.id)).toEqual([1, 2, 3]);
      await store.voicemail.remove('1001', 1);
      expect((await store.voicemail.begin(incoming('1001'), 3))?.id).toBe(4);
    });

    it('messages are listed the oldest first, by mailbox and by state', async () => {
      for (const mailbox of ['1002', '1001', '1001']) await begin(mailbox);
      await store.voicemail.update('1001', 2, { state: 'new' });
      const listed = async (filter?: Parameters<Store['voicemail']['list']>[0]) => (await store.voicemail.list(filter)).map(({ mailbox, id }) => `${mailbox} ${id}`);
      expect(await listed()).toEqual(['1001 1', '1001 2', '1002 1']);
      expect(await listed({ mailbox: '1001' })).toEqual(['1001 1', '1001 2']);
      expect(await listed({ state: 'recording' })).toEqual(['1001 1', '1002 1']);
      expect(await listed({ mailbox: '1002', state: 'new' })).toEqual([]);
    });

    it('knows which are to be mailed, and when the next one is', async () => {
      for (const mailbox of ['1001', '1001', '1002']) await begin(mailbox);
      expect(await store.voicemail.nextDue()).toBeUndefined();
      await store.voicemail.update('1001', 1, { mailAt: AT + 2 });
      await store.voicemail.update('1002', 1, { mailAt: AT + 1 });
      expect(await store.voicemail.nextDue()).toBe(AT + 1);
      const due = async (before: number, limit = 10) => (await store.voicemail.due(before, limit)).map(({ mailbox }) => mailbox);
      expect([await due(AT), await due(AT + 1), await due(AT + 5), await due(AT + 5, 1)]).toEqual([[], ['1002'], ['1002', '1001'], ['1002']]);
    });

    it('go with their extension, and a new one of that number begins afresh', async () => {
      await begin('1001');
      await begin('1002');
      await store.voicemail.set('1001', { pin: 'x' });
      await store.extensions.remove('1001');
      expect((await store.voicemail.list()).map((one) => one.mailbox)).toEqual(['1002']);
      await store.extensions.add(extension('1001'));
      expect(await store.voicemail.mailbox('1001')).toMatchObject({ pin: null });
    });

    it('are all there after a restart', async () => {
      await begin('1001');
      await store.voicemail.update('1001', 1, { state: 'new' });
      await store.close();
      store = await place.open();
      expect(await store.voicemail.counts('1001')).toEqual({ new: 1, saved: 0 });
    });
  });
});
