/** A file that says how things are: what is shown first, what becomes of it, and that it is all of it or nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { ha1 } from '../../../signaling/credentials';
import { pinFits } from '../../../signaling/pin';
import { everything } from '../../../signaling/settings/everything';
import { openStore, type Store } from '../../../signaling/store/store';
import { offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const file = (text: string): string => (writeFileSync(join(folder.path, 'all.yaml'), text), 'all.yaml');
const apply = (text: string, ...flags: string[]) => offhook(folder.path, ['apply', file(text), ...flags]);
const exported = async (...flags: string[]): Promise<string> => {
  const { code, out, err } = await offhook(folder.path, ['export', ...flags]);
  expect([code, err]).toEqual([0, '']);
  return out;
};

async function stored<T>(look: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

const FIRST = `
extensions:
  - number: 1001
    name: Anna
    password: correct horse
    srtp: off
    diversion: { noAnswer: 1002, ringSeconds: 20 }
  - number: "1002"
mailboxes:
  - { number: 1001, email: anna@example.org, pin: 0815 }
rooms:
  - number: 8100
    name: Monday
    pin: 4711
`;

it('shows what it does, does it, and has nothing to do the second time', async () => {
  const first = await apply(FIRST);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toContain('+ extension 1001\n    name: Anna\n    password: ••••\n    srtp: off\n    diversion.noAnswer: 1002\n    diversion.ringSeconds: 20\n+ extension 1002\n    password: ••••\n');
  expect(first.out).toContain('~ mailbox 1001\n    email: none → anna@example.org\n    pin: none → ••••\n');
  expect(first.out).toMatch(/\n3 added, 1 changed\nextension 1002: password \(shown only now\): \S{20}\n$/);
  expect(first.out).not.toMatch(/correct horse|4711|0815/);
  await stored(async ({ extensions, rooms, voicemail }) => {
    expect(await extensions.get('1001')).toMatchObject({ name: 'Anna', srtp: 'off', ha1: ha1('1001', 'offhook', 'correct horse'), diversion: { noAnswer: '1002', ringSeconds: 20 } });
    expect((await extensions.get('1002'))?.ha1.md5).toBe(ha1('1002', 'offhook', /only now\): (\S+)/.exec(first.out)![1]!).md5);
    expect(await rooms.get('8100')).toMatchObject({ name: 'Monday', pin: '4711' });
    const box = await voicemail.mailbox('1001');
    expect([box.email, await pinFits('0815', box.pin!)]).toEqual(['anna@example.org', true]);
  });
  expect(await apply(FIRST)).toEqual({ code: 0, err: '', out: 'Nothing to change: everything is as the file says.\n' });
});

it('leaves alone what the file does not name: things, and fields of things', async () => {
  await apply(FIRST);
  const { out } = await apply('extensions: [{ number: 1001, diversion: { doNotDisturb: true } }]\n');
  expect(out).toBe('~ extension 1001\n    diversion.doNotDisturb: false → true\n1 changed\n');
  await stored(async ({ extensions }) => expect(await extensions.get('1001')).toMatchObject({ name: 'Anna', ha1: ha1('1001', 'offhook', 'correct horse'), diversion: { noAnswer: '1002', ringSeconds: 20, doNotDisturb: true } }));
});

it('removes on demand what the file does not have, of kinds that it has; the party line stays', async () => {
  await apply(FIRST);
  const { code, out } = await apply('extensions: [{ number: 1001 }]\nrooms: []\n', '--prune');
  expect([code, out]).toEqual([0, '- room 8100\n- extension 1002\n2 removed\n']);
  await stored(async ({ extensions, rooms }) => expect([(await extensions.list()).map(({ number }) => number), (await rooms.list()).map(({ number }) => number)]).toEqual([['1001'], ['8000']]));
});

it('only shows it with --dry-run, and when the person at the terminal does not want it', async () => {
  const { out } = await apply(FIRST, '--dry-run');
  expect(out).toMatch(/3 added, 1 changed\nNothing was changed\.\n$/);
  const asked: string[] = [];
  const answer = (yes: boolean) => ({ confirm: async (question: string) => (asked.push(question), yes) });
  expect((await offhook(folder.path, ['apply', 'all.yaml'], answer(false))).out).toMatch(/Nothing was changed\.\n$/);
  await stored(async ({ extensions }) => expect(await extensions.count()).toBe(0));
  expect((await offhook(folder.path, ['apply', 'all.yaml', '--dry-run', '--yes'], answer(true))).out).toMatch(/Nothing was changed\.\n$/);
  await offhook(folder.path, ['apply', 'all.yaml'], answer(true));
  await stored(async ({ extensions }) => expect(await extensions.count()).toBe(2));
  expect(asked).toEqual(['Make it so?', 'Make it so?']);
});

it('somebody else who changes things meanwhile is not overridden', async () => {
  file(FIRST);
  const confirm = async () => {
    await offhook(folder.path, ['extension', 'add', '1002']);
    return true;
  };
  const { code, err } = await offhook(folder.path, ['apply', 'all.yaml'], { confirm });
  expect([code, err]).toEqual([1, 'offhook: Somebody else has changed what all.yaml is about while you looked at it, and nothing was changed. Apply it again.\n']);
  await stored(async ({ extensions }) => expect((await extensions.list()).map(({ number }) => number)).toEqual(['1002']));
});

it.each<[string, string, string[]]>([
  ['no YAML', 'extensions: [\n', [expect.stringMatching(/^ {2}all\.yaml:2: .+/) as unknown as string]],
  ['no map', '- x\n', [expect.stringMatching(/^ {2}all\.yaml:1: it must be a map of lists: tenants, extensions, mailboxes, rooms/) as unknown as string]],
  ['a kind that there is not', 'extensons: []\n', [expect.stringMatching(/^ {2}all\.yaml:1: there is no “extensons”; there are tenants, extensions, mailboxes, rooms/) as unknown as string]],
  ['no list', 'rooms:\n  8100: {}\n', ['  all.yaml:2: rooms must be a list']],
  ['no key', 'rooms:\n  - name: x\n', ['  all.yaml:2: room: number: must be given, as text']],
  ['twice the same', 'rooms:\n  - number: 8100\n  - number: "8100"\n', ['  all.yaml:3: room 8100 is there twice']],
  ['bad fields', 'extensions:\n  - number: 1001\n    media: both\n    diversion:\n      ringSeconds: 0\nrooms:\n  - number: 1\n    color: red\n', [
    '  all.yaml:3: extension 1001: media: Invalid option: expected one of "anchored"|"direct"', '  all.yaml:5: extension 1001: diversion.ringSeconds: expected number to be >=1',
    '  all.yaml:7: room 1: number: it must be 2 to 15 digits', '  all.yaml:8: room 1: color: there is no such field',
  ]],
  ['what is not there', 'extensions:\n  - number: 1001\nmailboxes:\n  - number: 1002\n', ['  all.yaml:4: mailbox 1002: number: there is no extension 1002']],
  ['a number that something else has', 'rooms:\n  - number: 1001\nextensions:\n  - number: 1001\n', ['  all.yaml:2: room 1001: number: it is the number of an extension']],
  ['a secret that is not there', 'rooms:\n  - number: 8100\n    pin: true\n', ['  all.yaml:3: room 8100: pin: expected string, received boolean']],
  ['digests of another realm', `extensions:\n  - number: 1001\n    password: ha1:${'a'.repeat(32)}:${'b'.repeat(64)}:elsewhere\n`, ['  all.yaml:3: extension 1001: password: is made for the realm “elsewhere”, but passwords here are for “offhook”']],
])('refuses whole, with the line: %s', async (_what, text, problems) => {
  await offhook(folder.path, ['extension', 'add', '1009']);
  const { code, out, err } = await apply(`${text}`);
  const [head, ...lines] = err.trimEnd().split('\n');
  expect([code, out, head]).toEqual([1, '', 'offhook: all.yaml cannot be applied, and nothing was changed:']);
  expect(lines).toEqual(problems);
  await stored(async ({ extensions, rooms }) => expect([(await extensions.list()).length, (await rooms.list()).length]).toEqual([1, 1]));
});

const naming = everything.filter(({ example, refers, kept }) => example && kept === undefined && (refers?.(example as never).length ?? 0) > 0);
(naming.length > 0 ? it.each(naming.map((kind) => [kind.name, kind] as const)) : it.skip.each([['none', everything[0]!] as const]))('of a %s, whatever it names has to be there', async (_name, kind) => {
  const { code, err } = await apply(stringify({ [kind.plural]: [kind.example] }));
  expect([code, err]).toEqual([1, expect.stringMatching(/^offhook: all\.yaml cannot be applied, and nothing was changed:\n {2}all\.yaml:\d+: .*: there is no /)]);
  await stored(async ({ items }) => expect(await items.all()).toEqual([]));
});

it('a file that is not there is said so', async () => {
  expect(await offhook(folder.path, ['apply', 'none.yaml'])).toMatchObject({ code: 2, err: 'offhook: The file none.yaml cannot be read: there is none.\n' });
});

it('for programs it is JSON', async () => {
  const { out } = await apply('rooms: [{ number: 8100, pin: "4711" }]\n', '--json');
  expect(JSON.parse(out)).toEqual({ applied: true, changes: [expect.objectContaining({ change: 'added', kind: 'room', key: '8100', fields: expect.arrayContaining([{ field: 'pin', secret: true }]) as unknown })] });
});

/** All examples that there are, with what they need. */
function examples(): string {
  const sections: Record<string, unknown[]> = { extensions: [{ number: '1001' }, { number: '1002' }] };
  for (const { plural, example } of everything) if (example) sections[plural] = [...(sections[plural] ?? []), example];
  return stringify(sections);
}

