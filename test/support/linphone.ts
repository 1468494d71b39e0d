/**
 * Linphone (linphonec, from Debian) as a phone without screen or sound card: commands go in through stdin, states are read
 * from the log it writes with -d 6, audio comes from and goes to WAV files.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child';
import { peerPath } from './peers';
import { TONE_SECONDS, type Codec, type Phone, type PhoneOptions } from './phone';
import type { Stage } from './stage';
import { writeTone } from './tone';
import { eventually, readIfThere } from './wait';
import { readWav, type Recording } from './wav';

/** mime name in linphonerc, rate, channels. Unlisted codecs would be added enabled, hence the full list. */
const ALL_CODECS: Array<[string, number, number]> = [
  ['PCMU', 8000, 1],
  ['PCMA', 8000, 1],
  ['G722', 8000, 1],
  ['opus', 48000, 2],
  ['speex', 8000, 1],
  ['speex', 16000, 1],
  ['speex', 32000, 1],
  ['G729', 8000, 1],
  ['GSM', 8000, 1],
];

export interface LinphoneOptions extends PhoneOptions {
  /**
   * PulseAudio's devices instead of files, by description (it knows no others, and no monitors); `variables`: where the server is (see pulse.ts).
   * What it hears is then heard there.
   */
  card?: { input: string; output: string; variables: Readonly<Record<string, string>> };
}

export class Linphone implements Phone {
  readonly name: string;
  private readonly log: string;
  /** Where in the log the current wait begins: behind the last command, the last ringing and the last call's end. */
  private mark = 0;
  private calls = 0;
  private recording = '';

  private constructor(
    private readonly child: Child,
    private readonly folder: string,
    private readonly options: LinphoneOptions,
    private readonly tone: string,
  ) {
    this.name = `linphone ${options.user}`;
    this.log = join(folder, 'log');
  }

