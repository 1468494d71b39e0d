/**
 * What a running phone can be told, as data: one JSON object a line on the standard input of `offhook phone --json`, and what the keys of
 * the screen come to. `call` is a call's id; without it the active one is meant, or the only one.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock';
import type { PhoneEvent } from '../events';
import type { NodeCall } from '../node/phone';
import { PhoneError } from '../phone-types';
import type { CliPhone } from './phone';

const call = z.string().optional();
const words = z.string().min(1).max(2000);
const way = z.enum(['auto', 'rfc4733', 'info', 'in-band']).optional();

const commands = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('dial'), to: words, holdOthers: z.boolean().optional() }),
  z.strictObject({ do: z.literal('answer'), call }),
  z.strictObject({ do: z.literal('reject'), call, status: z.int().min(400).max(699).optional() }),
  z.strictObject({ do: z.literal('hangup'), call }),
  z.strictObject({ do: z.literal('hold'), call }),
  z.strictObject({ do: z.literal('resume'), call }),
  z.strictObject({ do: z.literal('digits'), call, digits: z.string().regex(/^[0-9*#A-Da-d,]{1,100}$/, 'must be 0-9, *, #, A-D, or a comma for a pause'), way }),
  z.strictObject({ do: z.literal('transfer'), call, to: words }),
  z.strictObject({ do: z.literal('transfer-to'), call, other: z.string() }),
  z.strictObject({ do: z.literal('message'), to: words, text: z.string().min(1).max(10_000) }),
  z.strictObject({ do: z.literal('watch'), who: words }),
  z.strictObject({ do: z.literal('unwatch'), who: words }),
  z.strictObject({ do: z.literal('play'), call, file: words, loop: z.boolean().optional() }),
  z.strictObject({ do: z.literal('tone'), call, hz: z.number().min(20).max(20_000), ms: z.number().min(1).max(86_400_000).optional() }),
  z.strictObject({ do: z.literal('stop-playing'), call }),
  z.strictObject({ do: z.literal('record'), call, file: words, what: z.enum(['heard', 'sent', 'both']).optional() }),
  z.strictObject({ do: z.literal('stop-recording'), call, file: words }),
  z.strictObject({ do: z.literal('mute'), on: z.boolean() }),
  z.strictObject({ do: z.literal('volume'), inputDb: z.number().min(-40).max(40).optional(), outputDb: z.number().min(-40).max(40).optional() }),
  z.strictObject({ do: z.literal('noise-suppression'), on: z.boolean() }),
  z.strictObject({ do: z.literal('do-not-disturb'), on: z.boolean() }),
  z.strictObject({ do: z.literal('calls') }),
  z.strictObject({ do: z.literal('quit') }),
]);

export type PhoneCommand = z.infer<typeof commands>;
export type CommandName = PhoneCommand['do'];

/** One line. Errors: PhoneError 'bad-command', which says what is wrong with it. */
export function parseCommand(line: string): PhoneCommand {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new PhoneError('bad-command', 'a command is one line of JSON such as {"do":"dial","to":"1002"}');
  }
  const result = commands.safeParse(value);
  if (result.success) return result.data;
  const name = typeof value === 'object' && value !== null && 'do' in value ? (typeof value.do === 'string' ? value.do : JSON.stringify(value.do)) : undefined;
  const known = commands.options.map((option) => option.shape.do.value);
  if (name === undefined || !(known as string[]).includes(name)) throw new PhoneError('bad-command', `${name === undefined ? 'a command needs "do"' : `there is no command “${name.slice(0, 40)}”`}: known are ${known.join(', ')}`);
  throw new PhoneError('bad-command', `${name}: ${result.error.issues.map(({ path, message }) => `${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`).join('; ')}`);
}

/** What a command leads to while it goes on (a file that is played to its end), told as events of their own. */
export type CommandEvent =
  | { event: 'played'; call: string; why: string; playedMs: number; problem: string | null }
  | { event: 'recorded'; call: string; why: string; file: string; durationMs: number; problem: string | null }
  | { event: 'digits-sent'; call: string; digits: string }
  | { event: 'calls'; calls: Array<{ call: string; direction: 'in' | 'out'; state: string; party: string; codec: string | null; pipeline: string }> };

export type AnyEvent = PhoneEvent | CommandEvent;

export interface Performer {
  phone: CliPhone;
  clock: Clock;
  tell(event: CommandEvent): void;
  quit(): void;
}

