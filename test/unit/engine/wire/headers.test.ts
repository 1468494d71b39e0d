import fc from 'fast-check';
import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { headerKey, headerName, MET_MAX, rememberedNames } from '../../../../signaling/engine/wire/header-names';
import { Headers, splitList } from '../../../../signaling/engine/wire/headers';

function make(...lines: Array<[string, string]>): Headers {
  const headers = new Headers();
  for (const [name, value] of lines) headers.append(name, value);
  return headers;
}

const lines = (headers: Headers): string[] => [...headers].map((h) => `${h.name}: ${h.value}`);

describe('header names', () => {
  test.each([
    ['via', 'via', 'Via'],
    ['VIA', 'via', 'Via'],
    ['call-id', 'call-id', 'Call-ID'],
    ['CALL-id', 'call-id', 'Call-ID'],
    ['cseq', 'cseq', 'CSeq'],
    ['www-authenticate', 'www-authenticate', 'WWW-Authenticate'],
    ['rseq', 'rseq', 'RSeq'],
    ['rack', 'rack', 'RAck'],
    ['sip-etag', 'sip-etag', 'SIP-ETag'],
    ['min-se', 'min-se', 'Min-SE'],
    ['mime-version', 'mime-version', 'MIME-Version'],
    ['p-asserted-identity', 'p-asserted-identity', 'P-Asserted-Identity'],
    ['X-Weird', 'x-weird', 'X-Weird'],
    ['x-WEIRD', 'x-weird', 'x-WEIRD'],
    ['constructor', 'constructor', 'constructor'],
    ['__proto__', '__proto__', '__proto__'],
  ])('%s → %s, written %s', (raw, key, name) => {
    expect(headerName(raw)).toEqual({ key, name });
    expect(headerName(raw)).toEqual({ key, name }); // now from memory
    expect(headerKey(raw)).toBe(key);
  });

  test.each([
    ['a', 'Accept-Contact'], ['b', 'Referred-By'], ['c', 'Content-Type'], ['d', 'Request-Disposition'], ['e', 'Content-Encoding'],
    ['f', 'From'], ['i', 'Call-ID'], ['j', 'Reject-Contact'], ['k', 'Supported'], ['l', 'Content-Length'], ['m', 'Contact'],
    ['n', 'Identity-Info'], ['o', 'Event'], ['r', 'Refer-To'], ['s', 'Subject'], ['t', 'To'], ['u', 'Allow-Events'], ['v', 'Via'],
    ['x', 'Session-Expires'], ['y', 'Identity'],
  ])('compact %s is %s', (letter, name) => {
    expect(headerName(letter)?.name).toBe(name);
    expect(headerName(letter.toUpperCase())?.name).toBe(name);
    expect(headerKey(letter)).toBe(name.toLowerCase());
  });

  test.each([[''], ['a b'], ['a:b'], ['ä'], ['a\0'], ['a\r\nb'], ['(x)']])('%j is no header name', (raw) => {
    expect(headerName(raw)).toBeUndefined();
  });

  test('a sender who makes names up fills no memory and does not change how known ones read', () => {
    for (let i = 0; i < MET_MAX * 3; i++) {
      expect(headerName(`X-Made-Up-${i}`)?.key).toBe(`x-made-up-${i}`);
      expect(rememberedNames()).toBeLessThanOrEqual(MET_MAX);
    }
    const before = rememberedNames();
    expect(headerName('x'.repeat(5000))?.name).toHaveLength(5000);
    expect(rememberedNames()).toBe(before);
    expect(headerName('vIa')?.name).toBe('Via');
  });
});

