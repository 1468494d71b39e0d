/** The screen from plain data: what is on it, and that nothing from the network can break it. */
import fc from 'fast-check';
import { KeyReader } from '../../../../client/cli/screen/key-reader';
import { keyPressed } from '../../../../client/cli/screen/keys';
import { newPrompt, type Key } from '../../../../client/cli/screen/outcome';
import { cursorOf, render } from '../../../../client/cli/screen/render';
import { harmless, widthOf } from '../../../../client/cli/screen/text';
import { initialView, reduce, type Page, type PhoneView, type UiEvent } from '../../../../client/cli/state';
import type { PhoneEvent } from '../../../../client/events';
import type { UserCommand } from '../../../../client/cli/screen/commands';
import { BOB, HOSTILE, inCall, NOON, played, QUALITY, registered } from './script';

const SIZES = [[80, 24], [60, 16], [132, 43], [20, 5], [1, 1]] as const;
const PAGES: Page[] = ['calls', 'history', 'contacts', 'messages', 'presence', 'help'];
const options = { columns: 80, rows: 24, colour: false, unicode: true, utcOffsetMin: 0 };

/** Nothing but the printable and, with colour, SGR; never wider than the screen. */
function expectSound(view: PhoneView): void {
  for (const [columns, rows] of SIZES)
    for (const unicode of [true, false])
      for (const colour of [true, false]) {
        const lines = render(view, { columns, rows, colour, unicode, utcOffsetMin: 0 });
        const bare = lines.map((line) => (colour ? line.replace(/\u001b\[[\d;]*m/g, '') : line));
        const bad = bare.filter((line) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(line) || (!unicode && !/^[ -~]*$/.test(line)) || widthOf(line) > columns);
        expect({ columns, rows, bad, lines: lines.length }).toEqual({ columns, rows, bad: [], lines: rows });
        const cursor = cursorOf(view, { columns, rows, colour, unicode });
        if (cursor !== null) expect(cursor.column).toBeLessThan(columns);
      }
}

test('a call at 80×24, without colour', () => {
  expect(render(played([...registered(), ...inCall()]), options)).toMatchInlineSnapshot(`
[
  " Offhook  1001@pbx.test                       ● registered · UDP 127.0.0.1:5060",
  "────────────────────────────────────────────────────────────────────────────────",
  "",
  " ▸ 1  Bob Baker  1002              in call           0:02  opus   encrypted",
  "",
  "   Lately",
  "   11:00   missed     Carol  1003",
  "   22 Nov  answered   Bob Baker  1002                                  1:15",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "────────────────────────────────────────────────────────────────────────────────",
  "   Mic ▮▮▮▮▮▮▮▮▮▮▮▮▮▮········ 0 dB     Ear ▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮▮· 0 dB",
  "   Heard MOS 4.3 good   loss  0.4 %   jitter   3 ms   buffer  33 ms",
  "   Sent  MOS 3.4 poor   loss  6.0 %   jitter  12 ms   round trip 24 ms",
  "",
  "",
  " x hang up   h hold   m mute   t transfer   0-9*# keys   d new call   +/- volume",
  " ? help   q quit",
]
`);
});

test('an idle phone at 60×16, in ASCII', () => {
  expect(render(played(registered()), { ...options, columns: 60, rows: 16, unicode: false })).toMatchInlineSnapshot(`
[
  " Offhook  1001@pbx.test   * registered - UDP 127.0.0.1:5060",
  "------------------------------------------------------------",
  "",
  "   Ready. Type a number to call.",
  "",
  "   Lately",
  "   11:00   missed     Carol  1003",
  "   22 Nov  answered   Bob Baker  1002              1:15",
  "",
  "",
  "",
  "------------------------------------------------------------",
  "   Mic ............ 0 dB     Ear ............ 0 dB",
  "",
  "",
  " d dial   +/- volume   l history   ? help   q quit",
]
`);
});

test.each(PAGES)('strangers cannot break the page %s', (page) => {
  const strange: Array<PhoneEvent | UiEvent> = [
    ...registered(),
    ...inCall(HOSTILE),
    { event: 'incoming', call: '2', from: HOSTILE, waiting: true },
    { event: 'transfer', call: '1', to: HOSTILE.uri, status: 603, reason: HOSTILE.name, state: 'failed' },
    { event: 'message', from: HOSTILE, text: `${HOSTILE.name}\u001b[2J\n`.repeat(5), contentType: 'text/plain' },
    { event: 'presence', of: HOSTILE.uri, state: 'busy', note: HOSTILE.name },
    { event: 'ui-history', entries: [{ at: NaN, kind: 'missed', address: HOSTILE.uri, name: HOSTILE.name, durationMs: 1e12 }] },
    { event: 'ui-contacts', contacts: [{ name: HOSTILE.name, address: HOSTILE.uri }] },
    { event: 'warning', problem: HOSTILE.name },
    { event: 'ui-page', page },
  ];
  expectSound(played(strange));
  expectSound(played([...strange, { event: 'ui-prompt', prompt: { ...newPrompt('message-text', '漢'.repeat(200), HOSTILE.name), problem: HOSTILE.name } }]));
});

test.each<[string, string, string]>([
  ['a\u001b[31mb', 'ab', 'ab'],
  ['a\u001b]0;title\u0007b', 'ab', 'ab'],
  ['\u202eabc\u2066', 'abc', 'abc'],
  ['one\r\ntwo', 'one two', 'one two'],
  ['Zoë', 'Zoë', 'Zoe'],
  ['🇩🇪', 'DE', 'DE'],
  ['\u0301x', 'x', 'x'],
  ['漢', '漢', '?'],
])('%j is made harmless', (text, unicode, ascii) => {
  expect(harmless(text)).toBe(unicode);
  expect(harmless(text, false)).toBe(ascii);
});

describe('what happened is seen', () => {
  const one = (view: PhoneView) => view.calls[0]!;
  test('a call from dialling to its end', () => {
    const view = played(inCall());
    expect(one(view)).toMatchObject({ state: 'up', line: 1, codec: 'opus', encrypted: true, answeredAtMs: NOON + 3000 });
    const over = played([{ event: 'held', call: '1', by: 'local' }, { event: 'held', call: '1', by: 'remote' }], view);
    expect(one(over)).toMatchObject({ state: 'held', heldByFarEnd: true });
    const gone = played([{ event: 'ended', call: '1', by: 'remote', answered: true, status: null, reason: '', problem: null, durationMs: 5000, quality: QUALITY }], over);
    expect(one(gone).state).toBe('ended');
    expect(played([{ event: 'ui-tick' }], gone, 4000).calls).toHaveLength(0);
  });
  test('a call that waits does not take the keys', () => {
    expect(played([...inCall(), { event: 'incoming', call: '2', from: BOB, waiting: true }]).selected).toBe('1');
    expect(played([{ event: 'ui-page', page: 'help' }, { event: 'incoming', call: '2', from: BOB, waiting: false }]).page).toBe('calls');
  });
  test('a message finds its answer', () => {
    const view = played([{ event: 'ui-message', to: '1002', text: 'hello' }, { event: 'message-sent', id: 'x', to: 'sip:1002@pbx.test', ok: false, status: 404, problem: 'nobody there' }]);
    expect(view.messages).toMatchObject([{ state: 'failed', problem: 'nobody there' }]);
  });
  test('nothing new is the same view', () => {
    const view = played(inCall());
    expect(reduce(view, { event: 'ui-tick' }, view.nowMs)).toBe(view);
    expect(reduce(view, { event: 'media', call: 'none', codec: 'x', encrypted: false, direction: 'sendrecv' }, view.nowMs)).toBe(view);
  });
});

/** A phone that is only typed on. */
class Typist {
  readonly commands: UserCommand[] = [];
  private atMs = NOON + 100_000;
  readonly reader = new KeyReader({ view: () => this.view, apply: (event) => void (this.view = reduce(this.view, event, this.atMs)), command: (command) => void this.commands.push(command) });
  constructor(public view: PhoneView) {}
  type(text: string, afterMs = 1000): this {
    for (const char of text) this.press({ text: char, name: char.toLowerCase() }, afterMs);
    return this;
  }
  press(key: Key, afterMs = 1000): this {
    this.atMs += afterMs;
    this.reader.press(key, this.atMs);
    return this;
  }
  name(name: string): this {
    return this.press({ name });
  }
}

const idle = () => new Typist(played(registered()));
const talking = () => new Typist(played([...registered(), ...inCall()]));
const second: Array<PhoneEvent | UiEvent> = [{ event: 'held', call: '1', by: 'local' }, { event: 'calling', call: '2', to: HOSTILE }, { event: 'answered', call: '2', with: HOSTILE, codec: 'PCMU', encrypted: false, afterMs: 1 }];

test.each<[string, () => Typist, UserCommand[]]>([
  ['a number and Enter', () => idle().type('1002').name('return'), [{ do: 'dial', to: '1002' }]],
  ['a name of the contacts', () => idle().type('dbob baker').name('return'), [{ do: 'dial', to: '1002' }]],
  ['Tab', () => idle().type('dzo').name('tab').name('return'), [{ do: 'dial', to: 'sip:zoe@example.org' }]],
  ['Up: from the history', () => idle().type('d').name('up').name('up').name('return'), [{ do: 'dial', to: '1002' }]],
  ['Up and back down', () => idle().type('d77').name('up').name('down').name('return'), [{ do: 'dial', to: '77' }]],
  ['editing', () => idle().type('d132').name('left').name('backspace').name('return'), [{ do: 'dial', to: '12' }]],
  ['digits in a call go out', () => talking().type('1*#'), [...'1*#'].map((digits) => ({ do: 'digits', call: '1', digits }) as const)],
  ['hold', () => talking().type('h'), [{ do: 'hold', call: '1' }]],
  ['blind transfer', () => talking().type('t1003').name('return'), [{ do: 'transfer', call: '1', to: '1003' }]],
  ['attended transfer', () => new Typist(played([...inCall(), ...second])).type('j'), [{ do: 'transfer-to', call: '1', other: '2' }]],
  ['the next line', () => new Typist(played([...inCall(), ...second])).type('n'), [{ do: 'resume', call: '1' }]],
  ['a held key hangs up once', () => new Typist(played([...inCall(), ...second])).type('xxxxx', 30), [{ do: 'hangup', call: '2' }]],
  ['mute, volume, gain', () => talking().type('m+[s'), [{ do: 'mute', on: true }, { do: 'volume', outputDb: 2 }, { do: 'volume', inputDb: -2 }, { do: 'noise-suppression', on: true }]],
  ['answer', () => new Typist(played([{ event: 'incoming', call: '9', from: BOB, waiting: false }])).type('a'), [{ do: 'answer', call: '9' }]],
  ['reject', () => new Typist(played([{ event: 'incoming', call: '9', from: BOB, waiting: false }])).type('r'), [{ do: 'reject', call: '9' }]],
  ['a message', () => idle().type('w1002').name('return').type('hi all').name('return'), [{ do: 'message', to: '1002', text: 'hi all' }]],
  ['redial', () => idle().type('l').name('return'), [{ do: 'dial', to: '1003' }]],
  ['a contact', () => idle().type('cnEve').name('return').type('1009').name('return'), [{ do: 'contact-add', name: 'Eve', address: '1009' }]],
  ['no contact any more', () => idle().type('c').name('delete').type('y'), [{ do: 'contact-remove', address: '1002' }]],
  ['watching', () => idle().type('pp1005').name('return'), [{ do: 'watch', who: '1005' }]],
  ['quit', () => idle().type('q'), [{ do: 'quit' }]],
  ['quit in a call asks', () => talking().type('qn'), []],
  ['quit in a call', () => talking().type('qy'), [{ do: 'quit' }]],
  ['a number that is none', () => idle().type('d1 2').name('return'), []],
  ['an unknown sequence', () => talking().press({ name: 'undefined' }).press({}), []],
  ['a paste is text, its Enter too', () => idle().name('paste-start').type('xq').name('return').type('5').name('paste-end'), []],
])('%s', (_, typed, commands) => {
  expect(typed().commands).toEqual(commands);
});

test('bad input is answered by a sentence', () => {
  expect(idle().type('d1 2').name('return').view.prompt).toMatchObject({ text: '1 2', problem: 'a number or an address has no blanks in it' });
});

test.each(['%%%', 'a<b', '1002@', '{x}'])('%s is no address: said at the prompt, and nothing is lost', (text) => {
  for (const typist of [idle().type('d'), idle().type('cnEve').name('return')]) {
    const { view, commands } = typist.type(text).name('return');
    expect(view.prompt).toMatchObject({ text, problem: 'that is no number and no address' });
    expect(commands).toEqual([]);
  }
});

test('somebody calls while other things are looked at: it is said there, with the keys for it', () => {
  const typist = new Typist(played([...registered(), { event: 'warning', problem: 'something else' }, { event: 'incoming', call: '9', from: BOB, waiting: false }])).type('v');
  const lines = render(typist.view, options).join('\n');
  expect(lines).toContain(' ! Bob Baker  1002 calls you');
  expect(lines).toContain(' a answer   r reject');
  expect(typist.type('a').commands).toEqual([{ do: 'answer', call: '9' }]);
});

test('where there is little room, how to end a line that is typed is said first', () => {
  const typed = idle().type('d1');
  expect(render(typed.view, { ...options, columns: 40, rows: 10 }).at(-1)).toBe(' Enter done   Esc never mind');
});

test('a paste opens the line to dial', () => {
  expect(idle().name('paste-start').type('xq').name('return').type('5').name('paste-end').view.prompt).toMatchObject({ kind: 'dial', text: 'xq 5' });
});

test('whatever is told and typed: every line fits', () => {
  const ids = fc.constantFrom('1', '2', '3');
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.constantFrom(HOSTILE.name, '1002', ''));
  const party = fc.record({ uri: text, user: text, name: text });
  const figure = fc.option(fc.double());
  const event = fc.oneof(
    fc.record({ event: fc.constant('calling'), call: ids, to: party }),
    fc.record({ event: fc.constant('incoming'), call: ids, from: party, waiting: fc.boolean() }),
    fc.record({ event: fc.constant('answered'), call: ids, with: party, codec: fc.option(text), encrypted: fc.boolean(), afterMs: fc.nat() }),
    fc.record({ event: fc.constantFrom('held', 'resumed'), call: ids, by: fc.constantFrom('local', 'remote') }),
    fc.record({ event: fc.constant('quality'), call: ids, quality: fc.record({ of: fc.constant('lately'), seconds: figure, heard: fc.record({ packets: fc.nat(), lost: fc.nat(), lossFraction: figure, jitterMs: figure, bufferMs: figure, concealedFraction: figure, mos: figure }), sent: fc.record({ packets: fc.nat(), lossFraction: figure, jitterMs: figure, mos: figure }), rttMs: figure }) }),
    fc.record({ event: fc.constant('ended'), call: ids, by: fc.constant('remote'), answered: fc.boolean(), status: fc.constant(null), reason: text, problem: fc.option(text), durationMs: fc.nat(), quality: fc.constant(null) }),
    fc.record({ event: fc.constant('message'), from: party, text, contentType: text }),
    fc.record({ event: fc.constant('presence'), of: text, state: fc.constantFrom('open', 'busy'), note: text }),
    fc.record({ event: fc.constant('ui-levels'), input: fc.double(), output: fc.double() }),
    fc.record({ event: fc.constant('disconnected'), problem: text, retryMs: fc.option(fc.nat()) }),
  );
  const key = fc.record({ text: fc.option(fc.oneof(text, fc.constantFrom(...'darxhntjmszwpvlc?q0+-[]yn')), { nil: undefined }), name: fc.option(fc.constantFrom('return', 'up', 'down', 'tab', 'escape', 'backspace', 'delete', 'left', 'home', 'paste-start', 'paste-end', 'c', 'w'), { nil: undefined }), ctrl: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.oneof(event.map((e) => ({ e })), key.map((k) => ({ k }))), { maxLength: 40 }), (steps) => {
      const typist = new Typist(initialView({ address: HOSTILE.uri, nowMs: NOON }));
      for (const step of steps) {
        if ('k' in step) typist.press(step.k);
        else typist.view = reduce(typist.view, step.e as PhoneEvent, typist.view.nowMs + 100);
      }
      expect(keyPressed(typist.view, {}).commands).toEqual([]);
      expectSound(typist.view);
    }),
    { numRuns: 25 },
  );
});
