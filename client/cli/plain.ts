/** What happens, as one sentence a line: for a terminal that is not there and a person that reads a log. */
import type { Quality } from '../media';
import type { AnyEvent } from './commands';

/** undefined: not worth a line. Text that came from the network is made harmless. */
export function sentence(event: AnyEvent): string | undefined {
  const text = say(event);
  return text === undefined ? undefined : harmless(text);
}

function say(event: AnyEvent): string | undefined {
  switch (event.event) {
    case 'registered':
      return event.tookMs === undefined ? undefined : `registered as ${event.aor}`;
    case 'registration-failed':
      return `not registered: ${event.problem}${event.retryMs === null ? '' : ` (trying again in ${seconds(event.retryMs)})`}`;
    case 'disconnected':
      return `the way to the server is gone: ${event.problem}${event.retryMs === null ? '' : ` (trying again in ${seconds(event.retryMs)})`}`;
    case 'calling':
      return `${event.call}: calling ${event.to.uri}`;
    case 'incoming':
      return `${event.call}: ${who(event.from)} calls`;
    case 'ringing':
      return `${event.call}: it rings`;
    case 'answered':
      return `${event.call}: in a call with ${who(event.with)} (${event.codec ?? 'no sound'}${event.encrypted ? ', encrypted' : ''})`;
    case 'party':
      return `${event.call}: now with ${who(event.with)}`;
    case 'held':
      return `${event.call}: on hold${event.by === 'remote' ? ' by the far end' : ''}`;
    case 'resumed':
      return `${event.call}: goes on`;
    case 'digit':
      return `${event.call}: key ${event.digit}`;
    case 'silent':
      return `${event.call}: nothing is heard from there for ${seconds(event.silentMs)}`;
    case 'heard-again':
      return `${event.call}: heard again`;
    case 'transfer':
      return `${event.call}: transfer to ${event.to}: ${event.state === 'asked' ? 'asked for' : `${event.status} ${event.reason}`}`;
    case 'referred':
      return `${event.call}: the far end transfers us to ${event.to}`;
    case 'ended':
      return `${event.call}: ended${event.answered ? ` after ${seconds(event.durationMs)}` : ''}${event.problem === null ? '' : `: ${event.problem}`}${event.quality ? ` [${quality(event.quality)}]` : ''}`;
    case 'message':
      return `message from ${who(event.from)}: ${event.text}`;
    case 'message-sent':
      return event.ok ? `message to ${event.to} sent` : `message to ${event.to} not sent: ${event.problem ?? event.status ?? 'no answer'}`;
    case 'voicemail':
      return event.waiting ? `voicemail: ${event.newMessages} new, ${event.oldMessages} old` : 'voicemail: nothing new';
    case 'presence':
      return `${event.of} is ${event.state}${event.note === '' ? '' : ` (${event.note})`}`;
    case 'presence-failed':
      return `${event.of}: ${event.problem}`;
    case 'warning':
    case 'audio-problem':
      return event.problem;
    case 'audio':
      return `microphone: ${event.input ?? 'none'}, speaker: ${event.output ?? 'none'}`;
    case 'audio-recovered':
      return `sound again: microphone ${event.input ?? 'none'}, speaker ${event.output ?? 'none'}`;
    case 'played':
      return event.problem === null ? undefined : `${event.call}: not played: ${event.problem}`;
    case 'recorded':
      return event.problem === null ? `${event.call}: recorded ${seconds(event.durationMs)} to ${event.file}` : `${event.call}: the recording ended early: ${event.problem}`;
    case 'unregistered':
      return 'unregistered';
    case 'calls':
    case 'digits-sent':
    case 'connected':
    case 'registering':
    case 'media':
    case 'quality':
      return undefined;
  }
}

const who = ({ uri, name }: { uri: string; name: string }): string => (name === '' ? uri : `${name} <${uri}>`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/** 'loss 0.4 %, jitter 3 ms, MOS 4.3' */
function quality({ heard, rttMs }: Quality): string {
  const expected = heard.packets + heard.lost;
  const parts = [
    expected > 0 ? `loss ${((100 * heard.lost) / expected).toFixed(1)} %` : 'nothing was heard',
    heard.jitterMs === null ? '' : `jitter ${heard.jitterMs.toFixed(0)} ms`,
    rttMs === null ? '' : `round trip ${rttMs.toFixed(0)} ms`,
    heard.mos === null ? '' : `MOS ${heard.mos.toFixed(1)}`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** Control characters and what turns the direction of writing would let a caller write anywhere on the screen. */
const harmless = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, ' ');