  static async start(stage: Stage, options: LinphoneOptions): Promise<Linphone> {
    const folder = stage.path(`linphone-${options.user}`);
    // Without these two it cannot open its database, and then never opens the SIP port.
    mkdirSync(join(folder, '.local/share/linphone'), { recursive: true });
    mkdirSync(join(folder, '.config/linphone'), { recursive: true });
    const ports = await stage.ports(10);
    const configFile = join(folder, 'linphonerc');
    writeFileSync(configFile, configuration(options, ports.first));
    const tone = join(folder, 'tone.wav');
    writeTone(tone, options.tone, options.toneSeconds ?? TONE_SECONDS, wavRate(options));
    const child = new Child(`linphone ${options.user}`, peerPath('linphone'), ['-c', configFile, '-d', '6', '-l', join(folder, 'log')], {
      cwd: folder,
      // It looks for a sound server in any case, and would leave a folder in /tmp for it
      env: { PULSE_SERVER: 'unix:/nonexistent', PULSE_RUNTIME_PATH: folder, ...options.card?.variables, HOME: folder, XDG_RUNTIME_DIR: folder },
      netns: options.netns,
    });
    const phone = stage.own(new Linphone(child, folder, options, tone));
    if (!options.card) {
      phone.command('soundcard use files');
      phone.prepareCall();
    }
    return phone;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async registered(): Promise<void> {
    await this.seen(/to \[LinphoneRegistrationOk\]/, 0);
  }

  async dial(target: string): Promise<void> {
    this.remember();
    this.command(`call sip:${target}@${this.domain}`);
    await this.seen(/to LinphoneCallOutgoingInit/);
  }

  async ringing(): Promise<void> {
    this.mark = await this.seen(/to LinphoneCallIncomingReceived/);
  }

  async answer(): Promise<void> {
    this.command('answer');
  }

  async inCall(): Promise<void> {
    await this.seen(/to LinphoneCallStreamsRunning/);
  }

  async hold(): Promise<void> {
    this.remember();
    this.command('pause');
    await this.seen(/to LinphoneCallPaused\b/);
  }

  async resume(): Promise<void> {
    this.remember();
    this.command('resume');
    await this.seen(/to LinphoneCallStreamsRunning/);
  }

  async press(key: string): Promise<void> {
    this.command(key);
  }

  async pressed(key: string): Promise<void> {
    await this.child.waitFor(new RegExp(`Receiving tone [${key}]`), 10_000);
  }

  /** Waits for something in its log, from its start on. */
  async logged(pattern: RegExp): Promise<void> {
    await this.seen(pattern, 0);
  }

  /** Blind transfer (REFER). */
  async transfer(target: string): Promise<void> {
    this.command(`transfer sip:${target}@${this.domain}`);
  }

  /** Attended (REFER with Replaces): the far ends of its last two calls speak with each other from now on. */
  async transferToOther(): Promise<void> {
    const [first, second] = [...this.child.output.matchAll(/assigned id (\d+)/g)].slice(-2).map((match) => match[1]);
    this.command(`transfer ${first} --to-call ${second}`);
  }

  /** Sends a short message (RFC 3428). */
  async chat(target: string, text: string): Promise<void> {
    this.command(`chat sip:${target}@${this.domain} ${text}`);
  }

  /** Waits until it shows a message from there. */
  async chatted(from: string, text: string): Promise<void> {
    await eventually(`${this.name} to show “${text}” of ${from}`, () => this.child.output.split('\n').some((line) => line.includes(`sip:${from}@`) && line.includes(text)), 10_000);
  }

  /** Waits until it has shown somebody whom it watches so; once each. */
  async shows(who: string, state: RegExp): Promise<void> {
    const shown = new RegExp(`Friend .*${who}.* is (.*)`, 'g');
    await eventually(`${this.name} to show ${who} as ${state}`, () => state.test([...this.child.output.matchAll(shown)].at(-1)?.[1] ?? ''), 10_000);
  }

  async hangUp(): Promise<void> {
    this.command('terminate');
  }

  async ended(): Promise<void> {
    this.mark = await this.seen(/to LinphoneCall(End|Error)\b/);
  }

  heard(): Recording {
    if (!existsSync(this.recording)) return { samples: new Float32Array(0), rate: this.recordingRate };
    return readWav(this.recording, this.recordingRate);
  }

  command(text: string): void {
    this.child.write(`${text}\n`);
  }

  report(): string {
    const states = this.logText().split('\n').filter((line) => /moved from state|moving from state|error|SIP\/2\.0/i.test(line));
    return `${this.child.tail(20)}\n--- ${this.name}: last states\n${states.slice(-40).join('\n')}`;
  }

  async close(): Promise<void> {
    // quit unregisters and hangs up; a phone whose server is gone takes its time over it, so the grace is short.
    this.command('quit');
    await this.child.stop('SIGTERM', 3000);
  }

  private get domain(): string {
    return this.options.domain ?? this.options.server.replace(/:\d+$/, '');
  }

  private get recordingRate(): number {
    return wavRate(this.options);
  }

  /** Only while idle: `record` during ringing makes linphonec 5.1 crash. */
  private prepareCall(): void {
    this.recording = join(this.folder, `heard-${++this.calls}.wav`);
    this.command(`record ${this.recording}`);
    this.command(`play ${this.tone}`);
  }

  private remember(): void {
    this.mark = this.logText().length;
  }

  private logText(): string {
    return readIfThere(this.log);
  }

  /** Waits for this in the log from `from` on; resolves with the place behind it. */
  private async seen(pattern: RegExp, from = this.mark): Promise<number> {
    return eventually(`${this.name} to log ${pattern}`, () => {
      if (!this.child.running) throw new Error(`${this.name} has ended while waiting for ${pattern}`);
      const match = pattern.exec(this.logText().slice(from));
      return match === null ? undefined : from + match.index + match[0].length;
    }, 15_000);
  }
}

/** Files are read and written at the codec's own rate, so nothing is resampled on the way to the judge. */
function wavRate(options: PhoneOptions): number {
  const first = options.codecs?.[0] ?? 'PCMU';
  return first === 'opus' ? 48000 : first === 'G722' ? 16000 : 8000;
}

function configuration(options: LinphoneOptions, port: number): string {
  const { user, server } = options;
  const transport = options.transport ?? 'udp';
  const address = options.address ?? '127.0.0.1';
  const domain = options.domain ?? server.replace(/:\d+$/, '');
  const wanted: string[] = options.codecs ?? (['PCMU'] satisfies Codec[]);
  const codecs = [...wanted, ...ALL_CODECS.map(([mime]) => mime).filter((mime, i, all) => !wanted.includes(mime) && all.indexOf(mime) === i)]
    .flatMap((mime) => ALL_CODECS.filter(([name]) => name === mime))
    .map(([mime, rate, channels], i) => `[audio_codec_${i}]\nmime=${mime}\nrate=${rate}\nchannels=${channels}\nenabled=${wanted.includes(mime) ? 1 : 0}\n`);
  return `[sip]
sip_port=${transport === 'udp' ? port : 0}
sip_tcp_port=${transport === 'tcp' ? port : 0}
sip_tls_port=0
default_proxy=0
guess_hostname=0
contact="${user}" <sip:${user}@${address}:${port}>
inc_timeout=30
use_info=${options.keysByInfo ? 1 : 0}
use_rfc2833=${options.keysByInfo ? 0 : 1}
use_ipv6=0
register_only_when_network_is_up=0
bind_address=${address}
keepalive_period=0
media_encryption=${options.srtp ? 'srtp' : 'none'}
media_encryption_mandatory=${options.srtp === 'required' ? 1 : 0}
[rtp]
audio_rtp_port=${port + 2}
video_rtp_port=${port + 4}
audio_jitt_comp=60
nortp_timeout=30
[net]
download_bw=0
upload_bw=0
firewall_policy=0
mtu=1300
[sound]
${options.card ? `playback_dev_id=PulseAudio Unknown: ${options.card.output}\nringer_dev_id=PulseAudio Unknown: ${options.card.output}\ncapture_dev_id=PulseAudio Unknown: ${options.card.input}` : ''}
remote_ring=
local_ring=
echocancellation=0
agc=0
[video]
enabled=0
display=0
capture=0
automatically_initiate=0
automatically_accept=0
[misc]
uuid=
log_collection_upload_server_url=
[auth_info_0]
username=${user}
passwd=${options.password}
[proxy_0]
reg_proxy=<sip:${server};transport=${transport}>
reg_route=<sip:${server};transport=${transport};lr>
reg_identity=sip:${user}@${domain}
reg_expires=60
reg_sendregister=1
publish=${options.publishes ? 1 : 0}
dial_escape_plus=0

${(options.watches ?? []).map((who, i) => `[friend_${i}]\nurl="${who}" <sip:${who}@${domain}>\npol=accept\nsubscribe=1\n`).join('')}
${codecs.join('\n')}`;
}
