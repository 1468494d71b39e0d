import { dialledNumber, printDialplan, route } from '../../../signaling/app/dialplan';

test.each<[string, string | undefined]>([
  ['sip:1002@pbx.test', '1002'],
  ['sip:1002@[2001:db8::1]:5060;transport=tcp', '1002'],
  ['sips:1002@pbx.test', '1002'],
  ['sip:%31002@pbx.test', '1002'],
  ['sip:1002;phone-context=local@pbx.test', '1002'],
  ['sip:1002:secret@pbx.test', '1002'],
  ['sip:+1002@pbx.test', '1002'],
  ['sip:10-02@pbx.test', '1002'],
  ['sip:(10)0.2@pbx.test', '1002'],
  ['tel:+10-02;phone-context=x', '1002'],
  ['TEL:1002', '1002'],
  ['sip:*43@pbx.test', '*43'],
  ['sip:%2A%2A1002@pbx.test', '**1002'],
  ['sip:*72#1002@pbx.test', '*72#1002'],
  ['sip:alice-ann@pbx.test', 'alice-ann'],
  ['sip:+alice@pbx.test', '+alice'],
  ['sip:pbx.test', undefined],
  ['sip:@pbx.test', undefined],
  ['sip:+@pbx.test', '+'],
  [`sip:${'1'.repeat(65)}@pbx.test`, undefined],
  ['sip:1%0d%0aX@pbx.test', undefined],
  ['sip:1%20002@pbx.test', undefined],
  ['sip:%zz@pbx.test', undefined],
  ['http://pbx.test', undefined],
  ['', undefined],
])('dialled %s: %s', (uri, number) => {
  expect(dialledNumber(uri)).toBe(number);
});

const known = { isExtension: (n: string) => ['1001', '1002'].includes(n) };

test.each<[string | undefined, object]>([
  ['1002', { kind: 'extension', number: '1002' }],
  ['1001', { kind: 'reject', refusal: { status: 486, q850: 17, reason: 'you are calling your own number 1001' } }],
  ['1009', { kind: 'reject', refusal: { status: 404, q850: 1, reason: 'there is no number 1009' } }],
  [undefined, { kind: 'reject', refusal: { status: 484, q850: 28 } }],
])('1001 dials %s', (number, expected) => {
  expect(route({ number, caller: '1001' }, known)).toMatchObject(expected);
});

test('the plan can be printed', () => {
  expect(printDialplan().split('\n')).toEqual([
    '(nothing)                rejected: 484',
    "the caller's own number  rejected: 486",
    'an extension             its phones ring',
    '(anything else)          rejected: 404',
  ]);
});