describe('Headers', () => {
  test('finds by any spelling, the first line first', () => {
    const headers = make(['Via', 'one'], ['From', 'x'], ['v', 'two']);
    expect(headers.size).toBe(3);
    for (const name of ['via', 'Via', 'VIA', 'v', 'V']) {
      expect(headers.get(name)).toBe('one');
      expect(headers.getAll(name)).toEqual(['one', 'two']);
      expect(headers.has(name)).toBe(true);
    }
    expect(headers.get('to')).toBeUndefined();
    expect(headers.getAll('to')).toEqual([]);
    expect(headers.has('to')).toBe(false);
  });

  test('an empty value is a value', () => {
    expect(make(['Subject', '']).has('subject')).toBe(true);
  });

  test('getList walks commas and lines', () => {
    expect(make(['Route', '<sip:a;lr>, <sip:b,c>'], ['Route', '<sip:d>']).getList('route')).toEqual(['<sip:a;lr>', '<sip:b,c>', '<sip:d>']);
    expect(make().getList('route')).toEqual([]);
  });

  test('set replaces in place and drops repeats', () => {
    const headers = make(['Via', 'a'], ['Contact', '1'], ['To', 't'], ['Contact', '2']);
    headers.set('m', '3');
    expect(lines(headers)).toEqual(['Via: a', 'Contact: 3', 'To: t']);
    headers.set('X-New', 'n');
    expect(lines(headers)).toEqual(['Via: a', 'Contact: 3', 'To: t', 'X-New: n']);
  });

  test('setFirst and removeFirst leave the lines below', () => {
    const headers = make(['Via', 'a'], ['Via', 'b'], ['To', 't']);
    headers.setFirst('Via', 'c');
    expect(headers.getAll('via')).toEqual(['c', 'b']);
    headers.removeFirst('via');
    expect(lines(headers)).toEqual(['Via: b', 'To: t']);
    headers.setFirst('From', 'f');
    headers.removeFirst('route');
    expect(lines(headers)).toEqual(['Via: b', 'To: t', 'From: f']);
  });

  test('prepend, append, remove', () => {
    const headers = make(['To', 't']);
    headers.prepend('via', 'a');
    headers.append('VIA', 'b');
    expect(lines(headers)).toEqual(['Via: a', 'To: t', 'Via: b']);
    headers.remove('v');
    expect(lines(headers)).toEqual(['To: t']);
    headers.remove('v');
    expect(headers.size).toBe(1);
  });

  test('a clone and its original do not see each other\'s changes', () => {
    const original = make(['To', 't'], ['Via', 'a']);
    const clone = original.clone();
    clone.set('To', 'other');
    clone.append('X-Y', 'y');
    original.remove('via');
    expect(lines(original)).toEqual(['To: t']);
    expect(lines(clone)).toEqual(['To: other', 'Via: a', 'X-Y: y']);
  });

  test.each([['a\r\nInjected: 1'], ['a\nb'], ['a\rb'], ['a\0b'], ['"quoted\\\r"'], ['\x07']])('a value with a line break or control character is refused: %j', (value) => {
    const headers = make();
    for (const write of ['set', 'setFirst', 'append', 'prepend'] as const) {
      expect(() => headers[write]('Subject', value)).toThrow(SipParseError);
    }
    expect(headers.size).toBe(0);
  });

  test('a control character as a quoted-pair passes, tab passes, surrounding white space goes', () => {
    const headers = make(['To', ' "bell \\\x07" <sip:a@b>\t'], ['Subject', 'a\tb']);
    expect(lines(headers)).toEqual(['To: "bell \\\x07" <sip:a@b>', 'Subject: a\tb']);
  });

  test('a name that is no token is refused and named', () => {
    expect(() => make(['Bad Name', 'x'])).toThrow('"Bad Name"');
  });
});

describe('splitList', () => {
  test.each([
    ['', []],
    ['  ', []],
    ['a', ['a']],
    [' a , b,c ', ['a', 'b', 'c']],
    ['a,,b,', ['a', 'b']],
    ['"a,b" <sip:x>, c', ['"a,b" <sip:x>', 'c']],
    ['"a\\",b" <sip:x>, c', ['"a\\",b" <sip:x>', 'c']],
    ['<sip:a,b@c>,<sip:d>', ['<sip:a,b@c>', '<sip:d>']],
    ['<sip:a>;x="1,2",<sip:d>;y=">,"', ['<sip:a>;x="1,2"', '<sip:d>;y=">,"']],
    ['"never closed, a', ['"never closed, a']],
    ['<never closed, a', ['<never closed, a']],
    ['a\\,b', ['a\\', 'b']],
  ])('%j', (value, parts) => {
    expect(splitList(value)).toEqual(parts);
  });
});

describe('as text', () => {
  test('Via first, the others in their order, no Content-Length', () => {
    expect(make(['To', '<sip:b@b>'], ['Content-Length', '3'], ['v', 'SIP/2.0/UDP a'], ['X-Own', '1'], ['Via', 'SIP/2.0/UDP b']).lines()).toBe(
      'Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\nTo: <sip:b@b>\r\nX-Own: 1\r\n',
    );
  });

  test('the text follows every change', () => {
    const names = fc.constantFrom('Via', 'To', 'X-Own', 'Content-Length');
    const changes: Array<(headers: Headers, name: string, value: string) => void> = [
      (headers, name, value) => headers.set(name, value),
      (headers, name, value) => headers.setFirst(name, value),
      (headers, name, value) => headers.append(name, value),
      (headers, name, value) => headers.prepend(name, value),
      (headers, name) => headers.remove(name),
      (headers, name) => headers.removeFirst(name),
      (headers, name, value) => headers.pushChecked({ ...headerName(name)!, value }),
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(changes.length - 1), names, fc.constantFrom('1', '2', '3')), { maxLength: 12 }), (steps) => {
        const headers = make(['Via', 'v'], ['To', 't']);
        for (const [which, name, value] of steps) {
          changes[which]!(headers, name, value);
          const afresh = new Headers();
          for (const entry of headers) afresh.pushChecked(entry);
          expect(headers.lines()).toBe(afresh.lines());
          expect(headers.clone().lines()).toBe(afresh.lines());
        }
      }),
    );
  });
});
