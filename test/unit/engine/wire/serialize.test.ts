import { Headers } from '../../../../signaling/engine/wire/headers';
import { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import { messageText, serialize } from '../../../../signaling/engine/wire/serialize';

function headers(...lines: Array<[string, string]>): Headers {
  const out = new Headers();
  for (const [name, value] of lines) out.append(name, value);
  return out;
}

test('Via first, names canonical, Content-Length computed and last', () => {
  const message = new SipRequest('INVITE', 'sip:b@x', headers(['content-length', '999'], ['to', '<sip:b>'], ['v', 'SIP/2.0/UDP one'], ['X-own', '1'], ['VIA', 'SIP/2.0/UDP two'], ['l', '5']), Buffer.from('grüß'));
  const text = 'INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP one\r\nVia: SIP/2.0/UDP two\r\nTo: <sip:b>\r\nX-own: 1\r\nContent-Length: 6\r\n\r\ngrüß';
  expect(serialize(message).toString('utf8')).toBe(text);
  expect(messageText(message)).toBe(text);
});

test('no body: Content-Length 0 all the same', () => {
  expect(serialize(new SipResponse(200, 'OK', headers(['To', '<sip:b>']))).toString()).toBe('SIP/2.0 200 OK\r\nTo: <sip:b>\r\nContent-Length: 0\r\n\r\n');
  expect(messageText(new SipResponse(200, ''))).toBe('SIP/2.0 200 \r\nContent-Length: 0\r\n\r\n');
});

test('a binary body keeps its bytes', () => {
  const body = Buffer.from([0, 255, 13, 10, 128]);
  const data = serialize(new SipRequest('MESSAGE', 'sip:b', headers(['Subject', 'дом']), body));
  expect(data.subarray(data.length - 5).equals(body)).toBe(true);
  const again = parseMessage(data, { maxMessageBytes: 1000, maxHeaders: 10 });
  expect(again.body.equals(body)).toBe(true);
  expect(again.headers.get('subject')).toBe('дом');
});

test('a start line that would add a header is refused', () => {
  expect(() => serialize(new SipResponse(200, 'OK\r\nX: y'))).toThrow('reason phrase');
  expect(() => messageText(new SipRequest('INVITE', 'sip:a\r\nX: y'))).toThrow('Request-URI');
});
