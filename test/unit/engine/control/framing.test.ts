import fc from 'fast-check';
import { frameText, FrameError, FrameReader } from '../../../../signaling/engine/control/framing';
import { idToken, parseFrame } from '../../../../signaling/engine/control/frame';

function readAll(reader: FrameReader, chunks: Buffer[]): string[] {
  const payloads: string[] = [];
  for (const chunk of chunks) reader.push(chunk, (payload) => void payloads.push(payload));
  return payloads;
}

function cut(data: Buffer, at: number[]): Buffer[] {
  const points = [...new Set(at.map((n) => n % (data.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, i) => data.subarray(from, [...points, data.length][i])).filter((chunk) => chunk.length > 0);
}

test('frames survive any way of being split and joined', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: 'binary' }), { maxLength: 8 }), fc.array(fc.nat(5000)), (payloads, at) => {
      const sendable = payloads.filter((text) => Buffer.from(text, 'utf8').toString('utf8') === text);
      const reader = new FrameReader(100_000);
      expect(readAll(reader, cut(Buffer.from(sendable.map(frameText).join('')), at))).toEqual(sendable);
      expect(reader.pendingBytes).toBe(0);
    }),
  );
});

test('the length counts bytes, not characters', () => {
  expect(frameText('añ')).toBe('3#añ');
  expect(readAll(new FrameReader(10), [Buffer.from('3#añ2#ok')])).toEqual(['añ', 'ok']);
});

test.each([
  ['x', 'length'],
  ['#abc', 'length'],
  ['0#', 'length'],
  ['-1#a', 'length'],
  ['1 #a', 'length'],
  ['11#', 'too-large'],
  ['99999999999999999999', 'too-large'],
])('%j is no frame (%s)', (text, code) => {
  expect(() => readAll(new FrameReader(10), [Buffer.from(text)])).toThrow(expect.objectContaining({ name: 'FrameError', code }));
});

test('whatever bytes come, the reader delivers strings or throws FrameError, and holds no more than a frame and a chunk', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const reader = new FrameReader(20);
      try {
        readAll(reader, chunks.map((chunk) => Buffer.from(chunk)));
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
      }
      expect(reader.pendingBytes).toBeLessThanOrEqual(20 + 40 + 17);
    }),
  );
});

test('the limit can be raised by what a frame said', () => {
  const reader = new FrameReader(2);
  const got: string[] = [];
  reader.push(Buffer.from('2#ok5#hello'), (payload) => {
    got.push(payload);
    reader.setLimit(10);
  });
  expect(got).toEqual(['ok', 'hello']);
});

test('delivering stops when the receiver says so', () => {
  const reader = new FrameReader(10);
  const got: string[] = [];
  reader.push(Buffer.from('1#a1#b'), (payload) => {
    got.push(payload);
    return false;
  });
  expect(got).toEqual(['a']);
  expect(reader.pendingBytes).toBe(0);
});

test('a payload is tokens and, after the first line end, a SIP message with any content', () => {
  expect(parseFrame('i|sip|t|d|sip:h\r\nMESSAGE sip:a SIP/2.0\r\n\r\na|b#c\r\n')).toEqual({
    id: 'i',
    verb: 'sip',
    args: ['t', 'd', 'sip:h'],
    sip: 'MESSAGE sip:a SIP/2.0\r\n\r\na|b#c\r\n',
  });
  expect(parseFrame('i|ping')).toEqual({ id: 'i', verb: 'ping', args: [], sip: undefined });
  expect(parseFrame('no-verb')).toBeUndefined();
  expect(parseFrame('|ping')).toBeUndefined();
  expect([idToken(undefined), idToken('undefined'), idToken('x')]).toEqual(['', '', 'x']);
});
