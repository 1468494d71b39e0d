/** Calls between two phones, real sip.js on both sides. */
import { PhoneStage, settle, until, type Party } from './stage';

let stage: PhoneStage;
let alice: Party;
let bob: Party;

beforeEach(async () => {
  stage = new PhoneStage();
  alice = await stage.phone('alice');
  bob = await stage.phone('bob');
});

afterEach(async () => {
  await stage.close();
  expect([alice.media.left, bob.media.left]).toEqual([0, 0]);
  expect(stage.clock.waiting).toBe(0);
  for (const party of stage.parties) expect(party.of('ended').length).toBe(party.media.all.length);
});

async function talking() {
  const out = await alice.phone.dial('bob@bob.test');
  const { call } = await bob.hears('incoming');
  const incoming = bob.phone.calls.find((one) => one.id === call)!;
  await incoming.answer();
  await out.answered;
  await settle();
  return { out, incoming };
}

test('a call is rung, answered and ended by the caller', async () => {
  const { out } = await talking();
  expect(alice.events.map(({ event }) => event).filter((event) => event !== 'media')).toEqual(['connected', 'calling', 'ringing', 'answered']);
  expect(alice.of('answered')[0]).toMatchObject({ codec: 'PCMU', with: { user: 'bob' } });
  expect(bob.of('incoming')[0]).toMatchObject({ from: { user: 'alice' }, waiting: false });
  expect([alice.media.all[0]!.active, bob.media.all[0]!.active]).toEqual([true, true]);
  // 180 was confirmed by PRACK, as both can.
  expect(stage.wire.seen('PRACK')).toHaveLength(1);
  await out.hangUp();
  expect(await bob.hears('ended')).toMatchObject({ by: 'remote', answered: true });
  expect(alice.of('ended')[0]).toMatchObject({ by: 'local', answered: true, problem: null });
});

test('the called one hangs up', async () => {
  const { incoming } = await talking();
  await incoming.hangUp();
  expect(await alice.hears('ended')).toMatchObject({ by: 'remote', answered: true });
});

test.each([486, 603, 480])('a call that is rejected with %d', async (status) => {
  const out = await alice.phone.dial('bob@bob.test');
  await bob.hears('incoming');
  await bob.phone.calls[0]!.reject(status);
  await expect(out.answered).rejects.toMatchObject({ name: 'PhoneError', status });
  expect(alice.of('ended')[0]).toMatchObject({ by: 'remote', answered: false, status });
  expect(alice.of('ended')[0]!.problem).toMatch(/^[a-z ].*[a-z]$/);
});

test('given up while it rings', async () => {
  const out = await alice.phone.dial('bob@bob.test');
  await alice.hears('ringing');
  await out.hangUp();
  expect(await bob.hears('ended')).toMatchObject({ by: 'remote', answered: false, reason: 'cancelled' });
  expect(alice.of('ended')[0]).toMatchObject({ by: 'local', answered: false });
});

test('given up before anything came back: CANCEL waits for the first answer', async () => {
  const out = await alice.phone.dial('bob@bob.test');
  await out.hangUp();
  expect(stage.wire.seen('CANCEL')).toHaveLength(0);
  await until(() => stage.wire.seen('CANCEL').length === 1);
  await until(() => stage.wire.seen('SIP/2.0 487').length === 1);
});

test('CANCEL crosses the 200: the call is ended with BYE', async () => {
  const out = await alice.phone.dial('bob@bob.test');
  await bob.hears('incoming');
  await alice.hears('ringing');
  stage.wire.filter = ({ text }) => (text.startsWith('CANCEL') ? undefined : text);
  const answering = bob.phone.calls[0]!.answer();
  await out.hangUp();
  await answering;
  expect(await bob.hears('ended')).toMatchObject({ answered: true, by: 'remote' });
  expect(stage.wire.seen('BYE', 'alice.test')).toHaveLength(1);
});

test('held and resumed by the caller, then by both', async () => {
  const { out, incoming } = await talking();
  await out.hold();
  expect(out.info.state).toBe('held');
  expect(await bob.hears('held')).toMatchObject({ by: 'remote' });
  expect(incoming.info).toMatchObject({ state: 'up', heldByFarEnd: true });
  expect(alice.media.all[0]!.active).toBe(false);
  await incoming.hold();
  expect(bob.media.all[0]!.state.direction).toBe('inactive');
  expect(out.info.heldByFarEnd).toBe(true);
  await out.resume();
  expect(out.info).toMatchObject({ state: 'up', heldByFarEnd: true });
  await incoming.resume();
  await settle();
  expect([out.info.heldByFarEnd, incoming.info.heldByFarEnd]).toEqual([false, false]);
  expect([alice.media.all[0]!.state.direction, bob.media.all[0]!.state.direction]).toEqual(['sendrecv', 'sendrecv']);
});

test('a number that nobody has, a domain that is none', async () => {
  await expect(alice.phone.dial('')).rejects.toMatchObject({ code: 'bad-address' });
  await expect(alice.phone.dial('bob\r\nX: y')).rejects.toMatchObject({ code: 'bad-address' });
  const out = await alice.phone.dial('carol@bob.test');
  await expect(out.answered).rejects.toMatchObject({ status: 404 });
  expect(alice.of('ended')[0]!.problem).toBe('there is nobody at this number');
});
