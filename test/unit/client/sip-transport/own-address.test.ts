/** Our address over sip.js's placeholder, and back. */
import { applyEdits, headerValue, readHead, topVia } from '../../../../client/sip/message-text';
import { OwnAddress, PLACEHOLDER_HOST, stampVia } from '../../../../client/sip/own-address';

const head = (...lines: string[]) => {
  const read = readHead([...lines, '', ''].join('\r\n'));
  if (!read) throw new Error('unreadable');
  return read;
};

describe.each([
  ['192.0.2.7', '192.0.2.7:40000'],
  ['2001:db8::7', '[2001:db8::7]:40000'],
])('our address %s', (host, text) => {
  const sentBy = { protocol: 'TCP', address: { host, port: 40000 } } as const;
  const own = new OwnAddress();
  own.use(sentBy.address);

  test('is written over the placeholder and back', () => {
    const request = head('REGISTER sip:x SIP/2.0', `Via: SIP/2.0/UDP ${PLACEHOLDER_HOST};branch=z9hG4bK1`, 'To: <sip:a@x>', `Contact: "phone.invalid" <sip:a@${PLACEHOLDER_HOST}>;expires=60`);
    const out = applyEdits(request.text, own.out(request, sentBy, sentBy));
    expect(out).toContain(`Via: SIP/2.0/TCP ${text};branch=z9hG4bK1;rport\r\n`);
    expect(out).toContain(`Contact: "phone.invalid" <sip:a@${text};transport=tcp>;expires=60\r\n`);
    const answer = head('SIP/2.0 200 OK', `Via: SIP/2.0/TCP ${text};branch=z9hG4bK1;rport=1;received=1.1.1.1`, `Contact: <sip:a@9.9.9.9>;expires=1, <sip:a@${text};transport=tcp>;expires=60`);
    const back = applyEdits(answer.text, own.in(answer));
    expect(back).toContain(`Via: SIP/2.0/TCP ${PLACEHOLDER_HOST};branch=z9hG4bK1;`);
    expect(back).toContain(`Contact: <sip:a@9.9.9.9>;expires=1, <sip:a@${PLACEHOLDER_HOST}>;expires=60\r\n`);
  });

  test('a foreign Via stays, for sip.js to drop', () => {
    const answer = head('SIP/2.0 200 OK', 'Via: SIP/2.0/TCP 9.9.9.9:1;branch=z9hG4bK1');
    expect(own.in(answer)).toEqual([]);
  });

  test('an answer may name one that was used before, as long as not too many came after it', () => {
    const many = new OwnAddress();
    const via = (port: number) => head('SIP/2.0 200 OK', `Via: SIP/2.0/TCP ${text.replace('40000', String(port))};branch=z9hG4bK1`);
    for (let port = 1; port <= 32; port++) many.use({ host, port });
    many.use({ host, port: 1 });
    expect(many.in(via(2))).toHaveLength(1);
    many.use({ host, port: 33 });
    expect([many.in(via(2)).length, many.in(via(1)).length, many.in(via(33)).length]).toEqual([0, 1, 1]);
  });
});

test('where a request came from is noted; what it said of that itself is not believed', () => {
  const request = head('OPTIONS sip:a SIP/2.0', 'Via: SIP/2.0/UDP 10.0.0.9:5060;received=6.6.6.6;branch=z9hG4bK1;rport, SIP/2.0/UDP next;received=1.2.3.4');
  const via = topVia(request);
  if (!via) throw new Error('no Via');
  const out = applyEdits(request.text, [stampVia(request.text, via, { host: '127.0.0.1', port: 4444 })]);
  expect(headerValue(head(...out.split('\r\n').slice(0, 2)), 'via')).toBe('SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK1;received=127.0.0.1;rport=4444, SIP/2.0/UDP next;received=1.2.3.4');
});

test('over a WebSocket the placeholder goes out and comes back, with the transport that sip.js wrote', () => {
  const own = new OwnAddress();
  const sentBy = { protocol: 'WSS', address: undefined } as const;
  const request = head('REGISTER sip:x SIP/2.0', `Via: SIP/2.0/WSS ${PLACEHOLDER_HOST};branch=z9hG4bK1`, `Contact: <sip:a@${PLACEHOLDER_HOST};transport=wss>`);
  expect(applyEdits(request.text, own.out(request, sentBy, sentBy))).toContain(`Contact: <sip:a@${PLACEHOLDER_HOST};transport=ws>\r\n`);
  const answer = head('SIP/2.0 200 OK', `Contact: <sip:a@${PLACEHOLDER_HOST};transport=ws>;expires=60`);
  expect(applyEdits(answer.text, own.in(answer))).toContain(`Contact: <sip:a@${PLACEHOLDER_HOST};transport=wss>;expires=60\r\n`);
});
