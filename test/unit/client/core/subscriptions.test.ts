/** A subscription whose renewal fails: it is kept, lengthened, or made anew with growing pauses (RFC 6665 §4.1.2). */
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
/** What SUBSCRIBEs are answered with, in order, instead of 200; undefined: 200. */
let refusals: Array<string[] | undefined>;
let notices: number;

const asked = (): string[] => stage.wire.seen('SUBSCRIBE', 'alice.test');
const inDialog = (text: string): boolean => /;tag=/.test(field(text, 'To')!);
const callIds = (): number => new Set(asked().map((text) => field(text, 'Call-ID'))).size;

function notify(subscribe: string, state: string): string {
  notices += 1;
  const body = '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="1"><status><basic>open</basic></status></tuple></presence>';
  return [
    'NOTIFY sip:alice@alice.test SIP/2.0', `Via: SIP/2.0/TCP pbx.test;branch=z9hG4bKn${notices}`, `From: ${field(subscribe, 'To')!.replace(/;tag=.*/, '')};tag=peer`, `To: ${field(subscribe, 'From')}`, `Call-ID: ${field(subscribe, 'Call-ID')}`,
    `CSeq: ${notices} NOTIFY`, 'Max-Forwards: 70', 'Contact: <sip:pbx.test>', 'Event: presence', `Subscription-State: ${state}`, 'Content-Type: application/pidf+xml', `Content-Length: ${body.length}`, '', body,
  ].join('\r\n');
}

beforeEach(async () => {
  stage = new PhoneStage();
  refusals = [];
  notices = 0;
  alice = await stage.phone('alice');
  stage.wire.host('pbx.test', (text, from) => {
    if (!text.startsWith('SUBSCRIBE')) return;
    const refusal = field(text, 'Expires') === '0' ? undefined : refusals.shift();
    if (refusal) return stage.wire.send('pbx.test', from, answerTo(text, refusal[0]!, refusal.slice(1)));
    const expires = field(text, 'Expires')!;
    stage.wire.send('pbx.test', from, answerTo(text, '200 OK', [`Expires: ${expires}`, 'Contact: <sip:pbx.test>']));
    stage.wire.send('pbx.test', from, notify(text, expires === '0' ? 'terminated;reason=timeout' : `active;expires=${expires}`));
  });
  alice.phone.watch('bob@pbx.test');
  await alice.hears('presence');
  await settle();
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
});

async function pass(ms: number): Promise<void> {
  stage.clock.advance(ms);
  await settle();
}

/** 600 s, less a tenth. */
const untilRenewal = 540_000;

test('481: the server has forgotten it, and it is made anew at once', async () => {
  refusals = [['481 Subscription Does Not Exist']];
  await pass(untilRenewal);
  await pass(0);
  expect(asked().map(inDialog)).toEqual([false, true, false]);
  expect(callIds()).toBe(2);
  expect(alice.of('presence-failed')).toEqual([]);
});

test('423: renewed at once for as long as the server wants, in the same subscription', async () => {
  refusals = [['423 Interval Too Brief', 'Min-Expires: 3600']];
  await pass(untilRenewal);
  expect(asked().map((text) => field(text, 'Expires'))).toEqual(['600', '600', '3600']);
  expect(callIds()).toBe(1);
  await pass(3_239_000);
  expect(asked()).toHaveLength(3);
  await pass(1_000);
  expect(asked()).toHaveLength(4);
});

test('423 without, or with nonsense for, a longer time: no loop', async () => {
  refusals = [['423 Interval Too Brief'], ['423 Interval Too Brief', 'Min-Expires: 5']];
  await pass(untilRenewal);
  expect(asked()).toHaveLength(2);
  await pass(2_000);
  expect(asked()).toHaveLength(3);
  await pass(4_000);
  expect(asked()).toHaveLength(4);
  expect(callIds()).toBe(1);
});

test('500 and 503: it lives on, and is renewed with growing pauses, or when the server says', async () => {
  refusals = [['500 Server Internal Error'], ['500 Server Internal Error'], ['503 Service Unavailable', 'Retry-After: 30']];
  await pass(untilRenewal);
  await pass(1_999);
  expect(asked()).toHaveLength(2);
  await pass(1);
  expect(asked()).toHaveLength(3);
  // what comes meanwhile counts
  const before = alice.of('presence').length;
  stage.wire.send('pbx.test', 'alice.test', notify(asked()[0]!, 'active'));
  await until(() => alice.of('presence').length === before + 1);
  await pass(3_999);
  expect(asked()).toHaveLength(3);
  await pass(1);
  expect(asked()).toHaveLength(4);
  await pass(29_999);
  expect(asked()).toHaveLength(4);
  await pass(1);
  expect(asked()).toHaveLength(5);
  expect([callIds(), alice.of('presence-failed').length]).toEqual([1, 0]);
});

test('no answer: made anew, with growing pauses', async () => {
  refusals = [['408 Request Timeout'], ['408 Request Timeout'], ['408 Request Timeout']];
  await pass(untilRenewal);
  expect(asked()).toHaveLength(2);
  for (const ms of [2_000, 4_000, 8_000]) {
    const before = asked().length;
    await pass(ms - 1);
    expect(asked()).toHaveLength(before);
    await pass(1);
    expect(asked()).toHaveLength(before + 1);
  }
  expect(asked().map(inDialog)).toEqual([false, true, false, false, false]);
});

test('refused for good: asked once more, and given up', async () => {
  refusals = [['403 Forbidden'], ['403 Forbidden']];
  await pass(untilRenewal);
  await pass(2_000);
  expect(alice.of('presence-failed')).toMatchObject([{ of: 'bob@pbx.test', status: 403 }]);
  await pass(3_600_000);
  expect(asked()).toHaveLength(3);
});
