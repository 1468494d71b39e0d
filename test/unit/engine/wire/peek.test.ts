/** What bytes tell unparsed is what the parser says of them. */
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import { SipRequest } from '../../../../signaling/engine/wire/message';
import { beginOf, callIdText, CSEQ, cseqMethod, firstLine, isResponseAt, lineEnd, methodAt, METHODS, OTHER_METHOD, statusClassAt, TO, valueAt } from '../../../../signaling/engine/wire/peek';

const bytes = (...lines: string[]): Buffer => Buffer.from([...lines, '', ''].join('\r\n'));
const rest = ['Via: SIP/2.0/UDP a;branch=z9hG4bK1', 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>', 'Call-ID: one@two', 'CSeq: 4711 INVITE'];

test.each(METHODS.slice(0, OTHER_METHOD))('%s is told by its first bytes', (method) => {
  expect(METHODS[methodAt(bytes(`${method} sip:a@b SIP/2.0`), 0)]).toBe(method);
  for (const longer of [`${method}X sip:a@b SIP/2.0`, `${method.slice(0, -1)} sip:a@b SIP/2.0`, `${method.toLowerCase()} sip:a@b SIP/2.0`]) expect(METHODS[methodAt(bytes(longer), 0)]).toBe('other');
});

test('a message that ends where its method does', () => {
  expect(METHODS[methodAt(Buffer.from('BYE'), 0)]).toBe('BYE');
  expect(methodAt(Buffer.from('BY'), 0)).toBe(OTHER_METHOD);
  expect(methodAt(Buffer.alloc(0), 0)).toBe(OTHER_METHOD);
});

test.each([
  ['SIP/2.0 200 OK', true, 2],
  ['sip/2.0 487 No', true, 4],
  ['SIP/2.0 699 No', true, 6],
  ['SIP/2.0 777 No', true, 0],
  ['SIP/2.0', true, 0],
  ['SIPPING sip:a@b SIP/2.0', false, 0],
  ['S', false, 0],
])('%j: a response %s, of class %s', (line, isResponse, statusClass) => {
  const data = bytes(line);
  expect(isResponseAt(data, beginOf(data))).toBe(isResponse);
  if (isResponse) expect(statusClassAt(data, 0)).toBe(statusClass);
});

test.each([
  ['Call-ID: one@two', 'one@two'],
  ['call-id  :   one@two  ', 'one@two'],
  ['CALL-ID:one@two', 'one@two'],
  ['i: one@two', 'one@two'],
  ['I\t:\tone@two', 'one@two'],
  ['Call-IDx: one', undefined],
  ['Call-ID one', undefined],
  ['Call-ID:', undefined],
  ['X: call-id: one', undefined],
])('%j', (line, callId) => {
  expect(callIdText(bytes('OPTIONS sip:a SIP/2.0', 'Via: x', line, 'To: y'))).toBe(callId);
});

test('headers end at the empty line, and line ends before the message are no empty line', () => {
  expect(callIdText(bytes('OPTIONS sip:a SIP/2.0', 'Via: x', '', 'Call-ID: body'))).toBeUndefined();
  const early = Buffer.from('\r\n\r\nBYE sip:a SIP/2.0\nCall-ID: lf\nCSeq: 1 BYE\n\n');
  expect([callIdText(early), METHODS[cseqMethod(early)], firstLine(early), METHODS[methodAt(early, beginOf(early))]]).toEqual(['lf', 'BYE', 'BYE sip:a SIP/2.0', 'BYE']);
});

test('CSeq names the method of a response; without one it is another', () => {
  expect(METHODS[cseqMethod(bytes('SIP/2.0 200 OK', ...rest))]).toBe('INVITE');
  for (const bad of ['CSeq: INVITE', 'CSeq: 1', 'X: 1 INVITE']) expect(METHODS[cseqMethod(bytes('SIP/2.0 200 OK', bad))]).toBe(bad === 'CSeq: INVITE' ? 'INVITE' : 'other');
});

test('values: where they begin and end', () => {
  const data = bytes('INVITE sip:a SIP/2.0', ...rest, 't: <sip:second>');
  const to = valueAt(data, TO);
  expect(data.toString('latin1', to, lineEnd(data, to))).toBe('<sip:c@d>');
  const cseq = valueAt(data, CSEQ);
  expect(data.toString('latin1', cseq, lineEnd(data, cseq))).toBe('4711 INVITE');
});

test('the first line is cut where somebody says so', () => {
  expect(firstLine(Buffer.from(`INVITE sip:${'a'.repeat(1000)}@b SIP/2.0\r\n`), 20)).toBe('INVITE sip:aaaaaaaaa');
  expect(firstLine(Buffer.from('no line end'))).toBe('no line end');
});

test('nothing throws, whatever the bytes', () => {
  let state = 12345;
  const next = (): number => (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 8;
  const whole = bytes('INVITE sip:a SIP/2.0', ...rest);
  for (let round = 0; round < 3000; round++) {
    const data = Buffer.from(whole.subarray(0, next() % (whole.length + 1)));
    for (let i = 0; i < next() % 6; i++) if (data.length > 0) data[next() % data.length] = [0x0a, 0x0d, 0x20, 0x3a, 0x00, 0xff][next() % 6]!;
    expect(() => [callIdText(data), cseqMethod(data), firstLine(data), methodAt(data, beginOf(data)), valueAt(data, TO)]).not.toThrow();
    try {
      const message = parseMessage(data, { maxMessageBytes: 4096, maxHeaders: 100 });
      if (message.headers.getAll('call-id').length === 1) expect(callIdText(data) ?? '').toBe(message.headers.get('call-id'));
      if (message instanceof SipRequest && methodAt(data, beginOf(data)) !== OTHER_METHOD) expect(METHODS[methodAt(data, beginOf(data))]).toBe(message.method);
    } catch (error) {
      if ((error as Error).name !== 'SipParseError') throw error;
    }
  }
});
