import { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import { parseMessage, SipParseError, validateRequest, validateResponse, type WireLimits } from '../../../../signaling/engine/wire/parser';

const limits: WireLimits = { maxMessageBytes: 4096, maxHeaders: 20 };

/** The headers every request has; `extra` lines follow. */
const core = (method: string, ...extra: string[]): string[] => [
  'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1',
  'From: <sip:a@x>;tag=1',
  'To: <sip:b@x>',
  'Call-ID: c1',
  `CSeq: 1 ${method}`,
  ...extra,
];

const text = (start: string, headers: string[], body = '', eol = '\r\n'): Buffer => Buffer.from([start, ...headers, '', ''].join(eol) + body, 'utf8');

function parseRequest(data: Buffer, custom = limits): SipRequest {
  const message = parseMessage(data, custom);
  if (!(message instanceof SipRequest)) throw new Error('not a request');
  return message;
}

function failure(data: Buffer, custom = limits): SipParseError {
  try {
    parseMessage(data, custom);
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const OPTIONS = 'OPTIONS sip:b@x SIP/2.0';

describe('reading', () => {
  test('a request', () => {
    const message = parseRequest(text('MESSAGE sip:b@x;transport=tcp SIP/2.0', core('MESSAGE', 'X-Own:value', 'Content-Length: 5'), 'hello'));
    expect(message.method).toBe('MESSAGE');
    expect(message.uri).toBe('sip:b@x;transport=tcp');
    expect([...message.headers].map((h) => h.key)).toEqual(['via', 'from', 'to', 'call-id', 'cseq', 'x-own', 'content-length']);
    expect(message.headers.get('x-own')).toBe('value');
    expect(message.contentLength()).toBe(5);
    expect(message.body.toString()).toBe('hello');
  });

  test('a response', () => {
    const message = parseMessage(text('SIP/2.0 486 Busy Here', core('INVITE')), limits);
    expect(message).toBeInstanceOf(SipResponse);
    expect(message).toMatchObject({ status: 486, reason: 'Busy Here' });
  });

  test.each([
    ['SIP/2.0 200 ', ''],
    ['SIP/2.0 200', ''],
    ['sip/2.0 200 ok  then', 'ok  then'],
    ['SIP/2.0 200 Всё хорошо', 'Всё хорошо'],
  ])('the status line %j', (line, reason) => {
    expect(parseMessage(text(line, core('X')), limits)).toMatchObject({ status: 200, reason });
  });

  test('compact forms become long ones', () => {
    const message = parseRequest(text('REFER sip:b SIP/2.0', ['v: SIP/2.0/TCP h', 'f: <sip:a>', 't: <sip:b>', 'i: c', 'CSeq: 1 REFER', 'r: <sip:c>', 'b: <sip:d>', 'O: refer', 'x: 90', 'l: 0']));
    expect([...message.headers].map((h) => h.name)).toEqual(['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Refer-To', 'Referred-By', 'Event', 'Session-Expires', 'Content-Length']);
  });

  test('folded lines are joined with one space', () => {
    const message = parseRequest(text(OPTIONS, ['Subject: one', ' two', '\t  three', ' ', ' four', ...core('OPTIONS'), 'Content-Length:', ' 2'], 'ab'));
    expect(message.headers.get('subject')).toBe('one two three four');
    expect(message.headers.get('via')).toMatch(/^SIP/);
    expect(message.body.toString()).toBe('ab');
  });

  test('repeated headers stay apart, in order, uncut at commas', () => {
    const message = parseRequest(text(OPTIONS, [...core('OPTIONS'), 'Route: <sip:a>, <sip:b>', 'X: 1', 'Route: <sip:c>']));
    expect(message.headers.getAll('route')).toEqual(['<sip:a>, <sip:b>', '<sip:c>']);
  });

  test('white space around names and values goes, inside it stays', () => {
    const message = parseRequest(text(OPTIONS, [...core('OPTIONS'), 'Subject \t :\t a  b\t ', 'X-Empty:', 'X-Blank:   ']));
    expect(message.headers.get('subject')).toBe('a  b');
    expect(message.headers.get('x-empty')).toBe('');
    expect(message.headers.get('x-blank')).toBe('');
  });

  test('bare LF and a mixture of line ends', () => {
    expect(parseRequest(text(OPTIONS, core('OPTIONS', 'Content-Length: 2'), 'ab', '\n')).body.toString()).toBe('ab');
    expect(parseRequest(Buffer.from('OPTIONS sip:b SIP/2.0\nVia: x\r\nTo: y\n\r\nab')).body.toString()).toBe('ab');
    expect(parseRequest(Buffer.from('OPTIONS sip:b SIP/2.0\r\nVia: x\r\n\nab')).body.toString()).toBe('ab');
  });

  test('a line of one character is not the empty line', () => {
    const message = parseRequest(Buffer.from('OPTIONS sip:b SIP/2.0\nSubject: a\n \n b\nTo: y\n\nbody'));
    expect([message.headers.get('subject'), message.headers.get('to'), message.body.toString()]).toEqual(['a b', 'y', 'body']);
  });

  test('line ends before the start line are skipped', () => {
    expect(parseRequest(Buffer.concat([Buffer.from('\r\n\n\r\n'), text(OPTIONS, core('OPTIONS'))])).method).toBe('OPTIONS');
  });

  test('UTF-8 in headers; what is not UTF-8 is read as Latin-1', () => {
    expect(parseRequest(text(OPTIONS, core('OPTIONS', 'Subject: Grüße 大'))).headers.get('subject')).toBe('Grüße 大');
    const latin = Buffer.from(`${OPTIONS}\r\nSubject: Gr\xfc\xdfe\r\n\r\n`, 'latin1');
    expect(parseRequest(latin).headers.get('subject')).toBe('Grüße');
  });

  test('a binary body is left alone', () => {
    const body = Buffer.from([0, 255, 13, 10, 13, 10, 128, 7]);
    const message = parseRequest(Buffer.concat([text(OPTIONS, core('OPTIONS')), body]));
    expect(message.body.equals(body)).toBe(true);
  });

  test('the body is as long as Content-Length says, or the rest of the datagram', () => {
    expect(parseRequest(text(OPTIONS, core('OPTIONS', 'Content-Length: 3'), 'abcdef')).body.toString()).toBe('abc');
    expect(parseRequest(text(OPTIONS, core('OPTIONS', 'l: 0'), 'abcdef')).body.length).toBe(0);
    expect(parseRequest(text(OPTIONS, core('OPTIONS'), 'abcdef')).body.toString()).toBe('abcdef');
    expect(parseRequest(text(OPTIONS, core('OPTIONS', 'Content-Length: 3', 'l: 003'), 'abc')).body.toString()).toBe('abc');
  });

  test.each(['1', '9999', 'undefined', '-1'])("contentLength: 'ignore' takes the rest although the header says %s", (length) => {
    const message = parseMessage(text(OPTIONS, core('OPTIONS', `Content-Length: ${length}`), 'grüße'), limits, { contentLength: 'ignore' });
    expect(message.body.toString()).toBe('grüße');
  });

  test('a quoted-pair may hold a control character', () => {
    expect(parseRequest(text(OPTIONS, ['To: "NUL \\\0" <sip:b>'])).to.displayName).toBe('NUL \0');
  });
});

describe('refusals', () => {
  test.each([
    ['OPTIONS  sip:b@x SIP/2.0'],
    ['OPTIONS sip:b@x  SIP/2.0'],
    ['OPTIONS sip:b@x SIP/2.0 '],
    [' OPTIONS sip:b@x SIP/2.0'],
    ['OPTIONS\tsip:b@x SIP/2.0'],
    ['OPTIONS sip:b@x;a b SIP/2.0'],
    ['OPTIONS SIP/2.0'],
    ['OPTIONS sip:b@x'],
    ['OP(IONS sip:b@x SIP/2.0'],
    ['OPTIONS sip:b@x SIP/2.0x'],
    ['GET / HTTP/1.1'],
    ['SIP/2.0 20 OK'],
    ['SIP/2.0 2000 OK'],
    ['SIP/2.0 099 OK'],
    ['SIP/2.0 700 OK'],
    ['SIP/2.0  200 OK'],
    ['SIP/2.0 OK'],
    ['x'],
  ])('the start line %j', (line) => {
    expect(failure(text(line, core('OPTIONS')))).toMatchObject({ code: 'start-line', status: 400 });
  });

  test.each([['OPTIONS sip:b@x SIP/3.0'], ['OPTIONS sip:b@x SIP/2.1'], ['OPTIONS sip:b@x SIP/22.0'], ['SIP/1.0 200 OK']])('the version in %j', (line) => {
    expect(failure(text(line, core('OPTIONS')))).toMatchObject({ code: 'version', status: 505 });
  });

  test.each([['sip/2.0'], ['Sip/2.0'], ['SIP/02.0']])('the version %s is SIP/2.0 (§7.1: without case)', (version) => {
    expect(parseRequest(text(`OPTIONS sip:b@x ${version}`, core('OPTIONS'))).uri).toBe('sip:b@x');
  });

  test.each([
    ['no colon here', 'header'],
    [': no name', 'header'],
    ['Bad Name: x', 'header'],
    ['Bäd: x', 'header'],
    ['X: a\0b', 'control-character'],
    ['X: a\x7fb', 'control-character'],
    ['X: a\rb', 'control-character'],
    ['X: \\\0', 'control-character'],
    ['X\0: a', 'header'],
    ['Content-Length: x', 'content-length'],
    ['Content-Length: -1', 'content-length'],
    ['Content-Length: 1, 1', 'content-length'],
    ['Content-Length:', 'content-length'],
    ['Content-Length: 99999999999999999999', 'content-length'],
    ['Content-Length: 5', 'content-length'],
  ])('the header line %j', (line, code) => {
    const error = failure(text(OPTIONS, core('OPTIONS', line), 'body'));
    expect(error).toMatchObject({ code, status: 400 });
    // It can be answered: what a response copies was read although something else was wrong.
    expect(error.partial).toMatchObject({ method: 'OPTIONS', callId: 'c1' });
    expect(error.partial?.topVia.branch).toBe('z9hG4bK1');
  });

  test('two Content-Lengths that differ', () => {
    expect(failure(text(OPTIONS, core('OPTIONS', 'l: 1', 'Content-Length: 2'), 'ab')).code).toBe('content-length');
  });

  test('control characters in the start line', () => {
    expect(failure(text('OPTIONS sip:b\0@x SIP/2.0', core('OPTIONS'))).code).toBe('control-character');
  });

  test('a continuation line directly below the start line', () => {
    expect(failure(text(OPTIONS, [' folded: x', ...core('OPTIONS')])).code).toBe('header');
  });

  test.each([[''], ['\r\n'], ['\r\n\r\n'], ['\0\0\0\0']])('nothing there: %j', (data) => {
    expect(failure(Buffer.from(data)).partial).toBeUndefined();
  });

  test('headers that never end', () => {
    const whole = text(OPTIONS, core('OPTIONS'));
    const error = failure(whole.subarray(0, whole.length - 2));
    expect(error).toMatchObject({ code: 'incomplete', status: 400 });
    expect(error.partial?.callId).toBe('c1');
    // The line that was cut is not taken for a whole one.
    expect(failure(whole.subarray(0, whole.length - 6)).partial).toBeUndefined();
  });

  test('too large: in all, and headers alone', () => {
    const big = failure(text(OPTIONS, core('OPTIONS'), 'x'.repeat(5000)));
    expect(big).toMatchObject({ code: 'too-large', status: 413 });
    expect(big.partial?.callId).toBe('c1');
    const headers = failure(text(OPTIONS, core('OPTIONS', `X: ${'x'.repeat(500)}`)), { ...limits, maxHeaderBytes: 400 });
    expect(headers).toMatchObject({ code: 'too-large', status: 413 });
    expect(headers.partial?.callId).toBe('c1');
    expect(failure(Buffer.alloc(5000, 'x'))).toMatchObject({ code: 'too-large' });
    const exact = text(OPTIONS, core('OPTIONS'));
    expect(parseRequest(exact, { ...limits, maxMessageBytes: exact.length }).callId).toBe('c1');
    expect(failure(exact, { ...limits, maxMessageBytes: exact.length - 1 }).code).toBe('too-large');
  });

  test('too many headers; those within the limit are kept for the answer', () => {
    const many = Array.from({ length: 16 }, (_, i) => `X-${i}: y`);
    expect(parseRequest(text(OPTIONS, core('OPTIONS', ...many.slice(1)))).headers.size).toBe(20);
    const error = failure(text(OPTIONS, core('OPTIONS', ...many)));
    expect(error).toMatchObject({ code: 'too-many-headers', status: 400 });
    expect(error.partial?.headers.size).toBe(20);
  });

  test.each([
    ['a response', text('SIP/2.0 200 OK', core('X', 'bad'))],
    ['a request without Via', text(OPTIONS, [...core('OPTIONS').slice(1), 'bad'])],
    ['a request with an unreadable Via', text(OPTIONS, ['Via: junk', ...core('OPTIONS').slice(1), 'bad'])],
    ['a request without Call-ID', text(OPTIONS, [...core('OPTIONS').filter((l) => !l.startsWith('Call-ID')), 'bad'])],
  ])('%s cannot be answered', (_, data) => {
    expect(failure(data)).toMatchObject({ code: 'header' });
    expect(failure(data).partial).toBeUndefined();
  });

  test('sentences quote little of the input, and nothing that could break a line', () => {
    const error = failure(text(OPTIONS, core('OPTIONS', `${'x\x01'.repeat(300)}`)));
    expect(error.message.length).toBeLessThan(120);
    expect(error.message).not.toMatch(/[\x00-\x1f]/);
  });
});

describe('validateRequest', () => {
  const swap = (name: string, line?: string): string[] => core('OPTIONS').flatMap((l) => (l.startsWith(`${name}:`) ? (line === undefined ? [] : [line]) : [l]));
  const verdict = (data: Buffer): SipParseError | undefined => {
    const request = parseRequest(data);
    try {
      validateRequest(request);
      return undefined;
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      expect(error.partial === undefined || error.partial === request).toBe(true);
      return error;
    }
  };

  test.each([
    ['plain', core('OPTIONS')],
    ['no From tag (RFC 2543)', swap('From', 'From: sip:a@x')],
    ['no branch (RFC 2543)', swap('Via', 'Via: SIP/2.0/UDP h')],
    ['Max-Forwards over 255', core('OPTIONS', 'Max-Forwards: 300')],
    ['Max-Forwards 0', core('OPTIONS', 'Max-Forwards: 0000')],
    ['Contact *', core('OPTIONS', 'Contact: *')],
    ['several Contacts', core('OPTIONS', 'Contact: <sip:a>, "b, c" <sip:d>', 'm: sip:e;q=1')],
    ['other schemes', swap('To', 'To: <urn:service:sos>')],
  ])('%s passes', (_, headers) => {
    expect(verdict(text(OPTIONS, headers))).toBeUndefined();
  });

  test.each([
    ['missing-header', swap('Via'), false],
    ['missing-header', swap('From'), false],
    ['missing-header', swap('To'), false],
    ['missing-header', swap('Call-ID'), false],
    ['missing-header', swap('CSeq'), false],
    ['missing-header', swap('Call-ID', 'Call-ID:'), true],
    ['missing-header', ['Call-ID:', ...core('OPTIONS')], true],
    ['missing-header', swap('Via', 'Via: ,'), false],
    ['duplicate-header', core('OPTIONS', 'f: <sip:a@x>;tag=1'), true],
    ['duplicate-header', core('OPTIONS', 'i: c1'), true],
    ['duplicate-header', core('OPTIONS', 'Max-Forwards: 1', 'Max-Forwards: 1'), true],
    ['cseq', swap('CSeq', 'CSeq: OPTIONS'), true],
    ['method-mismatch', swap('CSeq', 'CSeq: 1 INVITE'), true],
    ['method-mismatch', swap('CSeq', 'CSeq: 1 options'), true],
    ['max-forwards', core('OPTIONS', 'Max-Forwards: many'), true],
    ['max-forwards', core('OPTIONS', 'Max-Forwards:'), true],
    ['name-addr', swap('From', 'From: "a <sip:a@x>;tag=1'), true],
    ['name-addr', swap('To', 'To: <sip:b@x'), true],
    ['name-addr', swap('From', 'From: <sip:a@x>;tag="a b"'), true],
    ['name-addr', core('OPTIONS', 'Contact: <sip:a'), true],
    ['via', swap('Via', 'Via: SIP/2.0/UDP h, junk'), true],
    ['via', core('OPTIONS', 'Via: junk'), true],
    ['via', swap('Via', 'Via: junk'), false],
    ['missing-header', core('OPTIONS', 'Via: ,'), true],
  ])('%s: %j', (code, headers, answerable) => {
    const error = verdict(text(OPTIONS, headers));
    expect(error).toMatchObject({ code, status: 400 });
    expect(error?.partial !== undefined).toBe(answerable);
  });

  test.each([['<sip:b@x>'], ['sip:@x'], ['b'], ['sip:b@[x]']])('the Request-URI %s', (uri) => {
    expect(verdict(text(`OPTIONS ${uri} SIP/2.0`, core('OPTIONS')))).toMatchObject({ code: 'uri' });
  });

  test('responses: what is mandatory, without a method to compare', () => {
    const read = (headers: string[]): SipResponse => parseMessage(text('SIP/2.0 200 OK', headers), limits) as SipResponse;
    expect(() => validateResponse(read(core('INVITE')))).not.toThrow();
    expect(() => validateResponse(read(core('INVITE').slice(1)))).toThrow(SipParseError);
    expect(() => validateResponse(read(core('IN VITE')))).toThrow(SipParseError);
    // Found by the fuzzer: an empty line on top of a good one.
    for (const empty of ['Via:', 'v: ,']) expect(() => validateResponse(read([empty, ...core('INVITE')]))).toThrow('A Via header is empty.');
  });
});
