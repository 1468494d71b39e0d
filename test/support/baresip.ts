/**
 * baresip (baresip-core, from Debian) as a phone without screen or sound card, driven by its ctrl_tcp module: JSON in
 * netstrings, commands one way, replies and events the other.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Child } from './child';
import { peerPath } from './peers';
import { TONE_SECONDS, type Codec, type Phone, type PhoneOptions } from './phone';
import type { Stage } from './stage';
import { writeTone } from './tone';
import { eventually } from './wait';
import { joined, readWav, type Recording } from './wav';

interface BaresipEvent {
  event?: true;
  response?: true;
  type?: string;
  param?: string;
  token?: string;
  ok?: boolean;
  data?: string;
}

/** A two-way byte pipe to the control port: a TCP connection, or a program inside the phone's namespace that holds one. */
interface ControlPipe {
  write(data: Buffer): void;
  close(): void;
}

/** Longer than any test lives. */
const BLOCKED_SECONDS = 180;

export class Baresip implements Phone {
  readonly name: string;
  private readonly events: BaresipEvent[] = [];
  /** The first event that a wait may take: behind the last dialling, the last ringing and the last call's end. */
  private mark = 0;
  private waiters = new Set<() => void>();
  private replies = new Map<string, (reply: BaresipEvent) => void>();
  private tokens = 0;
  private pipe: ControlPipe | undefined;

  private constructor(
    private readonly child: Child,
    private readonly recordings: string,
    private readonly options: PhoneOptions,
    private readonly controlPort: number,
    /** Where it listens for SIP. */
    readonly sipPort: number,
  ) {
    this.name = `baresip ${options.user}`;
  }

  static async start(stage: Stage, options: PhoneOptions): Promise<Baresip> {
    const folder = stage.path(`baresip-${options.user}`);
    const recordings = join(folder, 'recordings');
    mkdirSync(recordings, { recursive: true });
    blockSentRecordings(recordings);
    const ports = await stage.ports(24);
    const tone = join(folder, 'tone.wav');
    writeTone(tone, options.tone, options.toneSeconds ?? TONE_SECONDS, wavRate(options));
    const controlPort = ports.first + 2;
    writeFileSync(join(folder, 'config'), configuration(options, ports.first, controlPort, tone, recordings));
    writeFileSync(join(folder, 'accounts'), account(options));
    writeFileSync(join(folder, 'contacts'), contacts(options));
    const child = new Child(`baresip ${options.user}`, peerPath('baresip'), ['-f', folder, '-v'], { cwd: folder, env: { HOME: folder, TZ: 'UTC' }, netns: options.netns });
    const phone = stage.own(new Baresip(child, recordings, options, controlPort, ports.first));
    await child.waitFor(/baresip is ready/, 10_000);
    await phone.openControl();
    return phone;
  }

  /** Polled: the first registration may be over before the control port is open, so its event may be missed. */
  async registered(): Promise<void> {
    await eventually(`${this.name} to be registered`, async () => {
      const failed = this.events.find(({ type }) => type === 'REGISTER_FAIL');
      if (failed !== undefined) throw new Error(`${this.name} could not register: ${failed.param ?? ''}`);
      return this.events.some(({ type }) => type === 'REGISTER_OK') || (await this.command('reginfo')).includes('OK');
    }, 15_000, 100);
  }

  async dial(target: string): Promise<void> {
    this.remember();
    await this.hasNameForRecording();
    await this.command('dial', `sip:${target}@${this.domain}`);
  }

  async ringing(): Promise<void> {
    const incoming = await this.event('CALL_INCOMING');
    this.mark = this.events.indexOf(incoming) + 1;
  }

  async answer(): Promise<void> {
    await this.hasNameForRecording();
    await this.command('accept');
  }

  async inCall(): Promise<void> {
    await this.event('CALL_ESTABLISHED');
  }

  async hold(): Promise<void> {
    await this.command('hold');
  }

  async resume(): Promise<void> {
    await this.command('resume');
  }

  async press(key: string): Promise<void> {
    await this.command('sndcode', key);
  }

  async pressed(key: string): Promise<void> {
    await this.event('CALL_DTMF_START', ({ param }) => param === key);
  }

  /** Waits for a NOTIFY about messages with this line (with the option `mwi`). */
  async notified(line: string): Promise<void> {
    await this.event('MWI_NOTIFY', ({ param }) => (param ?? '').includes(line));
  }

  /** Waits until its list of contacts shows this one so: `Online`, `Offline`, `Busy`. */
  async shows(who: string, state: string): Promise<void> {
    await eventually(`${this.name} to show ${who} as ${state}`, async () => (await this.command('contacts')).split('\n').some((line) => line.includes(`sip:${who}@`) && line.includes(state)), 10_000, 100);
  }

