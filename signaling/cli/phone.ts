/** `offhook phone`: the command line of our own phone, which is a program of its own (`client/`) and knows nothing of the server. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PhoneRequest } from '../../client/cli/run';
import type { Context, SetExitCode } from './context';

interface PhoneFlags {
  password?: string;
  passwordFile?: string;
  transport?: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  proxy?: string;
  authUser?: string;
  name?: string;
  expires?: number;
  register: boolean;
  ca?: string;
  insecure?: boolean;
  local?: { host: string | undefined; port: number | undefined };
  dial?: string;
  answer?: boolean;
  answerAfter?: number;
  calls?: number;
  play?: string;
  tone?: number;
  record?: string;
  dtmf?: string;
  dtmfWay?: 'auto' | 'rfc4733' | 'info' | 'in-band';
  hangupAfter?: number;
  codecs?: PhoneRequest['phone']['codecs'];
  srtp?: 'off' | 'optional' | 'required';
  rtpPorts?: { from: number; to: number };
  detectTones?: boolean;
  audio?: 'auto' | 'portaudio' | 'pulse' | 'alsa' | 'none';
  input?: string;
  output?: string;
  devices?: boolean;
  gain?: number;
  volume?: number;
  noiseSuppression?: boolean;
  sidetone?: number;
  country?: string;
  dnd?: boolean;
  json?: boolean;
  trace?: string;
  data?: string;
  colour: boolean;
}

const CODECS = ['opus', 'G722', 'PCMU', 'PCMA'] as const;

export function addPhone(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('phone [user@host]')
    .description('our own phone: a screen on a terminal; with --json one event a line, commands on stdin, and an exit code')
    .addHelpText('after', HELP);
  const choice = (flags: string, help: string, choices: readonly string[]) => command.addOption(new Option(flags, help).choices(choices));
  const number = (flags: string, help: string, least: number, most: number) => command.addOption(new Option(flags, help).argParser(within(least, most)));

  command.option('--password <password>', 'of the phone; better from --password-file, the variable OFFHOOK_PHONE_PASSWORD, or asked for');
  command.option('--password-file <file>', 'a file whose first line is the password');
  choice('--transport <how>', 'how SIP goes to the server (default: udp)', ['udp', 'tcp', 'tls', 'ws', 'wss']);
  command.option('--proxy <server>', 'where to send to instead of HOST: HOST:PORT, sip:HOST;transport=tcp, wss://HOST/PATH');
  command.option('--auth-user <name>', 'name that goes with the password (default: USER)');
  command.option('--name <name>', 'what others see');
  number('--expires <seconds>', 'how long a registration lasts (default: 300)', 10, 86_400);
  command.option('--no-register', 'calls go straight to whoever is called; whoever knows our address can call');
  command.option('--ca <file>', 'TLS: certificate of the authority to trust');
  command.option('--insecure', 'TLS: trust any certificate');
  command.addOption(new Option('--local <address>', 'own address for SIP and RTP: ADDRESS, ADDRESS:PORT or :PORT').argParser(localAddress));

  command.option('--dial <number>', 'call at once; without a screen the phone ends with that call');
  command.option('--answer', 'answer calls by itself');
  number('--answer-after <seconds>', '… after letting it ring so long', 0, 3600);
  number('--calls <count>', 'without a screen: end after so many calls', 1, 1_000_000);
  command.option('--play <file>', 'each call hears this WAV file instead of a microphone');
  number('--tone <hz>', 'each call hears this tone', 20, 20_000);
  command.option('--record <file>', 'what is heard in each call goes to this file (.wav or .ogg)');
  command.addOption(new Option('--dtmf <digits>', 'keys to press in each call: 0-9 * # A-D, a comma waits half a second').argParser(keys));
  choice('--dtmf-way <how>', 'how keys are sent (default: auto, events where agreed and else tones)', ['auto', 'rfc4733', 'info', 'in-band']);
  command.option('--detect-tones', 'also hear keys that the far end sends as tones');
  number('--hangup-after <seconds>', 'hang up so long after the answer', 0, 86_400);

  command.addOption(new Option('--codecs <list>', `codecs in order of preference (default: ${CODECS.join(',')})`).argParser(codecList));
  choice('--srtp <when>', 'encrypted sound: never, where the far end can (default), or nothing else', ['off', 'optional', 'required']);
  command.addOption(new Option('--rtp-ports <from-to>', 'UDP ports of the sound, such as 40000-40098').argParser(portRange));
  choice('--audio <how>', 'sound card (default: auto on a terminal, else none)', ['auto', 'portaudio', 'pulse', 'alsa', 'none']);
  command.option('--input <device>', 'microphone: name, part of a name, or number');
  command.option('--output <device>', 'speaker: name, part of a name, or number');
  command.option('--devices', 'list the sound devices and end');
  number('--gain <dB>', 'of the microphone', -40, 40);
  number('--volume <dB>', 'of the speaker', -40, 40);
  command.option('--noise-suppression', 'take noise out of what the microphone hears');
  number('--sidetone <dB>', 'hear yourself, so much quieter (default: not at all)', 0, 60);
  command.addOption(new Option('--country <code>', 'whose telephone tones are heard, such as de (default: us)').argParser(country));
  command.option('--dnd', 'do not disturb: calls are refused as busy');

  command.option('--json', 'no screen: one JSON event a line on stdout, one JSON command a line on stdin');
  command.option('--trace <file>', 'write every SIP message to this file');
  command.option('--data <folder>', 'where history and contacts are kept (default: ~/.local/share/offhook)');
  command.option('--no-colour', 'a screen without colours');
  command.action(async (address: string | undefined, flags: PhoneFlags) => {
    const { runHere } = await context.loadPhone();
    setExitCode(await runHere(requestOf(address, flags, command), context));
  });
}

const HELP = `
Examples:
  offhook phone 1001@127.0.0.1                                     a phone with a screen
  offhook phone 1001@127.0.0.1 --json --dial '*43' --dtmf '#' --tone 440 --record echo.wav --hangup-after 3
  offhook phone --devices                                          what there is to speak into and listen to

Exit code: 0 when what was asked for happened, 1 when not, 2 when it cannot be asked for like that.`;

function requestOf(address: string | undefined, flags: PhoneFlags, command: Command): PhoneRequest {
  const device = flags.audio !== undefined || flags.input !== undefined || flags.output !== undefined;
  const answers = flags.answer === true || flags.answerAfter !== undefined;
  if (address === undefined && flags.devices !== true) command.error("error: missing required argument 'user@host'");
  return {
    address,
    password: flags.password,
    passwordFile: flags.passwordFile,
    phone: {
      transport: flags.transport,
      proxy: flags.proxy,
      authUser: flags.authUser,
      displayName: flags.name,
      expiresS: flags.expires,
      register: flags.register,
      tls: { caFile: flags.ca, insecure: flags.insecure },
      localAddress: flags.local?.host,
      localPort: flags.local?.port,
      address: flags.local?.host,
      autoAnswerMs: answers ? (flags.answerAfter ?? 0) * 1000 : undefined,
      dtmf: flags.dtmfWay,
      codecs: flags.codecs,
      srtp: flags.srtp,
      portMin: flags.rtpPorts?.from,
      portMax: flags.rtpPorts?.to,
      detectTones: flags.detectTones,
      inputGainDb: flags.gain,
      outputGainDb: flags.volume,
      noiseSuppression: flags.noiseSuppression,
      sidetoneDb: flags.sidetone ?? null,
      toneCountry: flags.country,
      doNotDisturb: flags.dnd,
    },
    dial: flags.dial,
    script: { play: flags.play, toneHz: flags.tone, record: flags.record, digits: flags.dtmf, hangUpAfterMs: flags.hangupAfter === undefined ? undefined : flags.hangupAfter * 1000 },
    calls: flags.calls,
    json: flags.json === true,
    audio: device ? { backend: flags.audio ?? 'auto', input: flags.input, output: flags.output } : undefined,
    devices: flags.devices === true,
    traceFile: flags.trace,
    dataFolder: flags.data,
    ...(flags.colour ? {} : { colour: false }),
  };
}

const within = (least: number, most: number) => (text: string): number => {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= least && value <= most)) throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  return value;
};

function codecList(text: string): PhoneRequest['phone']['codecs'] {
  return text.split(',').map((word) => {
    const name = CODECS.find((codec) => codec.toLowerCase() === word.trim().toLowerCase());
    if (!name) throw new InvalidArgumentError(`“${word}” is not one of ${CODECS.join(', ')}.`);
    return name;
  });
}

function keys(text: string): string {
  if (!/^[0-9*#A-D,]{1,100}$/i.test(text)) throw new InvalidArgumentError('Keys are 0-9, *, # and A-D, and a comma waits half a second.');
  return text;
}

function country(text: string): string {
  if (!/^[a-z]{2}$/i.test(text)) throw new InvalidArgumentError('It must be a country code of two letters, such as de.');
  return text.toLowerCase();
}

function portRange(text: string): { from: number; to: number } {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(text.trim())?.map(Number) ?? [];
  if (from === undefined || to === undefined || from < 1024 || to > 65_535 || to - from < 1) throw new InvalidArgumentError('It must be two ports from 1024 to 65535, such as 40000-40098.');
  return { from, to };
}

function localAddress(text: string): NonNullable<PhoneFlags['local']> {
  const match = /^(\[[0-9a-f:.]+\]|[0-9a-f:]*:[0-9a-f:]+:[0-9a-f:.]*|[^:\s]*)(?::(\d{1,5}))?$/i.exec(text.trim());
  const host = match?.[1]?.replace(/^\[|\]$/g, '');
  const port = match?.[2] === undefined ? undefined : Number(match[2]);
  if (!match || (port !== undefined && port > 65_535) || (host === '' && port === undefined)) throw new InvalidArgumentError('It must be ADDRESS, ADDRESS:PORT or :PORT.');
  return { host: host === '' ? undefined : host, port };
}
