import { StreamFramer, type Framed } from '../../../../signaling/engine/wire/framer';
import { SipParseError, type WireLimits } from '../../../../signaling/engine/wire/parser';

const limits: WireLimits = { maxMessageBytes: 2048, maxHeaders: 20 };
const HEAD = 'MESSAGE sip:b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n';
const message = (body = '', length = `Content-Length: ${Buffer.byteLength(body)}\r\n`): string => `${HEAD}${length}\r\n${body}`;

/** Frames as strings: a message's text, or 'ping', 'pong'. */
const show = (frames: Framed[]): string[] => frames.map((f) => (f.kind === 'message' ? f.data.toString('latin1') : f.kind));

function frame(chunks: Array<string | Buffer>, custom = limits): { frames: string[]; framer: StreamFramer } {
  const framer = new StreamFramer(custom);
  const frames = chunks.flatMap((chunk) => show(framer.push(Buffer.from(chunk as string, 'latin1'))));
  return { frames, framer };
}

function failure(chunks: string[], custom = limits): SipParseError {
  try {
    frame(chunks, custom);
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const bytewise = (text: string): string[] => [...text];

describe('messages', () => {
  const a = message('hello');
  const b = message();
  const c = message('x\r\n\r\ny');
  test.each([
    ['one', a, [a]],
    ['three in a row', a + b + c, [a, b, c]],
    ['line ends between', `${a}\r\n${b}`, [a, 'pong', b]],
    ['no Content-Length means no body', message('', '') + a, [message('', ''), a]],
    ['compact l', message('hello', 'l: 5\r\n') + b, [message('hello', 'l: 5\r\n'), b]],
    ['folded Content-Length', message('hello', 'content-LENGTH  :\r\n  5\r\n') + b, [message('hello', 'content-LENGTH  :\r\n  5\r\n'), b]],
    ['Content-Length given twice', message('hello', 'l: 5\r\nContent-Length: 05\r\n') + b, [message('hello', 'l: 5\r\nContent-Length: 05\r\n'), b]],
    ['names that only start like it', message('hello', 'Content-Language: 9\r\nL-X: 7\r\nl: 5\r\n'), [message('hello', 'Content-Language: 9\r\nL-X: 7\r\nl: 5\r\n')]],
    ['a folded value that looks like it', message('hello', 'Subject: x\r\n Content-Length: 1\r\nl: 5\r\n'), [message('hello', 'Subject: x\r\n Content-Length: 1\r\nl: 5\r\n')]],
    ['a line of one character', `${HEAD.replaceAll('\r\n', '\n')}Subject: x\n \n y\nl: 2\n\nhi${b}`, [`${HEAD.replaceAll('\r\n', '\n')}Subject: x\n \n y\nl: 2\n\nhi`, b]],
    ['bare LF', message('hi').replaceAll('\r\n', '\n') + a, [message('hi').replaceAll('\r\n', '\n'), a]],
  ])('%s', (_, text, expected) => {
    expect(frame([text]).frames).toEqual(expected);
    const slow = frame(bytewise(text));
    expect(slow.frames).toEqual(expected);
    expect(slow.framer.pendingBytes).toBe(0);
  });

  test('a response', () => {
    const text = 'SIP/2.0 200 OK\r\nl: 0\r\n\r\n';
    expect(frame([text + text]).frames).toEqual([text, text]);
  });

  test('pendingBytes counts what is held', () => {
    const { framer, frames } = frame([a + b.slice(0, 30)]);
    expect(frames).toEqual([a]);
    expect(framer.pendingBytes).toBe(30);
    expect(show(framer.push(Buffer.from(b.slice(30) + c.slice(0, 10))))).toEqual([b]);
    expect(framer.pendingBytes).toBe(10);
    expect(show(framer.push(Buffer.from(c.slice(10))))).toEqual([c]);
    expect(framer.pendingBytes).toBe(0);
  });

  test('what was given out stays as it is when more comes', () => {
    const framer = new StreamFramer(limits);
    framer.push(Buffer.from(a.slice(0, 50)));
    const [first] = framer.push(Buffer.from(a.slice(50) + b.slice(0, 20)));
    framer.push(Buffer.from(b.slice(20) + c));
    expect(first).toEqual({ kind: 'message', data: Buffer.from(a) });
  });

  test('an unfinished message does not hold the chunk it came in', () => {
    const chunk = Buffer.from(a + b.slice(0, 30));
    const framer = new StreamFramer(limits);
    framer.push(chunk);
    chunk.fill(0, a.length);
    expect(show(framer.push(Buffer.from(b.slice(30))))).toEqual([b]);
  });

  test('memory for a message that comes byte by byte grows by doubling', () => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafeSlow');
    frame(bytewise(message('x'.repeat(1800))));
    expect(allocate.mock.calls.map(([size]) => size)).toEqual([512, 1024, 2048]);
    allocate.mockRestore();
  });

  test('an empty chunk is nothing', () => {
    expect(frame(['', a.slice(0, 9), '', a.slice(9), '']).frames).toEqual([a]);
  });
});

describe('keep-alives (RFC 5626)', () => {
  test.each([
    [['\r\n\r\n'], ['ping']],
    [['\r\n'], ['pong']],
    [['\r\n', '\r\n'], ['pong', 'ping']],
    [['\r', '\n\r', '\n'], ['pong', 'ping']],
    [['\r\n\r\n\r\n\r\n'], ['ping', 'ping']],
    [['\r\n\r\n\r\n'], ['ping', 'pong']],
    [['\r\n\r'], ['pong']],
    [['\r\n\r', '\n'], ['pong', 'ping']],
    [['\r'], []],
    [['\n'], []],
    [[`\r\n\r\n${message()}\r\n\r\n`], ['ping', message(), 'ping']],
    [['\r\n', message(), '\r\n'], ['pong', message(), 'pong']],
  ])('%j', (chunks, expected) => {
    expect(frame(chunks).frames).toEqual(expected);
  });

  test('they hold no memory', () => {
    expect(frame(['\r\n\r\n'.repeat(1000)]).framer.pendingBytes).toBe(0);
  });
});

describe('streams that cannot be read on', () => {
  test.each([
    ['TLS', '\x16\x03\x01\x02\x00'],
    ['NUL', '\0'],
    ['white space first', ' OPTIONS sip:b SIP/2.0\r\n'],
    ['CR without LF', '\rX'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['a port scan', 'help\r\n'],
  ])('%s', (_, text) => {
    expect(failure([text])).toMatchObject({ code: 'framing', status: 400 });
    expect(failure(bytewise(text))).toMatchObject({ code: 'framing', status: 400 });
  });

  test.each([['x'], ['-5'], ['5, 5'], [''], ['99999999999999999999'], ['5\r\nl: 6']])('Content-Length %j: the border of the message is lost, but it can be answered', (value) => {
    const error = failure([message('hello', `Content-Length: ${value}\r\n`)]);
    expect(error).toMatchObject({ code: 'content-length', status: 400 });
    expect(error.partial?.callId).toBe('c');
  });

  test('a message over the limit is refused as soon as its headers are there', () => {
    const error = failure([`${HEAD}Content-Length: 5000\r\n\r\n`]);
    expect(error).toMatchObject({ code: 'too-large', status: 413 });
    expect(error.partial?.callId).toBe('c');
    const exact = message('x'.repeat(100));
    expect(frame([exact], { ...limits, maxMessageBytes: exact.length }).frames).toEqual([exact]);
    expect(failure([exact], { ...limits, maxMessageBytes: exact.length - 1 }).code).toBe('too-large');
  });

  test('headers over the limit', () => {
    const endless = `${HEAD}X: ${'x'.repeat(3000)}`;
    expect(failure([endless])).toMatchObject({ code: 'too-large', status: 413 });
    expect(failure(bytewise(endless)).partial?.callId).toBe('c');
    expect(failure(['x'.repeat(3000)])).toMatchObject({ code: 'too-large' });
    expect(failure([`${HEAD}X: ${'x'.repeat(300)}\r\n\r\n`], { ...limits, maxHeaderBytes: 300 }).code).toBe('too-large');
  });

  test('messages before the fault are given out; the next push throws', () => {
    const { framer, frames } = frame([`${message()}GET / HTTP/1.1\r\n`]);
    expect(frames).toEqual([message()]);
    expect(framer.error).toMatchObject({ code: 'framing' });
    expect(framer.pendingBytes).toBe(0);
    expect(() => framer.push(Buffer.from(message()))).toThrow(SipParseError);
  });

  test('after a throw every push throws the same', () => {
    const framer = new StreamFramer(limits);
    expect(framer.error).toBeUndefined();
    expect(() => framer.push(Buffer.from('\0'))).toThrow(SipParseError);
    const { error } = framer;
    expect(error).toBeInstanceOf(SipParseError);
    expect(() => framer.push(Buffer.from(message()))).toThrow(error);
  });
});
