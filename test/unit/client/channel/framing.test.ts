import fc from 'fast-check';
import { FramingError, MAX_BODY_BYTES, MAX_HEAD_BYTES, StreamFraming } from '../../../../client/node/channel/framing';

function read(...chunks: Array<string | Buffer>): string[] {
  const out: string[] = [];
  const framing = new StreamFraming({ message: (text) => void out.push(text), ping: () => void out.push('ping'), pong: () => void out.push('pong') });
  for (const chunk of chunks) framing.push(Buffer.from(chunk as string));
  return out;
}

const message = (body: string, header = 'Content-Length'): string => `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\n${header}: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test.each(['Content-Length', 'content-length ', 'l', 'L'])('the body is as long as %s says', (header) => {
  expect(read(message('hällo', header) + message(''))).toEqual([message('hällo', header), message('')]);
});

test('no Content-Length: no body', () => {
  expect(read('SIP/2.0 200 OK\r\nVia: x\r\n\r\n', message(''))).toEqual(['SIP/2.0 200 OK\r\nVia: x\r\n\r\n', message('')]);
});

test('a folded Content-Length', () => {
  const text = 'SIP/2.0 200 OK\r\nContent-Length:\r\n  2\r\n\r\nab';
  expect(read(text)).toEqual([text]);
});

test('keep-alives between messages', () => {
  expect(read('\r\n\r\n', message('x'), '\r\n', message('y') + '\r\n\r\n\r\n')).toEqual(['ping', message('x'), 'pong', message('y'), 'ping', 'pong']);
});

test('however the stream is cut, the same messages come out', () => {
  const stream = Buffer.from(`\r\n${message('äöü')}${message('')}${message('x'.repeat(300), 'l')}\r\n\r\n${message('z')}`);
  const wanted = [message('äöü'), message(''), message('x'.repeat(300), 'l'), message('z')];
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 40 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const chunks = at.slice(1).map((end, i) => stream.subarray(at[i], end));
      expect(read(...chunks).filter((one) => one.length > 4)).toEqual(wanted);
    }),
  );
});

test.each([
  ['garbage', '\x16\x03\x01\x02'],
  ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['an endless start line', 'A'.repeat(5000)],
  ['endless headers', `OPTIONS sip:a SIP/2.0\r\n${'X: y\r\n'.repeat(MAX_HEAD_BYTES / 6 + 10)}`],
  ['a huge body', `OPTIONS sip:a SIP/2.0\r\nl: ${MAX_BODY_BYTES + 1}\r\n\r\n`],
  ['a negative length', 'OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n'],
  ['two lengths', 'OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nab'],
])('%s ends the connection', (_name, text) => {
  expect(() => read(text)).toThrow(FramingError);
});

test('any bytes give messages or a FramingError', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 10 }), (chunks) => {
      try {
        read(...chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        expect(error).toBeInstanceOf(FramingError);
      }
    }),
  );
});
