/** Registration against a registrar that answers as it is told. */
import { PhoneStage, settle, type Party } from './stage';
import { answerTo, field } from './wire';

let stage: PhoneStage;
let alice: Party;
/** What REGISTER is answered with, in order; the last one for all that follow. */
let answers: Array<(request: string) => string>;
const registers = (): string[] => stage.wire.seen('REGISTER');
const ok = (expiresS = 300) => (request: string): string => answerTo(request, '200 OK', [`Contact: ${field(request, 'Contact')!.replace(/expires=\d+/, `expires=${field(request, 'Expires') === '0' ? 0 : expiresS}`)}`]);
const status = (line: string, ...headers: string[]) => (request: string): string => answerTo(request, line, headers);

beforeEach(async () => {
  stage = new PhoneStage();
  answers = [ok()];
  stage.wire.host('pbx.test', (text, from) => {
    if (text.startsWith('REGISTER')) {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      stage.wire.send('pbx.test', from, answer(text));
    } else if (/^[A-Z]/.test(text) && !text.startsWith('SIP/') && !text.startsWith('ACK')) stage.wire.send('pbx.test', from, answerTo(text, '489 Bad Event'));
  });
  alice = await stage.phone('alice', {}, 'pbx.test');
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
});

test('registered, renewed before it runs out, and taken back at the end', async () => {
  await alice.phone.register();
  expect(alice.of('registered')).toMatchObject([{ aor: 'sip:alice@pbx.test', expiresS: 300, tookMs: 0 }]);
  expect(alice.phone.registered).toBe(true);
  stage.clock.advance(269_000);
  expect(registers()).toHaveLength(1);
  stage.clock.advance(2_000);
  await settle();
  expect(registers()).toHaveLength(2);
  expect(new Set(registers().map((text) => field(text, 'Call-ID'))).size).toBe(1);
  expect(registers().map((text) => field(text, 'CSeq'))).toEqual(['1 REGISTER', '2 REGISTER']);
  await Promise.all([alice.phone.close(), settle().then(() => stage.clock.advance(3000))]);
  expect(field(registers()[2]!, 'Expires')).toBe('0');
  expect(alice.of('unregistered')).toHaveLength(1);
});

test('digest: a challenge is answered, a wrong password is final', async () => {
  answers = [status('401 Unauthorized', 'WWW-Authenticate: Digest realm="pbx.test", nonce="n1", qop="auth", algorithm=MD5'), ok()];
  await alice.phone.register();
  expect(field(registers()[1]!, 'Authorization')).toMatch(/^Digest .*username="alice".*response="[0-9a-f]{32}"/);
  answers = [status('401 Unauthorized', 'WWW-Authenticate: Digest realm="pbx.test", nonce="n2"')];
  const bob = await stage.phone('bob', {}, 'pbx.test');
  await expect(bob.phone.register()).rejects.toMatchObject({ code: 'registration-refused', status: 401 });
  expect(bob.of('registration-failed')).toMatchObject([{ final: true, retryMs: null }]);
  expect(bob.of('registration-failed')[0]!.problem).toContain('check the user name and the password');
  const count = registers().length;
  stage.clock.advance(200_000);
  await settle();
  expect(registers().filter((text) => text.includes('<sip:bob@'))).toHaveLength(2);
  expect(count).toBe(4);
});

test('423: asked again at once for as long as the registrar wants', async () => {
  answers = [status('423 Interval Too Brief', 'Min-Expires: 1800'), ok(1800)];
  await alice.phone.register();
  expect(registers().map((text) => field(text, 'Expires'))).toEqual(['300', '1800']);
  expect(alice.of('registration-failed')).toHaveLength(0);
});

test('503: not before what Retry-After says; others with growing waits', async () => {
  answers = [status('503 Service Unavailable', 'Retry-After: 20'), status('500 Server Internal Error'), status('500 Server Internal Error'), ok()];
  const registered = alice.phone.register({ timeoutMs: 60_000 });
  await alice.hears('registration-failed');
  stage.clock.advance(19_900);
  await settle();
  expect(registers()).toHaveLength(1);
  stage.clock.advance(1_000);
  await settle();
  expect(alice.of('registration-failed').map(({ retryMs }) => retryMs)).toEqual([20_500, 2_000]);
  stage.clock.advance(2_000);
  await settle();
  stage.clock.advance(4_000);
  await settle();
  await registered;
  expect(alice.of('registered')[0]!.tookMs).toBe(26_900);
});

test('no answer: register gives up waiting, the phone goes on', async () => {
  answers = [() => ''];
  const waiting = alice.phone.register({ timeoutMs: 5000 });
  await settle();
  stage.clock.advance(5000);
  await expect(waiting).rejects.toMatchObject({ code: 'timeout' });
});

test('no way to the server: register gives up waiting with the reason for that', async () => {
  answers = [() => ''];
  const waiting = alice.phone.register({ timeoutMs: 5000 });
  await settle();
  stage.wire.lose('alice.test');
  stage.clock.advance(5000);
  await expect(waiting).rejects.toMatchObject({ code: 'timeout', message: 'lost' });
});

test('no way that waiting could bring: register rejects at once with the reason, and the phone goes on trying', async () => {
  answers = [() => ''];
  const waiting = alice.phone.register();
  await settle();
  stage.wire.lose('alice.test', true);
  await expect(waiting).rejects.toMatchObject({ code: 'not-connected', message: 'lost' });
  const before = registers().length;
  stage.wire.restore('alice.test');
  await settle();
  expect(registers()).toHaveLength(before + 1);
});

test('over UDP it is renewed every minute, however long it was granted for', async () => {
  Object.assign(alice.phone.agent.ua.transport, { protocol: 'UDP' });
  await alice.phone.register();
  stage.clock.advance(59_000);
  await settle();
  expect(registers()).toHaveLength(1);
  stage.clock.advance(1_000);
  await settle();
  expect(registers()).toHaveLength(2);
});

test('the way comes back: registered anew at once', async () => {
  await alice.phone.register();
  stage.wire.lose('alice.test');
  expect(alice.of('disconnected')).toMatchObject([{ problem: 'lost', retryMs: 500 }]);
  stage.wire.restore('alice.test');
  await settle();
  expect(registers()).toHaveLength(2);
  expect(alice.of('registered')).toHaveLength(2);
});
