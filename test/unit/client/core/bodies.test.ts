/** What NOTIFY brings, as servers write it, and as nobody should. */
import fc from 'fast-check';
import { messageSummary, presence } from '../../../../client/sip/bodies';
import { sipfrag } from '../../../../client/sip/refer';
import { dialled, nameAddr, splitList } from '../../../../client/sip/party';
import { loadSip, type Sip } from '../../../../client/sip/sip-js';
import { sentenceFor } from '../../../../client/sentences';

let sip: Sip;
beforeAll(async () => void (sip = await loadSip()));

test.each([
  ['Messages-Waiting: yes\r\nMessage-Account: sip:1001@pbx.test\r\nVoice-Message: 4/8 (1/2)\r\n', { waiting: true, newMessages: 4, oldMessages: 8, urgentNew: 1, account: 'sip:1001@pbx.test' }],
  ['messages-waiting : NO\n', { waiting: false, newMessages: 0, oldMessages: 0, urgentNew: 0, account: null }],
  ['Voice-Message: 4/8', undefined],
  ['', undefined],
])('message-summary %j', (body, expected) => {
  expect(messageSummary(body)).toEqual(expected);
});

const pidf = (status: string, more = ''): string => `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:x@y"><tuple id="1"><status><basic>${status}</basic></status></tuple>${more}</presence>`;
const dialogs = (...states: string[]): string => `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:x@y">${states.map((state, i) => `<dialog id="${i}" direction="initiator"><state>${state}</state></dialog>`).join('')}</dialog-info>`;

test.each([
  ['application/pidf+xml', pidf('open'), { state: 'open', note: '' }],
  ['application/pidf+xml;charset=utf-8', pidf('closed', '<note>at &lt;home&gt;</note>'), { state: 'closed', note: 'at <home>' }],
  ['application/pidf+xml', pidf('open', '<dm:person xmlns:dm="a"><rpid:activities xmlns:rpid="b"><rpid:on-the-phone/></rpid:activities></dm:person>'), { state: 'busy', note: '' }],
  ['application/pidf+xml', '<presence entity="sip:x@y"/>', { state: 'unknown', note: '' }],
  ['application/dialog-info+xml', dialogs(), { state: 'open', note: '' }],
  ['application/dialog-info+xml', dialogs('terminated'), { state: 'open', note: '' }],
  ['application/dialog-info+xml', dialogs('terminated', 'early'), { state: 'ringing', note: '' }],
  ['application/dialog-info+xml', dialogs('early', 'confirmed'), { state: 'busy', note: '' }],
  ['application/dialog-info+xml', '<html/>', undefined],
  ['text/plain', pidf('open'), undefined],
])('presence %s %s', (type, body, expected) => {
  expect(presence(type, body)).toEqual(expected);
});

test('nothing that comes makes them throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('application/pidf+xml', 'application/dialog-info+xml'), (body, type) => {
      presence(type, `<presence><basic>${body}</basic><note>${body}`);
      presence(type, `<dialog-info ><dialog ${body}><state>${body}</state></dialog>`);
      messageSummary(`Messages-Waiting: yes\r\n${body}`);
      sipfrag(body);
      nameAddr(sip, body);
      splitList(body);
    }),
  );
});

test.each([
  ['1002', 'sip:1002@pbx.test', '1002', ''],
  ['*97', 'sip:*97@pbx.test', '*97', ''],
  ['700#', 'sip:700%23@pbx.test', '700#', ''],
  ['bob@example.com', 'sip:bob@example.com', 'bob', ''],
  ['sip:bob@127.0.0.1:5070', 'sip:bob@127.0.0.1:5070', 'bob', ''],
  ['"Bob B." <sip:bob@example.com>', 'sip:bob@example.com', 'bob', 'Bob B.'],
  ['tel:+49-30-123', 'sip:+4930123@pbx.test', '+4930123', ''],
])('%s is dialled as %s', (text, uri, user, name) => {
  expect(dialled(sip, text, 'pbx.test').party).toEqual({ uri, user, name });
});

test.each(['', ' ', 'bob bob', 'sip:', 'a@b@', 'x\u0000y', '"n\r\nX: y" <sip:a@b>', '<>'])('%j cannot be dialled, and that is a sentence', (text) => {
  expect(() => dialled(sip, text, 'pbx.test')).toThrow(expect.objectContaining({ name: 'PhoneError', code: 'bad-address' }));
});

test('every status has a sentence', () => {
  for (let status = 300; status < 700; status++) expect(sentenceFor(status, 'Reason')).toMatch(/^[a-z]/);
});