/** Does it. What takes as long as a call (play, record) is begun here and told by events. Errors: PhoneError. */
export async function perform(command: PhoneCommand, { phone, clock, tell, quit }: Performer): Promise<void> {
  switch (command.do) {
    case 'dial':
      await phone.dial(command.to, { holdOthers: command.holdOthers });
      return;
    case 'answer':
      return callFor(phone, command.call, ({ state }) => state === 'incoming').answer();
    case 'reject':
      return callFor(phone, command.call, ({ state }) => state === 'incoming').reject(command.status);
    case 'hangup':
      return callFor(phone, command.call).hangUp();
    case 'hold':
      return callFor(phone, command.call).hold();
    case 'resume':
      return callFor(phone, command.call, ({ state }) => state === 'held').resume();
    case 'digits':
      return press(callFor(phone, command.call), command.digits, command.way, { clock, tell });
    case 'transfer':
      return callFor(phone, command.call).transfer(command.to);
    case 'transfer-to':
      return callFor(phone, command.call).transferTo(callFor(phone, command.other));
    case 'message':
      return phone.message(command.to, command.text);
    case 'watch':
      return phone.watch(command.who);
    case 'unwatch':
      return phone.unwatch(command.who);
    case 'play':
      return play(callFor(phone, command.call), { file: resolve(command.file) }, command.loop, tell);
    case 'tone':
      return play(callFor(phone, command.call), { hz: [command.hz], ms: command.ms ?? 86_400_000 }, false, tell);
    case 'stop-playing':
      return callFor(phone, command.call).media.stopPlaying();
    case 'record':
      return record(callFor(phone, command.call), resolve(command.file), command.what, tell);
    case 'stop-recording':
      return callFor(phone, command.call).media.stopRecording(resolve(command.file));
    case 'mute':
      return phone.hub.setMuted(command.on);
    case 'volume':
      if (command.inputDb !== undefined) phone.hub.setInputGain(command.inputDb);
      if (command.outputDb !== undefined) phone.hub.setOutputGain(command.outputDb);
      return;
    case 'noise-suppression':
      return phone.hub.setNoiseSuppression(command.on);
    case 'do-not-disturb':
      phone.doNotDisturb = command.on;
      return;
    case 'calls':
      return tell({ event: 'calls', calls: phone.calls.map((call) => ({ call: call.id, direction: call.info.direction, state: call.info.state, party: call.info.party.uri, codec: call.info.codec, pipeline: call.media.describe() })) });
    case 'quit':
      return quit();
  }
}

/** The one that is meant: by id; else the only one that fits, else the active one. Errors: PhoneError 'wrong-state'. */
export function callFor(phone: CliPhone, id: string | undefined, fits: (info: NodeCall['info']) => boolean = () => true): NodeCall {
  if (id !== undefined) {
    const named = phone.call(id);
    if (!named) throw new PhoneError('wrong-state', `there is no call ${id.slice(0, 20)}${phone.calls.length > 0 ? `, only ${phone.calls.map((call) => call.id).join(', ')}` : ': no call is up'}`);
    return named;
  }
  const fitting = phone.calls.filter(({ info }) => fits(info));
  const meant = fitting.length === 1 ? fitting[0] : (fitting.find((call) => call === phone.active) ?? fitting[0]);
  if (!meant) throw new PhoneError('wrong-state', phone.calls.length === 0 ? 'no call is up' : 'no call is in a state for that');
  return meant;
}

/** A comma is a pause of half a second, as on other phones. */
const PAUSE_MS = 500;

async function press(call: NodeCall, digits: string, way: 'auto' | 'rfc4733' | 'info' | 'in-band' | undefined, { clock, tell }: Pick<Performer, 'clock' | 'tell'>): Promise<void> {
  for (const part of digits.toUpperCase().split(/(,)/).filter(Boolean)) {
    if (part === ',') await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    else await call.sendDigits(part, way);
  }
  tell({ event: 'digits-sent', call: call.id, digits });
}

type Item = Parameters<NodeCall['media']['play']>[0];

async function play(call: NodeCall, what: Item, loop: boolean | undefined, tell: Performer['tell']): Promise<void> {
  const { why, playedMs, problem = null } = await call.media.play(what, { loop: loop ?? false });
  tell({ event: 'played', call: call.id, why, playedMs, problem });
}

async function record(call: NodeCall, file: string, what: 'heard' | 'sent' | 'both' | undefined, tell: Performer['tell']): Promise<void> {
  const { why, durationMs, problem = null, file: written } = await call.media.record(file, { what: what ?? 'heard' });
  tell({ event: 'recorded', call: call.id, why, file: written, durationMs, problem });
}
