import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ha1 } from '../../../signaling/credentials';
import { type Contact, type Extension, noDiversion, openStore, type Store } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { NOW, offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const run = (...argv: string[]) => offhook(folder.path, ['extension', ...argv]);

async function stored(number: string): Promise<Extension | undefined> {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  try {
    return await store.extensions.get(number);
  } finally {
    await store.close();
  }
}

async function register(contact: Partial<Contact> & Pick<Contact, 'extension' | 'uri'>): Promise<void> {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  const full: Contact = {
    source: 'udp:192.0.2.7:5060', instance: null, regId: null, callId: 'c', cseq: 1, expiresAt: NOW + 60_000, q: 1, userAgent: 'Phone/1.0', path: null, updatedAt: NOW,
    ...contact,
  };
  await store.contacts.apply({ put: [full], remove: [] });
  await store.close();
}

describe('extension add', () => {
  it('makes the data folder, a password that is shown once, and keeps only its digests', async () => {
    const { code, out, err } = await run('add', '1003', '--name', 'Ann');
    expect([code, err]).toEqual([0, '']);
    const password = /^Extension 1003 was added\.\nPassword \(shown only now\): (\S+)\n$/.exec(out)?.[1];
    expect(await stored('1003')).toEqual({ number: '1003', name: 'Ann', media: 'anchored', srtp: 'optional', recording: 'on-demand', createdAt: NOW, ha1: ha1('1003', 'offhook', password!) });
  });

  it('takes a password and does not repeat it', async () => {
    const { code, out } = await run('add', '1003', '--password', 'my own secret', '--media', 'direct', '--srtp', 'required');
    expect([code, out]).toEqual([0, 'Extension 1003 was added.\n']);
    expect(await stored('1003')).toMatchObject({ media: 'direct', srtp: 'required', ha1: ha1('1003', 'offhook', 'my own secret') });
  });

  it('answers in JSON', async () => {
    const made = await run('add', '1003', '--json');
    expect(JSON.parse(made.out)).toEqual({
      number: '1003', name: null, media: 'anchored', srtp: 'optional', recording: 'on-demand', createdAt: '2026-01-01T00:00:00.000Z', contacts: [], diversion: noDiversion, password: expect.any(String) as string,
    });
    const given = await run('add', '1004', '--password', 'my own secret', '--json');
    expect(given.out).not.toContain('secret');
  });

  it('uses the realm that the other passwords were made for', async () => {
    await run('add', '1003', '--set', 'sip.realm=first');
    await run('add', '1004', '--set', 'sip.realm=second', '--password', 'secret');
    expect((await stored('1004'))?.ha1).toEqual(ha1('1004', 'first', 'secret'));
  });

  it.each([
    [['add', '1001', '--password', 'abc'], 2, 'fewer than 6 characters'],
    [['add', '700'], 2, '“700” cannot be an extension: 700 is reserved for parking calls.'],
    [['add', 'ann'], 2, '“ann” cannot be an extension: it must be 2 to 15 digits.'],
    [['add', '1001', '--name', 'a\nb'], 2, 'control character'],
    [['add', '1001', '--name', 'x'.repeat(65)], 2, 'more than 64'],
    [['add', '1001', '--media', 'magic'], 2, 'Allowed choices are anchored, direct'],
    [['add', '1001', '--srtp', 'always'], 2, 'Allowed choices are off, optional, required'],
    [['add'], 2, "missing required argument 'number'"],
    [['add', '1001', '1002'], 2, 'too many arguments'],
  ])('refuses %j', async (argv, code, sentence) => {
    const outcome = await run(...argv);
    expect([outcome.code, outcome.out]).toEqual([code, '']);
    expect(outcome.err).toContain(sentence);
    expect(existsSync(join(folder.path, 'data'))).toBe(false);
  });

  it('refuses a number that is taken', async () => {
    await run('add', '1001');
    expect(await run('add', '1001')).toEqual({ code: 1, out: '', err: 'offhook: Extension 1001 exists already.\n' });
  });

  it('finds the data folder by flag, by environment and by configuration', async () => {
    await run('add', '1001', '--data', 'here');
    await offhook(folder.path, ['extension', 'add', '1002'], { env: { OFFHOOK_DATA: 'there' } });
    await offhook(folder.path, ['extension', 'add', '1003'], { defaults: { data: join(folder.path, 'default') } });
    expect(['here', 'there', 'default'].map((name) => existsSync(join(folder.path, name, 'offhook.db')))).toEqual([true, true, true]);
  });
});

describe('extension list and show', () => {
  it.each([[['list']], [['show', '1001']], [['set', '1001', '--name', 'x']], [['remove', '1001']]])('%j says when there is no data, and makes none', async (argv) => {
    const { code, err } = await run(...argv);
    expect([code, err]).toEqual([1, expect.stringContaining(`There is no Offhook data in ${join(folder.path, 'data')}.`)]);
    expect(existsSync(join(folder.path, 'data'))).toBe(false);
  });

  it('show who there is and who is registered, without digests', async () => {
    await run('add', '1001', '--name', 'Ann');
    await run('add', '1002', '--media', 'direct', '--srtp', 'off', '--recording', 'always');
    await register({ extension: '1001', uri: 'sip:1001@192.0.2.7' });
    await register({ extension: '1001', uri: 'sip:1001@192.0.2.8' });
    await register({ extension: '1002', uri: 'sip:1002@192.0.2.9', expiresAt: NOW - 1 });
    expect((await run('list')).out).toBe(
      'NUMBER  NAME  MEDIA     SRTP      RECORDED   REGISTERED\n' +
        '1001    Ann   anchored  optional  on-demand  2 phones\n' +
        '1002          direct    off       always     no\n',
    );
    const { out } = await run('show', '1001');
    expect(out).toContain('registered  2 phones\n');
    expect(out).toContain('  sip:1001@192.0.2.7 from udp:192.0.2.7:5060, Phone/1.0, for 60 s more\n');
    const listed = JSON.parse((await run('list', '--json')).out) as Array<{ number: string; contacts: unknown[] }>;
    expect(listed.map((one) => [one.number, one.contacts.length])).toEqual([['1001', 2], ['1002', 0]]);
    expect(JSON.stringify(listed)).not.toContain('ha1');
    expect(JSON.parse((await run('show', '1001', '--json')).out)).toMatchObject({ number: '1001', contacts: [{ userAgent: 'Phone/1.0' }, {}] });
  });

  it('of an empty store', async () => {
    await run('add', '1001');
    await run('remove', '1001');
    expect((await run('list')).out).toContain('There are no extensions.');
    expect((await run('list', '--json')).out).toBe('[]\n');
    expect(await run('show', '1001')).toEqual({ code: 1, out: '', err: 'offhook: There is no extension 1001.\n' });
  });
});

describe('extension set', () => {
  beforeEach(() => run('add', '1001', '--password', 'first secret', '--name', 'Ann'));

  it('changes what is named and nothing else', async () => {
    expect((await run('set', '1001', '--srtp', 'required')).code).toBe(0);
    expect((await run('set', '1001', '--recording', 'never')).code).toBe(0);
    expect(await stored('1001')).toMatchObject({ recording: 'never' });
    expect(await stored('1001')).toMatchObject({ srtp: 'required' });
    expect(await run('set', '1001', '--media', 'direct')).toEqual({ code: 0, out: 'Extension 1001 was changed.\n', err: '' });
    expect(await stored('1001')).toMatchObject({ name: 'Ann', media: 'direct', ha1: ha1('1001', 'offhook', 'first secret') });
    await run('set', '1001', '--name', '');
    expect((await stored('1001'))?.name).toBeNull();
  });

  it('says where its calls go', async () => {
    expect((await run('show', '1001')).out).toMatch(/forwarded +-\n/);
    expect((await run('set', '1001', '--forward-always', 'voicemail', '--forward-busy', '1003', '--ring-seconds', '20', '--do-not-disturb', 'on')).code).toBe(0);
    expect((await stored('1001'))?.diversion).toEqual({ ...noDiversion, always: 'voicemail', busy: '1003', ringSeconds: 20, doNotDisturb: true });
    expect((await run('set', '1001', '--forward-always', 'none', '--forward-no-answer', '*97', '--forward-offline', '+491711234567')).code).toBe(0);
    expect((await run('show', '1001')).out).toMatch(/forwarded +when busy to 1003, when nobody answers to \*97, when offline to \+491711234567\nrings for +20 s\ndo not disturb +on\n/);
    await run('set', '1001', '--forward-busy', 'none', '--forward-no-answer', 'none', '--forward-offline', 'none', '--ring-seconds', 'default', '--do-not-disturb', 'off');
    expect(await stored('1001')).not.toHaveProperty('diversion');
    expect((JSON.parse((await run('show', '1001', '--json')).out) as { diversion: unknown }).diversion).toEqual(noDiversion);
  });

  it.each([
    [['--forward-always', '1001'], 'Calls cannot be forwarded to “1001”: it is the extension itself.'],
    [['--forward-busy', 'my phone'], 'Calls cannot be forwarded to “my phone”: it must be a number, or “voicemail”.'],
    [['--forward-busy', '1003', '--ring-seconds', '0'], '--ring-seconds 0: it must be 1 to 3600, or default.'],
  ])('refuses %j, and changes nothing', async (options, problem) => {
    const result = await run('set', '1001', ...options);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err).toContain(problem);
    expect(await stored('1001')).not.toHaveProperty('diversion');
  });

  it('takes another password, or makes one and shows it', async () => {
    await run('set', '1001', '--password', 'second secret');
    expect((await stored('1001'))?.ha1).toEqual(ha1('1001', 'offhook', 'second secret'));
    const { password } = JSON.parse((await run('set', '1001', '--new-password', '--json')).out) as { password: string };
    expect((await stored('1001'))?.ha1).toEqual(ha1('1001', 'offhook', password));
    expect((await run('set', '1001', '--new-password')).out).toMatch(/shown only now\): \S{20}\n$/);
  });

  it.each([
    [['set', '1001'], 2, 'Nothing to change'],
    [['set', '1002', '--name', 'x'], 1, 'There is no extension 1002.'],
    [['set', '1001', '--password', 'secret secret', '--new-password'], 2, 'cannot be used with'],
    [['set', '1001', '--password', 'x'], 2, 'fewer than 6'],
  ])('refuses %j', async (argv, code, sentence) => {
    const outcome = await run(...argv);
    expect([outcome.code, outcome.out]).toEqual([code, '']);
    expect(outcome.err).toContain(sentence);
  });
});

