import { frameSamples, type SampleRate } from '../../../../media/frame';
import { defaultPartySettings, Mixer, type Party, type PartySettings } from '../../../../media/node/mixer';

/** Says a tone, or whatever it is told; remembers what it hears. */
class Voice implements Party {
  heard: number[] = [];
  skipped: number[] = [];
  deafFrames = 0;
  rate: SampleRate = 8000;
  said = 0;
  silent = false;

  constructor(
    readonly id: string,
    public wave: (n: number, rate: number) => number,
    public bandwidth: SampleRate = 8000,
  ) {}

  setRate(rate: SampleRate): void {
    this.rate = rate;
  }

  pull(out: Int16Array): boolean {
    expect(out.length).toBe(frameSamples(this.rate));
    if (this.silent) {
      out.fill(0);
      return false;
    }
    for (let i = 0; i < out.length; i++) out[i] = this.wave(this.said++, this.rate);
    return true;
  }

  push(pcm: Int16Array | undefined, skipped: number): void {
    this.skipped.push(skipped);
    if (pcm === undefined) this.deafFrames++;
    else this.heard.push(...pcm);
  }
}

const constant = (value: number) => () => value;
const tone = (hz: number, amplitude: number) => (n: number, rate: number) => Math.round(amplitude * Math.sin((2 * Math.PI * hz * n) / rate));
const settings = (more: Partial<PartySettings> = {}): PartySettings => ({ ...defaultPartySettings, ...more });

function room(...voices: Voice[]): Mixer {
  const mixer = new Mixer();
  for (const voice of voices) mixer.join(voice, settings());
  return mixer;
}

function run(mixer: Mixer, ticks: number): void {
  for (let i = 0; i < ticks; i++) mixer.tick(i * 20, 0);
}

/** Of the last frame. */
const last = (voice: Voice): number[] => voice.heard.slice(-frameSamples(voice.rate));

test('each hears the sum of the others, exactly', () => {
  const voices = [1, 20, 300, 4000].map((value) => new Voice(`v${value}`, constant(value)));
  run(room(...voices), 3);
  expect(voices.map((voice) => new Set(last(voice)))).toEqual([new Set([4320]), new Set([4301]), new Set([4021]), new Set([321])]);
});

test('a silent member hears all and adds nothing', () => {
  const listener = new Voice('l', constant(0));
  listener.silent = true;
  const voices = [new Voice('a', constant(100)), new Voice('b', constant(10))];
  run(room(listener, ...voices), 2);
  expect(last(listener)[0]).toBe(110);
  expect(last(voices[0]!)[0]).toBe(10);
});

test('one alone hears silence, unless it is to hear itself', () => {
  const voice = new Voice('a', constant(500));
  const mixer = room(voice);
  run(mixer, 2);
  expect(new Set(last(voice))).toEqual(new Set([0]));
  mixer.join(voice, settings({ echo: true }));
  run(mixer, 2);
  expect(new Set(last(voice))).toEqual(new Set([500]));
});

test('joining, muting, unmuting, gain and leaving move without a jump', () => {
  const listener = new Voice('l', constant(0));
  const speaker = new Voice('s', constant(10_000));
  listener.silent = true;
  const mixer = room(listener);
  run(mixer, 2);
  mixer.join(speaker, settings());
  run(mixer, 3);
  mixer.join(speaker, settings({ muted: true }));
  run(mixer, 3);
  expect(last(listener).at(-1)).toBe(0);
  mixer.join(speaker, settings({ gainDb: -6 }));
  run(mixer, 3);
  expect(last(listener).at(-1)).toBeCloseTo(5012, -1);
  mixer.leave('s', 0);
  run(mixer, 3);
  expect(last(listener).at(-1)).toBe(0);
  const steps = listener.heard.slice(1).map((value, i) => Math.abs(value - listener.heard[i]!));
  expect(Math.max(...steps)).toBeLessThanOrEqual(10_000 / 160 + 2);
});

test('what would clip is turned down for everybody alike, at once, and comes back', () => {
  const voices = [1, 2, 3, 4].map((n) => new Voice(`v${n}`, tone(200 + 100 * n, 20_000)));
  const mixer = room(...voices);
  run(mixer, 50);
  expect(mixer.limitedFrames).toBeGreaterThan(40);
  expect(mixer.clippedSamples).toBe(0);
  for (const voice of voices) expect(Math.max(...voice.heard.slice(320).map(Math.abs))).toBeLessThan(32_768);
  for (const voice of voices.slice(1)) voice.wave = constant(0);
  run(mixer, 60);
  const peak = Math.max(...last(voices[1]!));
  expect(peak).toBeGreaterThan(19_500);
});

