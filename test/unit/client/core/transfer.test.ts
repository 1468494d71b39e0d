/** Transfers among three phones, real sip.js in each. */
import { PhoneStage, settle, until, type Party } from './stage';

let stage: PhoneStage;
let alice: Party;
let bob: Party;
let carol: Party;

beforeEach(async () => {
  stage = new PhoneStage();
  alice = await stage.phone('alice');
  bob = await stage.phone('bob');
  carol = await stage.phone('carol', { autoAnswerMs: 0 });
});

afterEach(async () => {
  await stage.close();
  expect(stage.parties.map(({ media }) => media.left)).toEqual([0, 0, 0]);
  expect(stage.clock.waiting).toBe(0);
  for (const party of stage.parties) expect(party.of('ended').length).toBe(party.media.all.length);
});

async function talk(from: Party, to: Party) {
  const out = await from.phone.dial(`${to.name}@${to.name}.test`);
  await until(() => to.phone.calls.some((call) => call.info.party.user === from.name && call.info.state !== 'ended'));
  await settle();
  stage.clock.advance(0);
  const incoming = to.phone.calls.find((call) => call.info.party.user === from.name)!;
  await incoming.answer();
  await out.answered;
  await settle();
  return { out, incoming };
}

test('blind: the far end calls whom we name, and our call ends', async () => {
  const { out } = await talk(alice, bob);
  const done = out.transfer('carol@carol.test');
  await carol.hears('incoming');
  stage.clock.advance(0);
  await done;
  expect(alice.of('transfer').map(({ state, status }) => `${state} ${status}`)).toEqual(['asked 0', 'trying 100', 'trying 180', 'done 200']);
  await settle();
  expect(bob.phone.calls.map(({ info }) => [info.party.user, info.state])).toEqual([['carol', 'up']]);
  expect(bob.of('referred')).toMatchObject([{ to: 'sip:carol@carol.test', newCall: '2' }]);
  expect(alice.phone.calls).toHaveLength(0);
});

test('blind to nobody: told, and the call can be resumed', async () => {
  const { out, incoming } = await talk(alice, bob);
  await expect(out.transfer('nobody@carol.test')).rejects.toMatchObject({ status: 404 });
  expect(alice.of('transfer').at(-1)).toMatchObject({ state: 'failed', status: 404 });
  await out.resume();
  await settle();
  expect([out.info.state, incoming.info.state]).toEqual(['up', 'up']);
  expect([alice.media.all[0]!.active, bob.media.all[0]!.active]).toEqual([true, true]);
});

test('attended: the two others are joined with Replaces, both of our calls end', async () => {
  const first = await talk(alice, bob);
  const second = await talk(alice, carol);
  expect(first.out.info.state).toBe('held');
  await second.out.transferTo(first.out);
  await settle();
  expect(alice.phone.calls).toHaveLength(0);
  expect(carol.phone.calls.map(({ info }) => [info.party.user, info.state])).toEqual([['bob', 'up']]);
  expect(bob.phone.calls.map(({ info }) => [info.party.user, info.state])).toEqual([['carol', 'up']]);
  expect(bob.of('incoming').at(-1)).toMatchObject({ replaces: '1' });
});

test('a phone that does not follow says so', async () => {
  const dave = await stage.phone('dave', { followTransfers: false });
  const { out } = await talk(alice, dave);
  await expect(out.transfer('carol@carol.test')).rejects.toMatchObject({ status: 603 });
  expect(dave.of('referred')).toMatchObject([{ newCall: null }]);
  await out.hangUp();
  await settle();
  stage.parties.pop();
  const closing = dave.phone.close();
  stage.clock.advance(3000);
  await closing;
});

test('INVITE with Replaces for a call that is not there: 481', async () => {
  const { party, target } = { party: { uri: 'sip:bob@bob.test', user: 'bob', name: '' }, target: bob.phone.agent.aor };
  const call = await alice.phone.call(target, party, ['Replaces: nothing;to-tag=a;from-tag=b'], true);
  await expect(call.answered).rejects.toMatchObject({ status: 481 });
  expect(bob.media.all).toHaveLength(0);
});