describe('extension remove', () => {
  it('removes the extension and its registrations', async () => {
    await run('add', '1001');
    await register({ extension: '1001', uri: 'sip:a@h' });
    expect(await run('remove', '1001')).toEqual({ code: 0, out: 'Extension 1001 was removed.\n', err: '' });
    expect(await run('remove', '1001')).toEqual({ code: 1, out: '', err: 'offhook: There is no extension 1001.\n' });
    expect(await stored('1001')).toBeUndefined();
  });
});

describe('while something else writes', () => {
  let store: Store;
  let letGo: () => void;
  let held: Promise<void>;
  beforeEach(async () => {
    await run('add', '1001');
    store = await openStore({ dataDir: join(folder.path, 'data') });
    held = store.transaction(() => new Promise<void>((resolve) => (letGo = resolve)));
  });
  afterEach(async () => {
    letGo();
    await held;
    await store.close();
  });

  async function waiting(clock: FakeClock): Promise<void> {
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  it('a command waits for its turn', async () => {
    const clock = new FakeClock(NOW);
    const command = offhook(folder.path, ['extension', 'add', '1002'], { clock });
    await waiting(clock);
    letGo();
    await held;
    clock.advance(20);
    expect((await command).code).toBe(0);
  });

  it('and gives up after a while, saying why', async () => {
    const clock = new FakeClock(NOW);
    const command = offhook(folder.path, ['extension', 'add', '1002'], { clock });
    await waiting(clock);
    clock.advance(5000);
    expect(await command).toEqual({ code: 1, out: '', err: expect.stringContaining('is locked by another process. Try again.') as string });
  });
});