test('the deaf hear nothing, and are told of time all the same', () => {
  const deaf = new Voice('d', constant(7));
  const other = new Voice('o', constant(0));
  const mixer = room(other);
  mixer.join(deaf, settings({ deaf: true }));
  run(mixer, 3);
  expect([deaf.deafFrames, deaf.heard.length]).toEqual([3, 0]);
  expect(last(other)[0]).toBe(7);
  mixer.tick(60, 4);
  expect(other.skipped.at(-1)).toBe(4);
});

test('a whisper is heard by those it is for only', () => {
  const [agent, customer, supervisor] = [new Voice('agent', constant(100)), new Voice('customer', constant(1000)), new Voice('supervisor', constant(5))];
  const mixer = room(agent, customer);
  mixer.join(supervisor, settings({ heardBy: ['agent'] }));
  run(mixer, 3);
  expect([last(agent)[0], last(customer)[0], last(supervisor)[0]]).toEqual([1005, 100, 1100]);
});

test('the rate: of two the narrower, of more the widest; frames follow', () => {
  const narrow = new Voice('n', tone(440, 8000), 8000);
  const wide = new Voice('w', tone(440, 8000), 48_000);
  const middle = new Voice('m', tone(440, 8000), 16_000);
  const mixer = room(narrow, wide);
  expect([mixer.rate, narrow.rate, wide.rate]).toEqual([8000, 8000, 8000]);
  run(mixer, 2);
  mixer.join(middle, settings());
  expect([mixer.rate, narrow.rate, wide.rate]).toEqual([48_000, 48_000, 48_000]);
  run(mixer, 2);
  mixer.leave('w', 0);
  expect([mixer.rate, middle.rate]).toEqual([8000, 8000]);
  middle.bandwidth = 8000;
  narrow.bandwidth = 16_000;
  mixer.refit();
  run(mixer, 2);
  expect(mixer.describe()).toBe('mix(8000, 2 in)');
});

test('what is played to the room is heard by all, and told when it is over', () => {
  const voices = [new Voice('a', constant(0)), new Voice('b', constant(0))];
  const mixer = room(...voices);
  let frames = 2;
  const player = {
    setSampleRate: () => undefined,
    stop: () => undefined,
    read(out: Int16Array) {
      frames--;
      out.fill(33);
      return true;
    },
    get done() {
      return frames === 0;
    },
  };
  const played: unknown[] = [];
  mixer.onPlayed = (one) => played.push(one);
  mixer.play(player);
  run(mixer, 1);
  expect([last(voices[0]!)[0], last(voices[1]!)[0], played.length]).toEqual([33, 33, 0]);
  run(mixer, 2);
  expect([last(voices[0]!)[0], played]).toEqual([0, [player]]);
});

test('whoever listens to the room hears all of it', () => {
  const mixer = room(new Voice('a', constant(3)), new Voice('b', constant(4)));
  const heard: number[] = [];
  mixer.onMix = (pcm) => heard.push(pcm[100]!);
  run(mixer, 2);
  expect(heard[1]).toBe(7);
});

test("one member's fault is told, and costs the others nothing", () => {
  const voices = [100, 20, 3].map((value) => new Voice(`v${value}`, constant(value)));
  const mixer = room(...voices);
  run(mixer, 2);
  voices[0]!.pull = () => {
    throw new Error('no voice');
  };
  voices[1]!.push = () => {
    throw new Error('no ear');
  };
  expect(() => mixer.tick(40, 0)).toThrow('no voice');
  expect([last(voices[0]!)[0], last(voices[2]!)[0]]).toEqual([23, 20]);
});

test('what is played is replaced without a jump', () => {
  const listener = new Voice('l', constant(0));
  const mixer = room(listener);
  const player = (value: number) => {
    let fade = -1;
    return {
      done: false,
      setSampleRate: () => undefined,
      stop: () => void (fade = 160),
      read(out: Int16Array) {
        for (let i = 0; i < out.length; i++) out[i] = fade < 0 ? value : (value * --fade) / 160;
        return true;
      },
    };
  };
  mixer.play(player(8000));
  run(mixer, 2);
  mixer.play(player(0));
  run(mixer, 2);
  const steps = listener.heard.slice(1).map((value, i) => Math.abs(value - listener.heard[i]!));
  expect(Math.max(...steps)).toBeLessThanOrEqual(51);
  expect(listener.heard.at(-1)).toBe(0);
});