it('what is exported is taken into an empty folder, and exported the same', async () => {
  expect(await apply(examples())).toMatchObject({ code: 0, err: '' });
  const whole = await exported('--secrets');
  const open = await exported();
  for (const secret of ['ha1:', 'scrypt', '4711', '9302']) expect([secret, whole.includes(secret), open.includes(secret)]).toEqual([secret, true, false]);
  expect((await apply(open)).out).toBe('Nothing to change: everything is as the file says.\n');
  const other = temporaryFolder();
  try {
    writeFileSync(join(other.path, 'all.yaml'), whole);
    expect(await offhook(other.path, ['apply', 'all.yaml', '--prune'])).toMatchObject({ code: 0, err: '' });
    expect((await offhook(other.path, ['export', '--secrets'])).out).toBe(whole);
  } finally {
    other.remove();
  }
}, 20_000);

it('any extensions and rooms come back as they were', async () => {
  const name = fc.option(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text)), { nil: null });
  const target = fc.option(fc.constantFrom('voicemail', '1002', '*98', '+4930123'), { nil: null });
  const diversion = fc.record({ always: target, busy: target, ringSeconds: fc.option(fc.integer({ min: 1, max: 3600 }), { nil: null }), doNotDisturb: fc.boolean() });
  const extension = fc.record({ number: fc.integer({ min: 1100, max: 1199 }).map(String), name, media: fc.constantFrom('anchored', 'direct'), srtp: fc.constantFrom('off', 'optional', 'required'), diversion });
  const room = fc.record({ number: fc.stringMatching(/^0?8[1-9]\d\d$/), name, pin: fc.option(fc.stringMatching(/^\d{3,10}$/), { nil: null }), announce: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(extension, { selector: ({ number }) => number, maxLength: 4 }), fc.uniqueArray(room, { selector: ({ number }) => number, maxLength: 3 }), async (extensions, rooms) => {
      const [one, two] = [temporaryFolder(), temporaryFolder()];
      try {
        writeFileSync(join(one.path, 'a.yaml'), stringify({ extensions, rooms }));
        expect(await offhook(one.path, ['apply', 'a.yaml'])).toMatchObject({ code: 0, err: '' });
        const text = (await offhook(one.path, ['export', '--secrets'])).out;
        writeFileSync(join(two.path, 'b.yaml'), text);
        expect(await offhook(two.path, ['apply', 'b.yaml'])).toMatchObject({ code: 0, err: '' });
        expect((await offhook(two.path, ['export', '--secrets'])).out).toBe(text);
      } finally {
        one.remove();
        two.remove();
      }
    }),
    { numRuns: 8 },
  );
}, 30_000);

it('a file of aliases of aliases is refused before it fills the memory', async () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'].concat('bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(',')}]`)).join('\n');
  const { code, err } = await apply(`extensions:\n  - number: 1001\n    settings: *h\n${bomb}\n`);
  expect([code, err.split('\n')[0]]).toEqual([1, 'offhook: all.yaml cannot be applied, and nothing was changed:']);
  expect(readFileSync(join(folder.path, 'all.yaml'), 'utf8').length).toBeLessThan(1000);
});
