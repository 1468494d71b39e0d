/**
 * The built phone with a sound card, in calls through our server, by ear: somebody speaks into its microphone (a tone in one null sink), and what
 * its speaker gives is heard on another. It rings; the sound server dies and comes back; the speaker is pulled out and put in again.
 */
import { connectCall } from '../support/conversation';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Pulse, type Ear } from '../support/pulse';
import { Server } from '../support/server';
import { soonHears } from '../support/soon-hears';
import { Stage, staged } from '../support/stage';
import { describe as sound, judge } from '../support/tone';
import { eventually } from '../support/wait';

/** What the person says, and what the far end does. */
const PERSON = 700;
const FAR = 1700;
/** Of Germany's ring-back: one frequency, in seconds of 1 and 4. */
const RING_BACK = 425;
/** Of our bell. */
const GONGS = [800, 1000] as const;

type Backend = 'portaudio' | 'pulse';
const CARDS = {
  portaudio: { backend: 'portaudio', input: 'from_mic', output: 'to_spk' },
  pulse: { backend: 'pulse', input: 'mic.monitor', output: 'spk' },
} as const;

let suite: Stage;
let server: Server;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 90 });

async function withCard(stage: Stage, pulse: Pulse, backend: Backend, output: string = CARDS[backend].output): Promise<OurPhone> {
  const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1001'), tone: 0, card: { ...CARDS[backend], output, variables: pulse.variables }, more: ['--country', 'de'] });
  await Promise.all([phone.registered(), phone.event('audio')]);
  expect(phone.all('audio')).toMatchObject([{ backend, input: CARDS[backend].input, output }]);
  return phone;
}

async function farEnd(stage: Stage): Promise<OurPhone> {
  const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1002'), tone: FAR });
  await phone.registered();
  return phone;
}

/** Each other, from now on; what is still on its way has half a second. */
async function hearEachOther(pulse: Pulse, far: OurPhone, sink = 'spk'): Promise<void> {
  const ear = pulse.record(`${sink}.monitor`);
  await Promise.all([soonHears(far, PERSON, { not: [FAR], waitMs: 15_000 }), soonHears(ear, FAR, { not: [PERSON], waitMs: 15_000 })]);
}

async function hearsBell(ear: Ear): Promise<void> {
  const rings = (): boolean => {
    const { loudSeconds, share } = judge(ear.heard());
    return loudSeconds >= 0.8 && GONGS.every((hz) => share(hz) > 0.25) && share(FAR) < 0.01;
  };
  await eventually('the bell', rings, 10_000, 100).catch((err: Error) => {
    throw new Error(`${err.message}; heard: ${sound(ear.heard())}`);
  });
}

/** Hangs up and ends, and has left nothing behind. */
async function over(one: OurPhone, other: OurPhone): Promise<void> {
  await one.hangUp();
  await Promise.all([one.ended(), other.ended()]);
  await one.close();
  expect(one.complaints).toBe('');
  expect(one.crashed).toBe(false);
}

need('pulseaudio', 'pactl', 'pacat', 'parec', 'alsa-pulse')('our phone with a sound card', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite);
  }, 30_000);
  afterAll(() => suite.close());

  test.each(['portaudio', 'pulse'] as const)('by %s: rings, hears the far end ring, and speaks both ways', ...shared(async (stage, backend: Backend) => {
    const pulse = await Pulse.start(stage);
    pulse.play('mic', PERSON, 90);
    const [us, far] = await Promise.all([withCard(stage, pulse, backend), farEnd(stage)]);
    // called
    const bell = pulse.record('spk.monitor');
    await far.dial('1001');
    await us.ringing();
    await hearsBell(bell);
    await us.answer();
    await Promise.all([us.inCall(), far.inCall()]);
    await hearEachOther(pulse, far);
    await far.hangUp();
    await Promise.all([us.ended(), far.ended()]);
    // calling
    const ear = pulse.record('spk.monitor');
    await us.dial('1002');
    await far.ringing();
    await soonHears(ear, RING_BACK, { not: [PERSON, FAR], settleMs: 0 });
    await far.answer();
    await Promise.all([us.inCall(), far.inCall()]);
    await hearEachOther(pulse, far);
    await over(us, far);
    expect(us.all('audio-problem')).toEqual([]);
  }));

  test.each(['portaudio', 'pulse'] as const)('by %s: the sound server is killed in a call and started again: the call stays up, and the sound returns', ...shared(async (stage, backend: Backend) => {
    const pulse = await Pulse.start(stage);
    pulse.play('mic', PERSON, 90);
    const [us, far] = await Promise.all([withCard(stage, pulse, backend), farEnd(stage)]);
    await connectCall(us, '1002', far);
    await hearEachOther(pulse, far);
    us.remember();
    await pulse.kill();
    for (const what of ['microphone', 'speaker']) await us.event('audio-problem', ({ problem, retrying }) => retrying && problem.startsWith(`the ${what} is gone: `) && problem.endsWith('; it is used again as soon as it is back'));
    await pulse.start();
    await us.event('audio-recovered', ({ input, output }) => input !== null && output !== null, 30_000);
    pulse.play('mic', PERSON, 90);
    await hearEachOther(pulse, far);
    expect([...us.all('ended'), ...far.all('ended')]).toEqual([]);
    await over(us, far);
  }));

  test.each([['portaudio', 'spk'], ['pulse', 'usb']] as const)('by %s: the speaker (%s) is pulled out in a call and put in again: the call stays up, and the sound returns', ...shared(async (stage, backend: Backend, sink: 'spk' | 'usb') => {
    // With the first, the server moves the sound to another and back, since it is the default. With the second, we were told to use that and no other.
    const pulse = await Pulse.start(stage, { sinks: ['spk', 'usb', 'mic'] });
    pulse.play('mic', PERSON, 90);
    const [us, far] = await Promise.all([withCard(stage, pulse, backend, sink === 'usb' ? sink : undefined), farEnd(stage)]);
    await connectCall(us, '1002', far);
    await hearEachOther(pulse, far, sink);
    us.remember();
    await pulse.unload(sink);
    if (sink === 'usb') {
      await us.event('audio-problem', ({ problem }) => problem.startsWith('the speaker is gone: "usb" was unplugged'));
      // the microphone goes on
      await soonHears(far, PERSON, { not: [FAR], settleMs: 0 });
    }
    await pulse.load(sink);
    if (sink === 'usb') await us.event('audio-recovered', ({ output }) => output === 'usb', 30_000);
    await hearEachOther(pulse, far, sink);
    expect([...us.all('ended'), ...far.all('ended')]).toEqual([]);
    await over(us, far);
  }));
});
