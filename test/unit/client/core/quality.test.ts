/** How a call sounds is told as often as it was asked for, as long as the call is up, and once more when it has ended. */
import { PhoneStage, settle, type Party } from './stage';

let stage: PhoneStage;

beforeEach(() => {
  stage = new PhoneStage();
});

afterEach(async () => {
  await stage.close();
  expect(stage.clock.waiting).toBe(0);
});

async function ringing(qualityMs: number): Promise<[Party, Party]> {
  const [alice, bob] = [await stage.phone('alice', { qualityMs }), await stage.phone('bob')];
  await alice.phone.dial('bob@bob.test');
  await bob.hears('incoming');
  return [alice, bob];
}

test('every second while it is up, held or not; of the whole call at its end; then no more', async () => {
  const [alice, bob] = await ringing(1000);
  stage.clock.advance(400);
  await settle();
  expect(alice.of('quality')).toEqual([]);
  await bob.phone.calls[0]!.answer();
  await alice.hears('answered');
  stage.clock.advance(999);
  expect(alice.of('quality')).toEqual([]);
  stage.clock.advance(1);
  expect(alice.of('quality')).toHaveLength(1);
  expect(alice.of('quality')[0]).toMatchObject({ call: '1', quality: alice.media.all[0]!.quality('lately') });
  const out = alice.phone.calls[0]!;
  await out.hold();
  stage.clock.advance(3000);
  expect(alice.of('quality')).toHaveLength(4);
  await out.hangUp();
  await settle();
  stage.clock.advance(5000);
  expect(alice.of('quality')).toHaveLength(4);
  expect(alice.of('ended')).toMatchObject([{ quality: { heard: {}, sent: {} } }]);
});

test('a call that was never answered has none; nobody asked: only at the end', async () => {
  const [alice, bob] = await ringing(0);
  await bob.phone.calls[0]!.reject();
  expect(await alice.hears('ended')).toMatchObject({ quality: null });
  await alice.phone.dial('bob@bob.test');
  await bob.hears('incoming', ({ call }) => call === '2');
  await bob.phone.calls[0]!.answer();
  await alice.hears('answered');
  stage.clock.advance(60_000);
  expect(alice.of('quality')).toEqual([]);
  await alice.phone.calls[0]!.hangUp();
  expect(alice.of('ended')[1]!.quality).not.toBeNull();
});
