/** The ladder of a call as data and as a drawing. */
import { draw } from '../../../../signaling/engine/observe/ladder-drawing';
import { ladderOf, type Ladder, type LadderMessage } from '../../../../signaling/engine/observe/ladder';
import { LadderMemory } from '../../../../signaling/engine/observe/ladder-memory';
import { flow, message } from './support';

const T0 = Date.UTC(2026, 0, 1, 10);
const alice = flow('udp', { address: '192.0.2.7', port: 5062 });
const bob = flow('tls', { address: '2001:db8::9', port: 40312 }, { address: '::', port: 5061 });
const sdp = 'v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY\r\n';

/** A call through us with a repeated INVITE, a challenge and a hang-up. */
function bridged(columns?: number): Ladder {
  const memory = new LadderMemory({ messages: 50, perCall: 50, bytes: 2048 });
  let at = T0;
  const keep = (callId: string, from: typeof alice, sent: boolean, data: Buffer): void => memory.keep(callId, data, from, sent, (at += 250.5));
  const invite = message('INVITE sip:bob@x SIP/2.0', '1 INVITE', 'a', ['Authorization: Digest username="alice", response="secret"', 'Content-Type: application/sdp'], sdp);
  keep('a', alice, false, invite);
  keep('a', alice, true, message('SIP/2.0 100 Trying', '1 INVITE', 'a'));
  keep('b', bob, true, message('INVITE sip:bob@y SIP/2.0', '7 INVITE', 'b', ['c: application/sdp'], sdp));
  keep('a', alice, false, invite);
  keep('b', bob, false, message('SIP/2.0 180 Ringing', '7 INVITE', 'b'));
  keep('a', alice, true, message('SIP/2.0 180 Ringing', '1 INVITE', 'a'));
  keep('b', bob, false, message('BYE sip:x SIP/2.0', '1 BYE', 'b'));
  keep('b', bob, true, message('SIP/2.0 200 OK', '1 BYE', 'b'));
  return ladderOf(memory, ['a', 'b'], ({ local, remote }) => (local.address === '::' ? `towards-${remote.port}` : local.address), columns);
}

test('says who said what to whom, when, over what, and what was said before', () => {
  const { messages } = bridged();
  expect(messages.map((one) => [one.at - T0, one.from, one.to, one.transport, one.callId, one.firstLine, one.again])).toEqual([
    [250.5, '192.0.2.7:5062', '192.0.2.1:5060', 'udp', 'a', 'INVITE sip:bob@x SIP/2.0', false],
    [501, '192.0.2.1:5060', '192.0.2.7:5062', 'udp', 'a', 'SIP/2.0 100 Trying', false],
    [751.5, 'towards-40312:5061', '[2001:db8::9]:40312', 'tls', 'b', 'INVITE sip:bob@y SIP/2.0', false],
    [1002, '192.0.2.7:5062', '192.0.2.1:5060', 'udp', 'a', 'INVITE sip:bob@x SIP/2.0', true],
    [1252.5, '[2001:db8::9]:40312', 'towards-40312:5061', 'tls', 'b', 'SIP/2.0 180 Ringing', false],
    [1503, '192.0.2.1:5060', '192.0.2.7:5062', 'udp', 'a', 'SIP/2.0 180 Ringing', false],
    [1753.5, '[2001:db8::9]:40312', 'towards-40312:5061', 'tls', 'b', 'BYE sip:x SIP/2.0', false],
    [2004, 'towards-40312:5061', '[2001:db8::9]:40312', 'tls', 'b', 'SIP/2.0 200 OK', false],
  ]);
  expect(messages.map((one) => one.direction === 'sent')).toEqual([false, true, true, false, false, true, false, true]);
  expect(messages[0]!.bytes).toBe(Buffer.byteLength(messages[0]!.text) + 'secret'.length - '***'.length + 'KEY'.length - '***'.length);
  for (const { text } of messages) expect(text).not.toMatch(/secret|KEY/);
});

