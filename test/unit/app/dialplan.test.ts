import { dialledNumber, dialplan } from '../../../signaling/app/dialplan';
import { exactly, type Feature } from '../../../signaling/app/feature';

test.each<[string, string | undefined]>([
  ['sip:1002@pbx.test', '1002'],
  ['sip:1002@[2001:db8::1]:5060;transport=tcp', '1002'],
  ['sips:1002@pbx.test', '1002'],
  ['sip:%31002@pbx.test', '1002'],
  ['sip:1002;phone-context=local@pbx.test', '1002'],
  ['sip:1002:secret@pbx.test', '1002'],
  ['sip:+1002@pbx.test', '+1002'],
  ['sip:10-02@pbx.test', '1002'],
  ['sip:(10)0.2@pbx.test', '1002'],
  ['tel:+10-02;phone-context=x', '+1002'],
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
  expect(dialplan().route({ number, caller: '1001' }, known)).toMatchObject(expected);
});

const echo: Feature = { name: 'echo', numbers: [exactly('*43', 'hear yourself'), exactly('8000', 'a room', { room: '8000', args: { room: '8000' } })] };
const prefix: Feature = {
  name: 'prefix',
  numbers: [{ pattern: '**NUMBER', meaning: 'pick up', matches: (n) => (n.startsWith('**') ? { number: n.slice(2) } : undefined) }],
};

test.each<[string, object]>([
  ['*43', { kind: 'service', number: '*43', feature: { name: 'echo' }, args: {}, near: undefined }],
  ['8000', { kind: 'service', number: '8000', args: { room: '8000' }, near: 'room:8000' }],
  ['**1002', { kind: 'service', number: '**1002', feature: { name: 'prefix' }, args: { number: '1002' } }],
  ['*430', { kind: 'reject', refusal: { status: 404 } }],
  ['1002', { kind: 'extension', number: '1002' }],
])('with features, 1001 dials %s', (number, expected) => {
  expect(dialplan([echo, prefix]).route({ number, caller: '1001' }, known)).toMatchObject(expected);
});

test('rows for one number are not asked one by one, however many there are', () => {
  const asked: string[] = [];
  const many: Feature = { name: 'many', numbers: Array.from({ length: 1000 }, (_, i) => ({ ...exactly(String(20_000 + i), 'one'), matches: (n: string) => (asked.push(n), n === String(20_000 + i) ? {} : undefined) })) };
  const plan = dialplan([many, prefix]);
  expect(plan.route({ number: '20999', caller: '1001' }, known)).toMatchObject({ kind: 'service', number: '20999' });
  expect(plan.route({ number: '1002', caller: '1001' }, known)).toMatchObject({ kind: 'extension' });
  expect(asked).toEqual(['20999']);
});

test('a number of a tenant leads to the features by what was dialled, and to extensions by its id', () => {
  const one = { isExtension: (n: string) => n === '1002@acme.example' };
  expect(dialplan([echo]).route({ number: '*43@acme.example', caller: '1001@acme.example' }, one)).toMatchObject({ kind: 'service', feature: { name: 'echo' } });
  expect(dialplan([echo]).route({ number: '1002@acme.example', caller: '1001@acme.example' }, one)).toMatchObject({ kind: 'extension', number: '1002@acme.example' });
});

test('two features cannot have one number', () => {
  expect(() => dialplan([echo, { ...echo, name: 'other' }])).toThrow('two features have the number *43: echo and other');
});

test('the rows of features are printed between', () => {
  expect(dialplan([echo]).print().split('\n').slice(2, 4)).toEqual(['*43                      hear yourself', '8000                     a room']);
});

test('the plan can be printed', () => {
  expect(dialplan().print().split('\n')).toEqual([
    '(nothing)                rejected: 484',
    "the caller's own number  rejected: 486",
    'an extension             its phones ring',
    'a ring group             the phones of its members ring',
    '(anything else)          rejected: 404',
  ]);
});

test('where a number leads without a feature: to the next that has it, or on', () => {
  const feature = (name: string, more: object = {}): Feature => ({ name, numbers: [{ ...exactly('*60', name), pattern: name, ...more }] });
  const plan = dialplan([feature('exact'), feature('first', { exact: undefined, first: true }), feature('other', { exact: undefined })]);
  const to = (without?: string) => {
    const route = plan.route({ number: '*60', caller: '1001', without }, { isExtension: () => false });
    return route.kind === 'service' ? route.feature.name : route.kind;
  };
  expect([to(), to('first'), to('other')]).toEqual(['first', 'exact', 'first']);
  const alone = dialplan([feature('exact'), feature('other', { exact: undefined })]).route({ number: '*60', caller: '1001', without: 'exact' }, { isExtension: () => false });
  expect(alone).toMatchObject({ kind: 'service', feature: { name: 'other' } });
});
