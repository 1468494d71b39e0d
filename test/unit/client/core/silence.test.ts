/** A call in which nothing is heard any more: the far end is asked, and the call ends by itself when nobody is there. */
import { PhoneStage, settle, until, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
/** What the far end answers to the re-INVITEs that ask; undefined: nothing. */
let probe: (request: string) => string | undefined;

const contact = 'Contact: <sip:peer@peer.test>';
const sdp = (way = 'sendrecv'): string => `v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=${way}\r\n`;
const ok = (text: string): string => answerTo(text, '200 OK', [contact], sdp());
const invites = (): number => stage.wire.seen('INVITE', 'alice.test').length;

beforeEach(async () => {
  stage = new PhoneStage();
  alice = await stage.phone('alice');
  probe = ok;
  stage.wire.host('peer.test', (text, from) => {
    const reply = text.startsWith('INVITE') ? (/;tag=/.test(field(text, 'To')!) ? probe(text) : ok(text)) : text.startsWith('BYE') ? answerTo(text, '200 OK') : undefined;
    if (reply !== undefined) stage.wire.send('peer.test', from, reply);
  });
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
  expect(alice.media.left).toBe(0);
});

async function silentCall() {
  const out = await alice.phone.dial('peer@peer.test');
  await out.answered;
  await settle();
  alice.media.all[0]!.events.silent(5000);
  return out;
}

/** In steps: what is sent in one of them arrives before the next one. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    stage.clock.advance(Math.min(left, 10_000));
    await settle();
  }
}

test('asked after 60 s; where somebody is there the call goes on, and is asked again a minute later', async () => {
  const out = await silentCall();
  await pass(59_999);
  expect(invites()).toBe(1);
  await pass(1);
  expect(invites()).toBe(2);
  await pass(59_999);
  expect(invites()).toBe(2);
  await pass(1);
  expect([invites(), out.info.state]).toEqual([3, 'up']);
});

test('481: the call ends at once, with a sentence', async () => {
  probe = (text) => answerTo(text, '481 Call Does Not Exist');
  await silentCall();
  await pass(60_000);
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 481, problem: 'the far end does not know of this call any more' }]);
});

test('no answer: ended 40 s after it was asked, and the far end is sent a BYE', async () => {
  probe = () => undefined;
  await silentCall();
  await pass(60_000);
  await pass(39_999);
  expect(alice.of('ended')).toHaveLength(0);
  await pass(1);
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 408, problem: 'nothing is heard of the far end any more, and it does not answer' }]);
  await until(() => stage.wire.seen('BYE', 'alice.test').length === 1);
});

test('a refusal shows that somebody is there', async () => {
  probe = (text) => answerTo(text, '488 Not Acceptable Here');
  const out = await silentCall();
  await pass(60_000);
  expect([invites(), out.info.state]).toEqual([2, 'up']);
});

test('heard again in time: not asked', async () => {
  await silentCall();
  await pass(30_000);
  alice.media.all[0]!.events.silent(null);
  await pass(120_000);
  expect([invites(), alice.of('ended').length]).toEqual([1, 0]);
});

test('not while we hold', async () => {
  const out = await silentCall();
  await out.hold();
  const before = invites();
  await pass(200_000);
  expect([invites(), out.info.state]).toEqual([before, 'held']);
});

test('not while the far end holds', async () => {
  const out = await alice.phone.dial('peer@peer.test');
  await out.answered;
  await settle();
  probe = (text) => answerTo(text, '200 OK', [contact], sdp('sendonly'));
  // our own refresh learns that they hold
  await out.refresh();
  expect(out.info.heldByFarEnd).toBe(true);
  alice.media.all[0]!.events.silent(5000);
  const before = invites();
  await pass(200_000);
  expect([invites(), out.info.state]).toEqual([before, 'up']);
});

test('no connection to ask over, twice: ended', async () => {
  await silentCall();
  stage.wire.lose('alice.test');
  for (let s = 0; s < 200 && alice.of('ended').length === 0; s++) await pass(1000);
  expect(alice.of('ended')).toMatchObject([{ by: 'network', status: 408 }]);
  expect(alice.of('ended')[0]!.problem).toContain('no connection');
});
