import { join } from 'node:path';
import { openStore, type Room } from '../../../signaling/store/store';
import { NOW, offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const run = (...argv: string[]) => offhook(folder.path, ['room', ...argv]);

async function stored(number: string): Promise<Room | undefined> {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  try {
    return await store.rooms.get(number);
  } finally {
    await store.close();
  }
}

const plain: Room = {
  number: '500', name: null, pin: null, moderatorPin: null, maxMembers: 300, announce: false, simple: false, startMuted: false, waitForModerator: false, record: false, createdAt: NOW,
};

describe('room add', () => {
  it('makes a room that everybody can dial', async () => {
    expect(await run('add', '500')).toEqual({ code: 0, out: 'Room 500 was added: dial 500.\n', err: '' });
    expect(await stored('500')).toEqual(plain);
  });

  it('takes everything that can be set', async () => {
    const { code, out } = await run(
      'add', '500', '--name', 'Sales', '--pin', '1234', '--moderator-pin', '98765', '--max-members', '20', '--announce', 'on', '--simple', 'on', '--start-muted', 'on', '--wait-for-moderator', 'on', '--record', 'on', '--json',
    );
    const full = { ...plain, name: 'Sales', pin: '1234', moderatorPin: '98765', maxMembers: 20, announce: true, simple: true, startMuted: true, waitForModerator: true, record: true };
    expect([code, JSON.parse(out)]).toEqual([0, { ...full, createdAt: '2026-01-01T00:00:00.000Z' }]);
    expect(await stored('500')).toEqual(full);
  });

  it.each<[string, string[], RegExp]>([
    ['a service number', ['701'], /“701” cannot be a conference room: 701 is reserved for parking calls\./],
    ['no number', ['blue'], /must be 2 to 15 digits/],
    ['the party line', ['8000'], /Room 8000 exists already/],
    ['a PIN of letters', ['500', '--pin', '12a4'], /3 to 10 digits/],
    ['a short PIN', ['500', '--moderator-pin', '12'], /3 to 10 digits/],
    ['one PIN for both', ['500', '--pin', '123', '--moderator-pin', '123'], /different/],
    ['waiting for nobody', ['500', '--wait-for-moderator', 'on'], /needs a --moderator-pin/],
    ['a number beyond 16 bits', ['70000', '--simple', 'on'], /16 bits .* 70000 does not fit/],
    ['a 0 in front', ['0500', '--simple', 'on'], /does not fit/],
    ['nobody at all', ['500', '--max-members', '0'], /from 1 to 2000/],
    ['a name with a line break', ['500', '--name', 'a\nb'], /control character/],
  ])('refuses %s, in one sentence', async (_what, argv, sentence) => {
    const { code, out, err } = await run('add', ...argv);
    expect([code > 0, out]).toEqual([true, '']);
    expect(err).toMatch(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('and an extension cannot have the same number, whoever was first', async () => {
    await run('add', '500');
    expect((await offhook(folder.path, ['extension', 'add', '500'])).err).toContain('it is the number of a conference room');
    await offhook(folder.path, ['extension', 'add', '501']);
    expect((await run('add', '501')).err).toContain('it is the number of an extension');
    expect((await run('add', '500')).err).toContain('Room 500 exists already.');
  });
});

describe('room list and show', () => {
  it('tell what there is; the PIN only who asks for that room', async () => {
    await run('add', '500', '--name', 'Sales', '--pin', '1234', '--announce', 'on');
    await run('add', '501', '--moderator-pin', '777');
    const { out } = await run('list');
    expect(out.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
      ['NUMBER', 'NAME', 'PIN', 'MAX', 'NAMES', 'SIMPLE'], ['500', 'Sales', 'yes', '300', 'yes', 'no'], ['501', 'moderators', '300', 'no', 'no'], ['8000', 'Party line', 'no', '300', 'no', 'yes'], [''],
    ]);
    expect(out).not.toContain('1234');
    expect((await run('show', '500')).out).toMatch(/^PIN +1234$/m);
    expect(JSON.parse((await run('show', '8000', '--json')).out)).toMatchObject({ number: '8000', createdAt: null });
    expect((JSON.parse((await run('list', '--json')).out) as unknown[]).length).toBe(3);
    expect((await run('show', '502')).err).toBe('offhook: There is no room 502.\n');
  });
});

describe('room set', () => {
  beforeEach(() => run('add', '500', '--pin', '1234', '--moderator-pin', '777'));

  it('changes what is named, and nothing else; an empty PIN takes it away', async () => {
    expect((await run('set', '500', '--announce', 'on', '--pin', '')).out).toBe('Room 500 was changed.\n');
    expect(await stored('500')).toEqual({ ...plain, moderatorPin: '777', announce: true });
    expect((await run('set', '8000', '--simple', 'off')).code).toBe(0);
  });

  it('leaves a room as it was that could not be so', async () => {
    await run('set', '500', '--wait-for-moderator', 'on');
    expect((await run('set', '500', '--moderator-pin', '', '--name', 'x')).err).toContain('needs a --moderator-pin');
    expect(await stored('500')).toMatchObject({ name: null, moderatorPin: '777' });
  });

  it('says when there is nothing to do', async () => {
    expect((await run('set', '500')).code).toBe(2);
    expect((await run('set', '502', '--name', 'x')).err).toContain('There is no room 502');
  });
});

describe('room remove', () => {
  it('removes a room, but not the party line', async () => {
    await run('add', '500');
    expect((await run('remove', '500')).out).toBe('Room 500 was removed.\n');
    expect((await run('remove', '500')).err).toContain('There is no room 500');
    const { code, err } = await run('remove', '8000');
    expect([code, err]).toEqual([2, expect.stringContaining('always there')]);
    expect(await stored('8000')).toBeDefined();
  });
});
