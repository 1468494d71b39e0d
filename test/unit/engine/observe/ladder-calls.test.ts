/** Which calls are remembered, and how they are known again. */
import { rememberedCalls } from '../../../../signaling/engine/observe/ladder-calls';
import { LadderMemory } from '../../../../signaling/engine/observe/ladder-memory';
import { flow, message } from './support';

const T0 = Date.UTC(2026, 0, 1, 10);

function remembers(...messages: Array<[callId: string, data: Buffer]>): (limit?: number) => ReturnType<typeof rememberedCalls> {
  const memory = new LadderMemory({ messages: 50, perCall: 5, bytes: 400 });
  messages.forEach(([callId, data], index) => memory.keep(Buffer.from(callId).toString('latin1'), data, flow(), false, T0 + index * 1000));
  return (limit = 100) => rememberedCalls(memory, limit);
}

const from = (startLine: string, cseq: string, fromValue: string, toValue = '<sip:b@x>'): Buffer => Buffer.from(`${startLine}\r\nf: ${fromValue}\r\nTo: ${toValue}\r\nCall-ID: x\r\nCSeq: ${cseq}\r\n\r\n`);

test('the newest first, each with the status of what began it', () => {
  const calls = remembers(
    ['grüße', message('INVITE sip:b@x SIP/2.0', '1 INVITE')],
    ['b', message('REGISTER sip:x SIP/2.0', '1 REGISTER')],
    ['grüße', message('SIP/2.0 407 No', '1 INVITE')],
    ['grüße', message('SIP/2.0 486 Busy', '2 INVITE')],
    ['grüße', message('BYE sip:b@x SIP/2.0', '3 BYE')],
    ['grüße', message('SIP/2.0 200 OK', '3 BYE')],
  );
  const first = { callId: 'grüße', method: 'INVITE', from: 'a', to: 'b', firstAt: T0, lastAt: T0 + 5000, messages: 5, status: 486 };
  expect(calls()).toEqual([first, { callId: 'b', method: 'REGISTER', from: 'a', to: 'b', firstAt: T0 + 1000, lastAt: T0 + 1000, messages: 1, status: undefined }]);
  expect(calls(1)).toEqual([first]);
});

test('a call whose beginning is gone is known by the request that its oldest message belongs to', () => {
  const calls = remembers(...Array.from({ length: 7 }, (_, i): [string, Buffer] => ['a', message(i < 6 ? 'SIP/2.0 180 Ringing' : 'SIP/2.0 200 OK', '1 INVITE')]));
  expect(calls()).toMatchObject([{ method: 'INVITE', messages: 5, status: 200 }]);
});

test.each([
  ['"Alice \\"A\\"" <sip:1001@x;transport=tcp>;tag=1', '1001'],
  ['sip:%31002:secret@x', '1002'],
  ['<sip:pbx.example>', 'pbx.example'],
  ['<tel:+49123>', 'tel:+49123'],
  ['"never closed', '"never closed'],
  ['<sip:a@x', '<sip:a@x'],
])('From: %s is %s', (value, name) => {
  expect(remembers(['x', from('INVITE sip:b SIP/2.0', '1 INVITE', value)])()[0]!.from).toBe(name);
});

test('what is no message of a known kind is listed all the same, and what is long is cut', () => {
  const long = 'z'.repeat(300);
  const calls = remembers(['x', from('BREW sip:b SIP/2.0', '1 BREW', `<sip:${long}@x>`)], ['y', Buffer.from([0xff, 0, 13, 10])])();
  expect(calls).toMatchObject([{ callId: 'y', method: 'other', from: '', to: '' }, { callId: 'x', method: 'BREW' }]);
  expect(calls[1]!.from.length).toBe(80);
});
