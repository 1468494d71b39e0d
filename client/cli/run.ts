/**
 * `offhook phone`: what the command line said becomes a phone with a screen, or one without a person. Where the terminal is, the password,
 * the sound card and the signals are looked after here.
 */
import { createWriteStream, openSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { systemClock, type Clock } from '../clock';
import { parseBelonging } from '../node/address';
import type { DeviceInfo, DeviceRequest, ListDevices } from '../node/audio/device';
import { listDevices } from '../node/audio/open';
import { readAuthorities } from '../node/channel/authorities';
import { NodePhone, type NodePhoneOptions } from '../node/phone';
import { PhoneError } from '../phone-types';
import type { PhoneEnvironment } from './environment';
import type { CallScript } from './call-script';
import { runHeadless } from './headless';
import { askPassword } from './password';
import type { MakePhone } from './phone';
import { exitCodeOf, problemOf } from './problem';

export interface PhoneRequest {
  /** USER@HOST[:PORT]; undefined only with `devices`. */
  address: string | undefined;
  phone: NodePhoneOptions;
  password?: string | undefined;
  passwordFile?: string | undefined;
  dial?: string | undefined;
  script: CallScript;
  calls?: number | undefined;
  json: boolean;
  /** Sound devices as asked for; undefined: nothing was said. */
  audio: DeviceRequest | undefined;
  /** Only list the devices. */
  devices: boolean;
  /** A file that every SIP message is written to. */
  traceFile?: string | undefined;
  /** History and contacts. */
  dataFolder?: string | undefined;
  colour?: boolean | undefined;
}

export interface PhoneIo {
  out(text: string): void;
  err(text: string): void;
  input: Readable;
  /** The terminal, where there is one. */
  output: WriteStream;
  environment: PhoneEnvironment;
  /** Both the input and the output are a terminal. */
  isTerminal: boolean;
  signal: AbortSignal;
  clock?: Clock;
  /** Default: the phone and the devices of this machine. */
  makePhone?: MakePhone;
  listDevices?: ListDevices;
}

/** Resolves with the exit code: 0 what was asked for happened, 1 it did not, 2 it cannot be asked for like that. Never rejects. */
export async function runPhone(request: PhoneRequest, io: PhoneIo): Promise<number> {
  try {
    return request.devices ? await printDevices(request, io) : await ring(request, io);
  } catch (err) {
    const problem = problemOf(err);
    // Also for whoever reads events only.
    if (request.json) io.out(`${JSON.stringify({ event: 'error', problem, at: (io.clock ?? systemClock).wall().toISOString() })}\n`);
    io.err(`offhook: ${problem}\n`);
    return exitCodeOf(err);
  }
}

async function ring(request: PhoneRequest, io: PhoneIo): Promise<number> {
  const { address, json, dial, script, calls } = request;
  if (address === undefined) throw new PhoneError('bad-address', 'which phone? Say USER@HOST, such as 1001@192.0.2.1');
  // Before a password is asked for.
  parseBelonging(address);
  await checkAuthorities(request.phone.tls?.caFile);
  const interactive = io.isTerminal && !json;
  const phone: NodePhoneOptions = { ...request.phone, trace: tracing(request.traceFile, io), audio: request.audio ?? (interactive ? { backend: 'auto' } : undefined) };
  if (phone.register ?? true) phone.password = await passwordOf(request, io);
  const { clock = systemClock, makePhone = NodePhone.create, signal } = io;
  if (!interactive) return runHeadless({ address, phone, dial, script, calls, json }, { out: io.out, err: io.err, input: io.input, clock, makePhone, signal });
  const { runInteractive } = require('./interactive') as typeof import('./interactive');
  const { colour, unicode, dataFolder } = io.environment;
  return runInteractive(
    { address, phone, dial, script, dataFolder: request.dataFolder ?? dataFolder, colour: request.colour ?? colour, unicode },
    { input: io.input as ReadStream, output: io.output, clock, makePhone, signal },
  );
}

async function checkAuthorities(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  await readAuthorities(file).catch((err: unknown) => {
    throw new PhoneError('bad-command', problemOf(err));
  });
}

/** From the command line, a file, the environment, or whoever sits there. Errors: PhoneError. */
async function passwordOf({ password, passwordFile, address }: PhoneRequest, { environment, isTerminal, input, err, signal }: PhoneIo): Promise<string> {
  if (password !== undefined) return password;
  if (passwordFile !== undefined) return firstLine(passwordFile);
  if (environment.password !== undefined) return environment.password;
  if (!isTerminal) throw new PhoneError('bad-command', `a password is needed to register ${address}: --password, --password-file or the variable OFFHOOK_PHONE_PASSWORD; without registering: --no-register`);
  const typed = await askPassword(`Password of ${address}: `, input as ReadStream, err, signal);
  if (typed === undefined) throw new PhoneError('closed', 'no password was given');
  return typed;
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0]!;
  } catch (err) {
    throw new PhoneError('bad-command', `the password file ${file} cannot be read: ${problemOf(err)}`);
  }
}

function tracing(file: string | undefined, io: PhoneIo): NodePhoneOptions['trace'] {
  if (file === undefined) return undefined;
  const stream = createWriteStream(file, { fd: openTrace(file) });
  stream.on('error', (err) => io.err(`offhook: the trace cannot be written: ${err.message}\n`));
  return ({ out, text }) => void stream.write(`${new Date().toISOString()} ${out ? '──▶' : '◀──'}\n${text}\n\n`);
}

/** Opened at once: later there may be a screen that an error would be written over. */
function openTrace(file: string): number {
  try {
    return openSync(file, 'a', 0o600);
  } catch (err) {
    throw new PhoneError('bad-command', `the trace file ${file} cannot be written: ${problemOf(err)}`);
  }
}

async function printDevices({ json, audio }: PhoneRequest, io: PhoneIo): Promise<number> {
  const devices = await (io.listDevices ?? listDevices)(audio?.backend ?? 'auto');
  if (json) io.out(`${JSON.stringify(devices)}\n`);
  else if (devices.length === 0) io.out('There is no sound device here. --play, --record and --tone do without one.\n');
  else for (const device of devices) io.out(`${deviceLine(device, Math.max(...devices.map(({ name }) => name.length)))}\n`);
  return 0;
}

/** '  2  USB Headset  in 1 (default), out 2  portaudio' */
function deviceLine({ number, name, inputs, outputs, isDefaultInput, isDefaultOutput, backend }: DeviceInfo, longest: number): string {
  const ways = [inputs > 0 ? `in ${inputs}${isDefaultInput ? ' (default)' : ''}` : '', outputs > 0 ? `out ${outputs}${isDefaultOutput ? ' (default)' : ''}` : ''];
  return `${String(number).padStart(3)}  ${name.padEnd(longest)}  ${ways.filter(Boolean).join(', ')}  ${backend}`;
}
