import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { Headers } from '../../../../signaling/engine/wire/headers';
import { parseCSeq, SipRequest, SipResponse, startLine } from '../../../../signaling/engine/wire/message';
import { reasonPhrase } from '../../../../signaling/engine/wire/reasons';

function request(): SipRequest {
  const headers = new Headers();
  headers.append('Via', 'SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b;branch=2');
  headers.append('Via', 'SIP/2.0/UDP c;branch=3');
  headers.append('From', '"Alice" <sip:alice@a>;tag=f1');
  headers.append('To', 'sip:bob@b;tag=');
  headers.append('Call-ID', 'c1@a');
  headers.append('CSeq', '  0007   INVITE');
  return new SipRequest('INVITE', 'sip:bob@b', headers, Buffer.from('body'));
}

test('structured views', () => {
  const invite = request();
  expect(invite.callId).toBe('c1@a');
  expect(invite.cseq).toEqual({ seq: 7, method: 'INVITE' });
  expect(invite.from).toEqual({ displayName: 'Alice', uri: 'sip:alice@a', params: new Map([['tag', 'f1']]) });
  expect(invite.fromTag).toBe('f1');
  expect(invite.to.uri).toBe('sip:bob@b');
  expect(invite.toTag).toBeUndefined();
  expect(invite.topVia).toMatchObject({ host: 'a', branch: '1' });
  expect(invite.contentLength()).toBeUndefined();
});

test('views follow their header', () => {
  const invite = request();
  expect([invite.fromTag, invite.toTag, invite.cseq.seq, invite.topVia.host]).toEqual(['f1', undefined, 7, 'a']);
  invite.headers.set('From', '<sip:x@y>;tag=f2');
  invite.headers.set('To', '<sip:x@y>;tag=t2');
  invite.headers.set('CSeq', '8 INVITE');
  invite.headers.prepend('Via', 'SIP/2.0/UDP new');
  invite.headers.set('Call-ID', 'c2');
  expect([invite.fromTag, invite.toTag, invite.cseq.seq, invite.topVia.host, invite.callId]).toEqual(['f2', 't2', 8, 'new', 'c2']);
  invite.headers = request().headers;
  expect(invite.fromTag).toBe('f1');
});

test('a top Via that is written is seen at once, in the words given; those below stay', () => {
  const invite = request();
  invite.headers.prepend('Via', 'SIP/2.0/TCP first;branch=2, SIP/2.0/UDP second');
  invite.setTopVia({ ...invite.topVia, rport: 5070 }, 'SIP/2.0/TCP first;branch=2;rport=5070');
  expect(invite.topVia).toEqual({ protocol: 'TCP', host: 'first', branch: '2', rport: 5070, params: new Map() });
  expect(invite.headers.get('via')).toBe('SIP/2.0/TCP first;branch=2;rport=5070, SIP/2.0/UDP second');
});

test('setTopVia and removeTopVia touch the topmost element only', () => {
  const invite = request();
  invite.setTopVia({ ...invite.topVia, received: '192.0.2.9', rport: 5070 });
  expect(invite.headers.getAll('via')).toEqual(['SIP/2.0/UDP a;branch=1;rport=5070;received=192.0.2.9, SIP/2.0/TCP b;branch=2', 'SIP/2.0/UDP c;branch=3']);
  const hosts: string[] = [];
  while (invite.headers.has('via')) {
    hosts.push(invite.topVia.host);
    invite.removeTopVia();
  }
  expect(hosts).toEqual(['a', 'b', 'c']);
  invite.removeTopVia();
  invite.setTopVia({ protocol: 'TCP', host: 'd', params: new Map() });
  expect(invite.headers.getAll('via')).toEqual(['SIP/2.0/TCP d']);
});

test('a clone has its own headers', () => {
  const invite = request();
  const clone = invite.clone();
  clone.headers.set('To', '<sip:z@z>;tag=z');
  clone.uri = 'sip:other';
  expect(invite.toTag).toBeUndefined();
  expect(invite.uri).toBe('sip:bob@b');
  expect(clone.body).toBe(invite.body);
  expect(new SipResponse(200, 'OK', invite.headers).clone()).toMatchObject({ status: 200, reason: 'OK' });
});

test.each(['callId', 'cseq', 'from', 'to', 'fromTag', 'toTag', 'topVia'] as const)('%s of a message without its header', (view) => {
  const bare = new SipRequest('INVITE', 'sip:a');
  expect(() => bare[view]).toThrow(SipParseError);
  expect(() => bare[view]).toThrow(expect.objectContaining({ code: 'missing-header' }));
});

test.each([
  ['1 INVITE', { seq: 1, method: 'INVITE' }],
  ['4294967295 X', { seq: 4294967295, method: 'X' }],
])('CSeq %s', (text, expected) => {
  expect(parseCSeq(text)).toEqual(expected);
});

test.each([[''], ['INVITE'], ['1'], ['1 '], ['-1 INVITE'], ['1.5 INVITE'], ['4294967296 INVITE'], ['1 INV ITE'], ['1INVITE'], ['x INVITE']])('CSeq %j is refused', (text) => {
  expect(() => parseCSeq(text)).toThrow(expect.objectContaining({ code: 'cseq' }));
});

test('start lines', () => {
  expect(startLine(new SipRequest('ACK', 'sip:a'))).toBe('ACK sip:a SIP/2.0');
  expect(startLine(new SipResponse(180, 'Ringing'))).toBe('SIP/2.0 180 Ringing');
});

test.each([
  [new SipRequest('IN VITE', 'sip:a')],
  [new SipRequest('', 'sip:a')],
  [new SipRequest('INVITE', '')],
  [new SipRequest('INVITE', 'sip:a b')],
  [new SipRequest('INVITE', 'sip:a SIP/2.0\r\nX: y')],
  [new SipResponse(200, 'OK\r\nX: y')],
  [new SipResponse(99, 'Low')],
  [new SipResponse(700, 'High')],
  [new SipResponse(200.5, 'Half')],
  [new SipResponse(Number.NaN, 'None')],
])('a start line that could not be read again is not written (%#)', (message) => {
  expect(() => startLine(message)).toThrow(expect.objectContaining({ code: 'start-line' }));
});

test.each([
  [180, 'Ringing'],
  [486, 'Busy Here'],
  [488, 'Not Acceptable Here'],
  [505, 'Version Not Supported'],
  [299, 'OK'],
  [499, 'Request Failure'],
  [42, 'Unknown'],
  [900, 'Unknown'],
])('reasonPhrase(%i)', (status, reason) => {
  expect(reasonPhrase(status)).toBe(reason);
});
