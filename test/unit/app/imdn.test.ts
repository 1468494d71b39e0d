import { elements, readXml } from '../../../signaling/app/events/xml';
import { notice, noticeAsked, wants } from '../../../signaling/app/imdn';

const cpim = (notification: string, more = ''): string =>
  `From: <sip:1001@pbx.test>\r\nTo: <sip:1002@pbx.test>\r\nDateTime: 2026-11-24T01:02:03Z\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: Asd7f1\r\n${notification}${more}\r\nContent-Type: text/plain\r\n\r\nhello`;

test('what a message asks for', () => {
  const asked = noticeAsked('Message/CPIM; charset=utf-8', cpim('imdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n'));
  expect(asked).toEqual({ messageId: 'Asd7f1', dateTime: '2026-11-24T01:02:03Z', positive: true, negative: true, processing: false });
  expect((['stored', 'delivered', 'failed'] as const).map((what) => wants(asked!, what))).toEqual([false, true, true]);
  expect(noticeAsked('message/cpim', cpim('imdn.Disposition-Notification: processing\n').replaceAll('imdn.', 'x.').replace('NS: imdn', 'NS: x'))).toMatchObject({ processing: true });
});

test.each([
  ['plain text', 'text/plain', cpim('imdn.Disposition-Notification: positive-delivery\r\n')],
  ['nothing asked for', 'message/cpim', cpim('')],
  ['only what phones tell', 'message/cpim', cpim('imdn.Disposition-Notification: display\r\n')],
  ['words inside the text', 'message/cpim', `From: a\r\n\r\n${cpim('imdn.Disposition-Notification: positive-delivery\r\n')}`],
  ['an id with a line of its own', 'message/cpim', cpim('imdn.Disposition-Notification: positive-delivery\r\n').replace('Asd7f1', 'a b')],
])('%s: no notice', (_what, type, body) => expect(noticeAsked(type, body)).toBeUndefined());

test('the notice says which message, for whom, and what became of it', () => {
  const asked = { messageId: 'a<b', dateTime: undefined, positive: true, negative: true, processing: true };
  const text = notice(asked, 'delivered', { from: 'sip:1002@pbx.test', to: 'sip:1001@pbx.test', id: 'n1', at: new Date(0) });
  const [head, inner, xml] = text.split('\r\n\r\n') as [string, string, string];
  expect(head.split('\r\n')).toEqual(['From: <sip:1002@pbx.test>', 'To: <sip:1001@pbx.test>', 'DateTime: 1970-01-01T00:00:00.000Z', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: n1']);
  expect(inner.split('\r\n')).toEqual(['Content-Type: message/imdn+xml', 'Content-Disposition: notification', `Content-Length: ${Buffer.byteLength(xml)}`]);
  const root = readXml(xml)!;
  expect([elements(root, 'message-id')[0]?.text, elements(root, 'delivery-notification')[0]?.children[0]?.children[0]?.name]).toEqual(['a<b', 'delivered']);
  expect(notice(asked, 'stored', { from: 'a', to: 'b', id: 'n', at: new Date(0) })).toContain('<processing-notification><status><stored/></status></processing-notification>');
});