  /** Blind transfer (REFER). */
  async transfer(target: string): Promise<void> {
    await this.command('transfer', `sip:${target}@${this.domain}`);
  }

  /** Sends a short message (RFC 3428) to its contact. */
  async message(text: string): Promise<void> {
    await this.command('message', text);
  }

  /** Waits until it shows a message from there; on its screen, as its control port tells of none. */
  async messaged(from: string, text: string): Promise<void> {
    await eventually(`${this.name} to show “${text}” of ${from}`, () => this.child.output.split('\n').some((line) => line.includes(`sip:${from}@`) && line.includes(text)), 10_000);
  }

  async hangUp(): Promise<void> {
    await this.command('hangup');
  }

  async ended(): Promise<void> {
    const closed = await this.event('CALL_CLOSED');
    this.mark = this.events.indexOf(closed) + 1;
  }

  heard(): Recording {
    const rate = wavRate(this.options);
    const parts = readdirSync(this.recordings)
      .filter((name) => name.endsWith('-dec.wav'))
      .sort()
      .map((name) => readWav(join(this.recordings, name), rate));
    return { samples: joined(parts.map((part) => part.samples)), rate: parts[0]?.rate ?? rate };
  }

  /** Sends a command and waits for its reply; fails when baresip says that it did not do it. */
  async command(command: string, params = ''): Promise<string> {
    const token = `t${++this.tokens}`;
    const frame = Buffer.from(JSON.stringify({ command, params, token }));
    const reply = await new Promise<BaresipEvent>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name}: no reply to "${command}" within 5000 ms`)), 5000);
      this.replies.set(token, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.pipe?.write(Buffer.concat([Buffer.from(`${frame.length}:`), frame, Buffer.from(',')]));
    });
    if (reply.ok !== true) throw new Error(`${this.name}: "${command} ${params}" failed: ${reply.data ?? ''}`);
    return reply.data ?? '';
  }

  report(): string {
    const events = this.events.slice(-30).map((event) => `${event.type} ${event.param ?? ''}`);
    return `${this.child.tail(40)}\n--- ${this.name}: last events\n${events.join('\n')}`;
  }

  async close(): Promise<void> {
    this.pipe?.close();
    // SIGTERM makes it unregister first; when the server is gone that takes it half a minute.
    await this.child.stop('SIGTERM', 3000);
  }

  private get domain(): string {
    return this.options.domain ?? hostOf(this.options.server);
  }

  private remember(): void {
    this.mark = this.events.length;
  }

  /** Its recordings are named after the second in which they begin: two of one second would be one file, and one of them lost. */
  private async hasNameForRecording(): Promise<void> {
    await eventually(`${this.name} to have a name for its next recording`, () => {
      const name = recordingName(Date.now(), 'dec');
      return readdirSync(this.recordings).every((taken) => !taken.endsWith('-dec.wav') || taken < name);
    }, 3000);
  }

  private async event(type: string, fits: (event: BaresipEvent) => boolean = () => true, timeoutMs = 15_000): Promise<BaresipEvent> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.waiters.delete(look);
      };
      const look = (): void => {
        const index = this.events.findIndex((event, i) => i >= this.mark && event.type === type && fits(event));
        const found = this.events[index];
        if (found === undefined) return;
        finish();
        resolve(found);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`${this.name}: no ${type} within ${timeoutMs} ms`));
      }, timeoutMs).unref();
      this.waiters.add(look);
      look();
    });
  }

  private async openControl(): Promise<void> {
    let pending = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const frame = netstring(pending);
        if (frame === undefined) return;
        pending = frame.rest;
        this.take(JSON.parse(frame.body.toString()) as BaresipEvent);
      }
    };
    const { netns } = this.options;
    this.pipe = netns === undefined ? await directPipe(this.controlPort, onData) : await pipeInside(netns, this.controlPort, onData);
  }

  private take(event: BaresipEvent): void {
    if (event.response === true && event.token !== undefined) {
      this.replies.get(event.token)?.(event);
      this.replies.delete(event.token);
      return;
    }
    this.events.push(event);
    for (const waiter of [...this.waiters]) waiter();
  }
}

/**
 * baresip 1.0 stops recording what it hears at the first hold: the decoding filter is thrown away and only set up again
 * when there is no encoding filter either (audio.c, aufilt_setup). So there must be none: a folder stands where each second's
 * recording of the *sent* audio would be created, that filter fails, and the one for hearing is set up anew every time
 * (with a file of its own, named after the second).
 */
function blockSentRecordings(folder: string): void {
  const now = Date.now();
  for (let second = -1; second < BLOCKED_SECONDS; second++) mkdirSync(join(folder, recordingName(now + second * 1000, 'enc')));
}

/** @param at ms since 1970; the phone's time zone is UTC */
function recordingName(at: number, way: 'enc' | 'dec'): string {
  const [date = '', time = ''] = new Date(at).toISOString().slice(0, 19).split('T');
  return `dump-${date}-${time.replaceAll(':', '-')}-${way}.wav`;
}

function netstring(data: Buffer): { body: Buffer; rest: Buffer<ArrayBuffer> } | undefined {
  const colon = data.indexOf(':');
  if (colon < 0) return undefined;
  const length = Number(data.toString('latin1', 0, colon));
  const end = colon + 1 + length;
  if (data.length < end + 1) return undefined;
  return { body: data.subarray(colon + 1, end), rest: Buffer.from(data.subarray(end + 1)) };
}

function directPipe(port: number, onData: (chunk: Buffer) => void): Promise<ControlPipe> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('data', onData);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.on('error', () => undefined);
      resolve({ write: (data) => socket.write(data), close: () => socket.destroy() });
    });
  });
}

/** The namespace's loopback is not ours, so a small node process in there carries the bytes. */
async function pipeInside(netns: string, port: number, onData: (chunk: Buffer) => void): Promise<ControlPipe> {
  const script = `const s=require('net').connect(${port},'127.0.0.1',()=>console.error('connected'));process.stdin.pipe(s).pipe(process.stdout)`;
  const child = new Child('control pipe', process.execPath, ['-e', script], { netns, onStdout: onData });
  await child.waitFor(/connected/, 5000);
  return { write: (data) => child.write(data), close: () => void child.stop('SIGKILL') };
}

/** The first is whom its messages go to. */
const contacts = ({ contact, watches = [], domain, server }: PhoneOptions): string =>
  [...(contact === undefined ? [] : [`<sip:${contact}@${domain ?? hostOf(server)}>`]), ...watches.map((who) => `"${who}" <sip:${who}@${domain ?? hostOf(server)}>;presence=p2p`)].map((line) => `${line}\n`).join('');

const hostOf = (server: string): string => server.replace(/:\d+$/, '');

function wavRate(options: PhoneOptions): number {
  const first = options.codecs?.[0] ?? 'PCMU';
  return first === 'opus' ? 48000 : first === 'G722' ? 16000 : 8000;
}

const BARESIP_CODECS: Record<Codec, string> = { PCMU: 'PCMU/8000/1', PCMA: 'PCMA/8000/1', G722: 'G722/16000/1', opus: 'opus/48000/2' };

const encryption = ({ srtp }: PhoneOptions): string => (srtp === undefined ? '' : `;mediaenc=${srtp === 'required' ? 'srtp-mand' : 'srtp'}`);

function account(options: PhoneOptions): string {
  const transport = options.transport ?? 'udp';
  const domain = options.domain ?? hostOf(options.server);
  const codecs = (options.codecs ?? (['PCMU'] satisfies Codec[])).map((codec) => BARESIP_CODECS[codec]).join(',');
  const server = options.alone ? ';regint=0' : `;auth_user=${options.user};auth_pass=${options.password};outbound="sip:${options.server};transport=${transport}";regint=60`;
  return `<sip:${options.user}@${domain};transport=${transport}>${server};answermode=manual;audio_codecs=${codecs}${encryption(options)};mwi=${options.mwi ? 'yes' : 'no'}\n`;
}

/** The first port is SIP, the next one is opened for TLS, then control, then RTP. */
function configuration(options: PhoneOptions, sipPort: number, controlPort: number, tone: string, recordings: string): string {
  const address = options.address ?? '127.0.0.1';
  const rate = wavRate(options);
  return `poll_method epoll
sip_listen ${address}:${sipPort}
net_interface ${address}
call_max_calls 4
audio_source aufile,${tone}
audio_player aubridge,nullplay
audio_alert aubridge,nullalert
ausrc_srate ${rate}
auplay_srate ${rate}
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports ${sipPort + 4}-${sipPort + 22}
rtcp_mux no
jitter_buffer_delay 5-10
rtp_stats no
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module srtp.so
module sndfile.so
module aufile.so
module aubridge.so
module stdio.so
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app debug_cmd.so
module_app menu.so
${options.mwi ? 'module_app mwi.so\n' : ''}${options.watches ? 'module_app presence.so\n' : ''}module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:${controlPort}
snd_path ${recordings}
statmode_default off
`;
}
