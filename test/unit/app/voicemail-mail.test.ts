/** Messages by e-mail: what is sent when, and what becomes of failures. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MailboxEvent } from '../../../signaling/app/mailboxes';
import { VoicemailMail } from '../../../signaling/app/voicemail-mail';
import { MailError, type Mail, type Mailer } from '../../../signaling/mail';
import { openStore, type Store } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { extension, FakeLog } from './call-fakes';

let data: string;
let store: Store;
let clock: FakeClock;
let mail: VoicemailMail;
let sent: Mail[];
let fails: Error | undefined;
let tell: (event: MailboxEvent) => void;

const mailer: Mailer = {
  send: async (one) => {
    if (fails) throw fails;
    sent.push(one);
  },
  close: () => undefined,
};

const settle = () => mail.settled();
const open = () => {
  mail = new VoicemailMail({
    mailer, store: store.voicemail, clock, log: new FakeLog(), timeZone: 'Europe/Berlin',
    boxes: { file: ({ file }) => join(data, file), onEvent: (listener) => (tell = listener) },
  });
};

async function message(fromName: string | null = 'Ann'): Promise<number> {
  const one = await store.voicemail.begin({ mailbox: '1002', from: '1001', fromName, receivedAt: Date.UTC(2026, 0, 1, 12), file: 'm.wav' }, 10);
  await store.voicemail.update('1002', one?.id ?? 0, { state: 'new', durationMs: 64_400, mailAt: clock.wall().getTime() });
  return one?.id ?? 0;
}

async function look(ms = 0): Promise<void> {
  clock.advance(ms);
  await settle();
}

const row = async (id = 1) => {
  const { mailAt, mailTries } = (await store.voicemail.get('1002', id)) ?? { mailAt: undefined, mailTries: undefined };
  return [mailAt == null ? mailAt : (mailAt - clock.wall().getTime()) / 60_000, mailTries];
};

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'offhook-mail-'));
  store = await openStore({ dataDir: data });
  await store.extensions.add(extension('1002'));
  await store.voicemail.set('1002', { email: 'bob@example.com' });
  writeFileSync(join(data, 'm.wav'), 'sound');
  clock = new FakeClock();
  sent = [];
  fails = undefined;
  open();
});
afterEach(async () => {
  await mail.close();
  await store.close();
  rmSync(data, { recursive: true, force: true });
});

test('a message that was left is sent at once, once', async () => {
  await message();
  tell({ mailbox: '1002', kind: 'heard', message: 1, from: '1002' });
  await settle();
  expect(sent).toEqual([]);
  tell({ mailbox: '1002', kind: 'new', message: 1, from: '1002' });
  tell({ mailbox: '1002', kind: 'new', message: 1, from: '1002' });
  await settle();
  expect(sent).toEqual([{
    to: 'bob@example.com',
    subject: 'Voice message from Ann (1001)',
    text: expect.stringMatching(/^Ann \(1001\) left a message of 1:04 minutes for extension 1002\nThursday.* 1 January 2026.* 13:00 \(Europe\/Berlin\)/) as string,
    attachment: { name: 'message-1-from-1001.wav', path: join(data, 'm.wav'), type: 'audio/wav' },
  }]);
  expect([await row(), clock.waiting, mail.stats()]).toEqual([[null, 0], 0, { sent: 1, failed: 0, givenUp: 0 }]);
});

test('failures are tried again, later each time', async () => {
  await message();
  fails = new MailError('connection refused', false);
  mail.wake();
  await settle();
  for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
    expect((await row())[0]).toBe(minutes);
    await look(minutes * 60_000);
  }
  fails = undefined;
  await look(60 * 60_000);
  expect([sent.length, (await row())[0], mail.stats()]).toEqual([1, null, { sent: 1, failed: 9, givenUp: 0 }]);
});

test('what is waiting is sent after a restart', async () => {
  await message();
  fails = new Error('no route');
  mail.wake();
  await settle();
  await mail.close();
  await look(3_600_000);
  expect(mail.stats().failed).toBe(1);
  fails = undefined;
  open();
  mail.wake();
  await settle();
  expect(sent).toHaveLength(1);
});

test('what the mail server refuses for good is given up, and after two days everything is', async () => {
  await message();
  fails = new MailError('550 no such user', true);
  mail.wake();
  await settle();
  expect([await row(), mail.stats()]).toEqual([[null, 1], { sent: 0, failed: 1, givenUp: 1 }]);
  const id = await message(null);
  await store.voicemail.update('1002', id, { mailTries: 53 });
  fails = new MailError('timeout', false);
  mail.wake();
  await settle();
  expect([await row(id), mail.stats().givenUp]).toEqual([[null, 54], 2]);
});

test('a message that was deleted, or that nobody wants by e-mail any more, is not sent', async () => {
  const id = await message();
  rmSync(join(data, 'm.wav'));
  mail.wake();
  await settle();
  expect(await row(id)).toEqual([null, 0]);
  writeFileSync(join(data, 'm.wav'), 'sound');
  const other = await message();
  await store.voicemail.set('1002', { email: null });
  mail.wake();
  await settle();
  expect([await row(other), sent, mail.stats()]).toEqual([[null, 0], [], { sent: 0, failed: 0, givenUp: 0 }]);
});

test('a store that is busy is asked again', async () => {
  await message();
  const { due } = store.voicemail;
  const broken: Store['voicemail'] = { ...store.voicemail, due: () => Promise.reject(new Error('busy')) };
  mail = new VoicemailMail({ mailer, store: broken, clock, log: new FakeLog(), timeZone: 'UTC', boxes: { file: ({ file }) => join(data, file), onEvent: () => undefined } });
  mail.wake();
  await settle();
  expect(clock.waiting).toBe(1);
  broken.due = due;
  await look(60_000);
  expect(sent).toHaveLength(1);
});
