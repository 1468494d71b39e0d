import { readRefer, readReplaces } from '../../../signaling/app/refer';

const refer = (headers: Record<string, string>) => readRefer({ get: (name) => headers[name] });

test.each<[string, object]>([
  ['<sip:1003@pbx.test>', { number: '1003', replaces: undefined, notices: true }],
  ['sip:1003@pbx.test', { number: '1003' }],
  ['"The voicemail" <sips:*97@pbx.test;transport=tls;method=INVITE>;x=y', { number: '*97' }],
  ['<tel:+1-003>', { number: '+1003' }],
  ['<sip:pbx.test>', { number: undefined }],
  ['<sip:1003@pbx.test?Subject=x&Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>', { number: '1003', replaces: { callId: 'a@b', localTag: '1', remoteTag: '2', earlyOnly: false } }],
])('Refer-To: %s', (to, asked) => {
  expect(refer({ 'Refer-To': to })).toMatchObject(asked);
});

test.each<[string | undefined, number]>([
  [undefined, 400],
  ['', 400],
  ['<sip:1003@pbx.test>, <sip:1004@pbx.test>', 400],
  ['<sip:1003@pbx.test', 400],
  ['<https://pbx.test>', 416],
  ['<sip:1003@pbx.test;method=BYE>', 400],
  ['<sip:1003@pbx.test?Replaces=a%zz>', 400],
  ['<sip:1003@pbx.test?Replaces=a%3Bto-tag%3D1>', 400],
])('Refer-To: %s is refused with %d', (to, status) => {
  expect(refer({ ...(to !== undefined && { 'Refer-To': to }) })).toMatchObject({ status });
});

test('Refer-Sub: false (RFC 4488)', () => {
  expect(refer({ 'Refer-To': '<sip:1003@a>', 'Refer-Sub': ' False ;x' })).toMatchObject({ notices: false });
  expect(refer({ 'Refer-To': '<sip:1003@a>', 'Refer-Sub': 'true' })).toMatchObject({ notices: true });
});

test('Replaces (RFC 3891 §6.1)', () => {
  expect(readReplaces(' 425@10.1 ; from-tag=a ;to-tag=b;early-only')).toEqual({ callId: '425@10.1', localTag: 'b', remoteTag: 'a', earlyOnly: true });
  for (const bad of ['', 'x', 'x;to-tag=1', ';to-tag=1;from-tag=2', 'x;to-tag=1;to-tag=2;from-tag=3', 'x;to-tag=;from-tag=3', 'x, y;to-tag=1;from-tag=2']) expect(readReplaces(bad)).toBeUndefined();
});
