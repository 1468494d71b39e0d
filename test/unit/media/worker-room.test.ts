/** Rooms of a worker, on a clock of its own: who talks, how loud, at which rate, and how one leaves. */
import { soundWorker, type Speaker } from './support/sound-worker';
import { setupOf } from './support/tone-peer';

/** Speaks PCMU, and could speak Opus: the room is as wide as that. */
const WIDE = setupOf('PCMU', { receive: [{ codec: 'opus', payloadType: 111 }, { codec: 'PCMU', payloadType: 0 }] });
const steepest = (samples: readonly number[]): number => samples.slice(1).reduce((most, value, i) => Math.max(most, Math.abs(value - samples[i]!)), 0);

test('who comes, goes, and changes the rate does not click', async () => {
  const { together, party, run, ask } = soundWorker();
  const [ear, voice] = (await together('r', 0, 107)) as [Speaker, Speaker];
  run(500);
  ear.samples();
  run(200);
  const alone = steepest(ear.samples());
  const [wide, other] = [await party(113), await party(0)];
  await ask('setAudio', { id: wide.id, audio: WIDE });
  expect((await ask('roomStats', { room: 'r' }))?.rate).toBe(8000);
  await ask('join', { id: wide.id, room: 'r', settings: {} });
  await ask('join', { id: other.id, room: 'r', settings: {} });
  expect((await ask('roomStats', { room: 'r' }))?.rate).toBe(48_000);
  run(300);
  const came = steepest(ear.samples());
  await ask('leave', { id: wide.id });
  expect((await ask('roomStats', { room: 'r' }))?.rate).toBe(8000);
  run(300);
  const left = steepest(ear.samples());
  await ask('join', { id: voice.id, room: 'r', settings: { muted: true } });
  run(300);
  await ask('leave', { id: voice.id });
  run(300);
  const muted = steepest(ear.samples());
  expect(came).toBeLessThan(2.6 * alone); // two voices
  expect(left).toBeLessThan(2.6 * alone);
  expect(muted).toBeLessThan(1.5 * alone);
});

test('who talks is told when it begins, when it ends, when it is muted and when it leaves; levels and settings are to be asked', async () => {
  const { together, run, ask, talking } = soundWorker();
  const [a, b] = (await together('r', 500, 0)) as [Speaker, Speaker];
  run(1000);
  const said = () => talking.splice(0).map(({ room, id, talking: on }) => `${room} ${id} ${on}`);
  expect(said()).toEqual([`r ${a.id} true`]);
  const stats = (await ask('roomStats', { room: 'r' }))!;
  expect(stats.members.map(({ id, talking: on, level, muted, deaf }) => [id, on, level > -20, muted, deaf])).toEqual([[a.id, true, true, false, false], [b.id, false, false, false, false]]);
  await ask('join', { id: a.id, room: 'r', settings: { muted: true } });
  run(100);
  expect(said()).toEqual([`r ${a.id} false`]);
  await ask('join', { id: a.id, room: 'r', settings: {} });
  run(500);
  await ask('leave', { id: a.id });
  run(500);
  expect(said()).toEqual([`r ${a.id} true`, `r ${a.id} false`]);
  await ask('join', { id: a.id, room: 'r', settings: {} });
  run(500);
  await ask('release', { id: a.id });
  expect(said()).toEqual([`r ${a.id} true`, `r ${a.id} false`]);
});

test('key presses go to the others where who presses asked for it', async () => {
  const { together, run, ask, digits } = soundWorker();
  const [a, b, c] = (await together('r', 0, 0, 0)) as [Speaker, Speaker, Speaker];
  await ask('join', { id: a.id, room: 'r', settings: { passDigits: true } });
  const pressed = (speaker: Speaker) => speaker.packets.filter((data) => (data[1]! & 0x7f) === 101).length;
  for (const [i, speaker] of [a, b].entries()) speaker.key(Uint8Array.of(5 + i, 0x8a, 800 >> 8, 800 & 255), true);
  run(400);
  expect(digits.map(({ id, digit }) => `${id} ${digit}`)).toEqual([`${a.id} 5`, `${b.id} 6`]);
  expect([pressed(a), pressed(b) > 3, pressed(c) > 3]).toEqual([0, true, true]);
});

test('a member without a voice, on hold or deaf is no less a member', async () => {
  const { together, run, ask, faults } = soundWorker();
  const [a, b, c] = (await together('r', 500, 900, 1300)) as [Speaker, Speaker, Speaker];
  await ask('join', { id: b.id, room: 'r', settings: { deaf: true } });
  await ask('setAudio', { id: c.id, audio: setupOf('PCMU', { send: null, receive: [] }) });
  run(300);
  for (const speaker of [a, b, c]) speaker.samples();
  run(600);
  const [atA, atB] = [a.hear(), b.hear()];
  expect([atA.share(900) > 0.95, atB.rms, c.samples().length]).toEqual([true, 0, 0]);
  expect((await ask('roomStats', { room: 'r' }))?.members).toHaveLength(3);
  expect(await faults()).toBeNull();
});

test('a supervisor whispers to one and is heard by nobody else', async () => {
  const { together, run, ask } = soundWorker();
  const [agent, customer, boss] = (await together('r', 500, 900, 1300)) as [Speaker, Speaker, Speaker];
  await ask('join', { id: boss.id, room: 'r', settings: { heardBy: [agent.id] } });
  run(200);
  for (const speaker of [agent, customer, boss]) speaker.samples();
  run(600);
  const shares = [agent, customer, boss].map((speaker) => {
    const heard = speaker.hear();
    return [500, 900, 1300].map((hz) => heard.share(hz) > 0.3);
  });
  expect(shares).toEqual([[false, true, true], [true, false, false], [true, true, false]]);
});