test('drawn at 80 columns', () => {
  expect(`\n${bridged(80).diagram}`).toBe(`
1  Call-ID a
2  Call-ID b

                 192.0.2.7:5062             engine           [2001:db8::9]:40312
                       udp                                           tls
                        │                      │                      │
10:00:00.250 1          ├─ INVITE sdp ────────▶│                      │
10:00:00.501 1          │◀─ 100 Trying ────────┤                      │
10:00:00.751 2          │                      ├─ INVITE sdp ────────▶│
10:00:01.002 1          ├╌ INVITE sdp again ╌╌▶│                      │
10:00:01.252 2          │                      │◀─ 180 Ringing ───────┤
10:00:01.503 1          │◀─ 180 Ringing ───────┤                      │
10:00:01.753 2          │                      │◀─ BYE ───────────────┤
10:00:02.004 2          │                      ├─ 200 OK (BYE) ──────▶│
                        │                      │                      │
8 messages, 1 of them again; times are UTC
`);
});

test('never wider than asked for, between 80 and 120', () => {
  for (const [asked, most] of [[1, 80], [80, 80], [100, 100], [117, 117], [500, 120], [undefined, 100], [Number.NaN, 80]] as const) {
    const widths = bridged(asked).diagram.split('\n').map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(most);
    expect(Math.max(...widths)).toBeGreaterThan(most - 20);
  }
});

const one = (peer: string, firstLine: string, more: Partial<LadderMessage> = {}): LadderMessage => ({
  at: T0, direction: 'received', from: peer, to: 'us:5060', transport: 'udp', callId: 'a', firstLine, bytes: 1, again: false, text: `${firstLine}\r\nCSeq: 1 INVITE\r\n`, cut: false, ...more,
});

test('more parties than columns: the last one stands for the others, whose names are said', () => {
  const diagram = draw(Array.from({ length: 9 }, (_, i) => one(`192.0.2.${i}:5060`, `INVITE sip:${i} SIP/2.0`)), 100);
  const lines = diagram.split('\n');
  expect(lines[2]).toContain('others');
  expect(lines.filter((line) => line.includes('┤') && line.includes('192.0.2.'))).toHaveLength(6);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  // A line that passes others' crosses them.
  expect(lines.some((line) => line.includes('┼'))).toBe(true);
});

test('a stranger’s text cannot do anything to a terminal', () => {
  const diagram = draw([one('p:1', 'BREW\u001b[31m\u202e sip:x SIP/2.0', { callId: 'a\u001b[2Jb\u0007' }), one('p:1', 'SIP/2.0 200 \u009b31m')]);
  expect(diagram).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

test('nothing to show is said', () => {
  expect(draw([])).toBe('No message of this call is remembered.');
});

test('Call-IDs that are not ASCII are found and shown as they are written', () => {
  const memory = new LadderMemory({ messages: 5, perCall: 5, bytes: 500 });
  memory.keep(Buffer.from('grüße@x').toString('latin1'), message('BYE sip:b SIP/2.0', '1 BYE', 'grüße@x'), alice, false, T0);
  expect(ladderOf(memory, ['grüße@x'], () => 'us').messages).toMatchObject([{ callId: 'grüße@x' }]);
});

test('the same from another peer, or the other way, or cut where it differs, is no repetition', () => {
  const memory = new LadderMemory({ messages: 9, perCall: 9, bytes: 20 });
  const data = message('OPTIONS sip:b SIP/2.0', '1 OPTIONS');
  const elsewhere = flow('udp', { address: '192.0.2.8', port: 5062 });
  memory.keep('a', data, alice, false, 1);
  memory.keep('a', data, alice, true, 2);
  memory.keep('a', data, elsewhere, false, 3);
  memory.keep('a', Buffer.concat([data, Buffer.from('x')]), alice, false, 4);
  memory.keep('a', data, elsewhere, false, 5);
  const { messages } = ladderOf(memory, ['a'], () => 'us');
  expect(messages.map((each) => each.again)).toEqual([false, false, false, false, true]);
  expect(messages.every((each) => each.cut)).toBe(true);
});
