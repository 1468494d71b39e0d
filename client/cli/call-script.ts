/** What is to happen in each call, as the command line says it: play, a tone, keys, record, hang up. */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, extname, join, parse, resolve } from 'node:path';
import { loadWav } from '../../media/file/wav';
import type { Clock } from '../clock';
import type { NodeCall } from '../node/phone';
import { PhoneError } from '../phone-types';
import { perform, type CommandEvent } from './commands';
import type { CliPhone } from './phone';
import { problemOf } from './problem';

export interface CallScript {
  /** WAV */
  play?: string | undefined;
  toneHz?: number | undefined;
  /** .wav or .ogg; of a second call, `-2` is put before its ending. */
  record?: string | undefined;
  digits?: string | undefined;
  hangUpAfterMs?: number | undefined;
}

export interface ScriptDeps {
  phone: CliPhone;
  clock: Clock;
  tell(event: CommandEvent): void;
}

const FOR_EVER_MS = 86_400_000;

/** What can be known before anybody is called. Errors: PhoneError 'bad-command'. */
export async function checkScript({ play, record }: CallScript): Promise<void> {
  if (record !== undefined) checkRecording(record);
  if (play !== undefined) await checkPlay(play);
}

function checkRecording(file: string): void {
  const folder = dirname(resolve(file));
  if (!/\.(?:wav|ogg)$/.test(file)) throw new PhoneError('bad-command', `${file}: recordings are .wav or .ogg files`);
  if (existsSync(file)) throw new PhoneError('bad-command', `${file} exists already: move it away, or record to another file`);
  if (!existsSync(folder)) throw new PhoneError('bad-command', `there is no folder ${folder} to record into`);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new PhoneError('bad-command', `nothing can be recorded into ${folder}: check its permissions`);
  }
}

async function checkPlay(file: string): Promise<void> {
  if (!existsSync(file)) throw new PhoneError('bad-command', `there is no file ${file} to play`);
  await loadWav(resolve(file)).catch((err: unknown) => {
    throw new PhoneError('bad-command', problemOf(err));
  });
}

/** For a call that was just answered, the `number`th (from 1). Each promise is one thing that was asked for; it fails with a sentence. */
export function follow(script: CallScript, call: NodeCall, number: number, deps: ScriptDeps): Array<Promise<void>> {
  const { play, toneHz, record, digits, hangUpAfterMs } = script;
  const works: Array<Promise<void>> = [];
  if (play !== undefined) works.push(played(call, { file: resolve(play) }, deps));
  else if (toneHz !== undefined) works.push(played(call, { hz: [toneHz], ms: FOR_EVER_MS }, deps));
  if (record !== undefined) works.push(recorded(call, nth(record, number), deps));
  if (digits !== undefined) works.push(perform({ do: 'digits', call: call.id, digits }, { ...deps, quit: () => undefined }));
  if (hangUpAfterMs !== undefined) {
    const timer = deps.clock.after(hangUpAfterMs, () => void call.hangUp());
    void call.ended.then(() => timer.cancel());
  }
  return works;
}

async function played(call: NodeCall, what: Parameters<NodeCall['media']['play']>[0], { tell }: ScriptDeps): Promise<void> {
  const { why, playedMs, problem } = await call.media.play(what);
  if (why === 'failed') throw new PhoneError('media', problem ?? 'it could not be played');
  tell({ event: 'played', call: call.id, why, playedMs, problem: null });
}

async function recorded(call: NodeCall, file: string, { tell }: ScriptDeps): Promise<void> {
  const { why, durationMs, problem } = await call.media.record(file, { what: 'heard' });
  tell({ event: 'recorded', call: call.id, why, file, durationMs, problem: problem ?? null });
  if (why === 'failed') throw new PhoneError('media', problem ?? `${file} could not be recorded`);
}

/** 'heard.wav', 'heard-2.wav' … as absolute paths. */
export function nth(file: string, number: number): string {
  const { dir, name } = parse(resolve(file));
  return join(dir, `${name}${number === 1 ? '' : `-${number}`}${extname(file)}`);
}
