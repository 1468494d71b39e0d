/** Which streams share an audio child, and what becomes of them: with a child that says what naudiodon's would, and has no sound card. */
import type { CardStream, Side, StreamEvents } from '../../../../client/node/audio/backend';
import { Kind } from '../../../../client/node/audio/child-messages';
import { PortAudio } from '../../../../client/node/audio/portaudio';

/** Calls the device after its process and what was asked for; a microphone hears what the speaker is given; `crash` and `no` are devices, too. */
const child = `
  const { Socket } = require('node:net');
  const kind = ${JSON.stringify(Kind)};
  const channel = new Socket({ fd: 3, readable: true, writable: true });
  channel.on('close', () => process.exit(0));
  const send = (what, payload) => {
    const head = Buffer.from([what, 0, 0]);
    head.writeUInt16LE(payload.length, 1);
    channel.write(Buffer.concat([head, payload]));
  };
  const json = (what, value) => send(what, Buffer.from(JSON.stringify(value)));
  const want = () => send(kind.wanted, Buffer.from([4, 0]));
  let rest = Buffer.alloc(0);
  channel.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 3 && rest.length >= 3 + rest.readUInt16LE(1)) {
      const what = rest[0];
      const payload = rest.subarray(3, 3 + rest.readUInt16LE(1));
      rest = rest.subarray(3 + payload.length);
      if (what === kind.list) json(kind.devices, [{ number: 0, name: 'one' }]);
      if (what === kind.sound) { send(kind.heard, payload); setTimeout(want, 1); }
      if (what === kind.open) {
        const { side, device } = JSON.parse(payload);
        if (device === 'crash') process.exit(3);
        if (device === 'no') { json(kind.failed, { side, code: 'unknown-device', message: 'there is no such thing' }); continue; }
        json(kind.opened, { side, device: process.pid + ' ' + device, rate: 48000 });
        if (side === 'output') want();
      }
    }
  });
`;

class Listener implements StreamEvents {
  readonly problems: string[] = [];
  private waiting: Array<() => void> = [];
  private amount = 0;
  lastHeard: number[] = [];

  heard(pcm: Int16Array): void {
    this.lastHeard = [...pcm];
    this.amount++;
    for (const go of this.waiting.splice(0)) go();
  }

  wanted(pcm: Int16Array): void {
    pcm.set([1, -2, 300, -30_000]);
  }

  lost(problem: string): void {
    this.problems.push(problem);
    for (const go of this.waiting.splice(0)) go();
  }

  /** The next thing that is heard, or the loss. */
  next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

describe('PortAudio in a child process', () => {
  const open: CardStream[] = [];
  const card = new PortAudio({ childArgs: ['-e', child] });
  const stream = async (side: Side, device: string, events: StreamEvents = new Listener()): Promise<CardStream> => {
    const opened = await card.open(side, device, events);
    open.push(opened);
    return opened;
  };
  const pidOf = ({ device }: CardStream): string => device.split(' ')[0] as string;
  const runs = (pid: string): boolean => {
    try {
      return process.kill(Number(pid), 0);
    } catch {
      return false;
    }
  };
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

  test('lists', async () => {
    expect(await card.list()).toEqual([{ number: 0, name: 'one' }]);
  });

  test('both directions in one process, and what is given is what is heard', async () => {
    const ear = new Listener();
    const [input, output] = await Promise.all([stream('input', 'mic', ear), stream('output', 'spk')]);
    expect(pidOf(input)).toBe(pidOf(output));
    await ear.next();
    expect(ear.lastHeard).toEqual([1, -2, 300, -30_000]);
  });

  test('one is closed: the other goes on, and the next is opened in another process', async () => {
    const ear = new Listener();
    const [input, output] = await Promise.all([stream('input', 'mic', ear), stream('output', 'spk')]);
    await input.close();
    expect(runs(pidOf(output))).toBe(true);
    const again = await stream('input', 'mic', ear);
    expect(pidOf(again)).not.toBe(pidOf(output));
    await again.close();
    expect(runs(pidOf(again))).toBe(false);
    expect(runs(pidOf(output))).toBe(true);
    await output.close();
    expect(runs(pidOf(output))).toBe(false);
    expect(ear.problems).toEqual([]);
  });

  test('a device that is not there: its sentence; the other direction goes on', async () => {
    const output = await stream('output', 'spk');
    await expect(card.open('input', 'no', new Listener())).rejects.toMatchObject({ code: 'unknown-device', message: 'there is no such thing' });
    expect(runs(pidOf(output))).toBe(true);
  });

  test('the process crashes: both are lost, once each, and the next has a new one', async () => {
    const [one, two] = [new Listener(), new Listener()];
    const output = await stream('output', 'spk', one);
    const lost = one.next();
    await expect(card.open('input', 'crash', two)).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('exit code 3') });
    await lost;
    expect(one.problems).toEqual(['it ended (exit code 3)']);
    expect(two.problems).toEqual([]);
    expect(pidOf(await stream('output', 'spk'))).not.toBe(pidOf(output));
  });
});
