/** Messages are counted by direction, transport, method and class. */
import { Traffic } from '../../../../signaling/engine/observe/traffic';
import { flow, message } from './support';

test('each in its cell, and nothing that was not there', () => {
  const traffic = new Traffic();
  expect(traffic.counts()).toEqual({ received: {}, sent: {} });
  const udp = flow();
  const wss = flow('wss');
  traffic.received(message('INVITE sip:b SIP/2.0', '1 INVITE'), udp);
  traffic.received(message('INVITE sip:b SIP/2.0', '1 INVITE'), udp);
  traffic.received(message('BREW sip:b SIP/2.0', '1 BREW'), wss);
  traffic.received(message('SIP/2.0 200 OK', '1 BYE'), wss);
  traffic.sent(message('SIP/2.0 100 Trying', '1 INVITE'), udp);
  traffic.sent(message('SIP/2.0 180 Ringing', '1 INVITE'), udp);
  traffic.sent(message('SIP/2.0 603 Decline', '1 INVITE'), udp);
  traffic.sent(message('ACK sip:b SIP/2.0', '1 ACK'), wss);
  expect(traffic.counts()).toEqual({
    received: { udp: { INVITE: { requests: 2 } }, wss: { other: { requests: 1 }, BYE: { '2xx': 1 } } },
    sent: { udp: { INVITE: { '1xx': 2, '6xx': 1 } }, wss: { ACK: { requests: 1 } } },
  });
});

test('what is no message is counted as something else, or unreadable', () => {
  const traffic = new Traffic();
  for (const bytes of ['', '\r\n', 'hello', 'SIP/2.0 ', 'SIP/2.0 999 What\r\nCSeq: 1 INVITE\r\n\r\n']) traffic.received(Buffer.from(bytes), flow('tcp'));
  expect(traffic.counts().received).toEqual({ tcp: { other: { requests: 3, unreadable: 1 }, INVITE: { unreadable: 1 } } });
});
