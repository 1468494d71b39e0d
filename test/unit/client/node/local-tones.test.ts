import type { PhoneEvent, PhoneEventOf } from '../../../../client/events';
import { LocalTones } from '../../../../client/node/local-tones';
import { FakeClock } from '../../../support/fake-clock';

const party = { uri: 'sip:1002@pbx.test', user: '1002', name: '' };
const calling = (call: string): PhoneEvent => ({ event: 'calling', call, to: party });
const incoming = (call: string): PhoneEvent => ({ event: 'incoming', call, from: party, waiting: false });
const ringing = (call: string, earlyMedia = false): PhoneEvent => ({ event: 'ringing', call, status: 180, earlyMedia });
const answered = (call: string): PhoneEvent => ({ event: 'answered', call, with: party, codec: 'opus', encrypted: false, afterMs: 1 });
const ended = (call: string, more: Partial<PhoneEventOf<'ended'>> = {}): PhoneEvent => ({
  event: 'ended', call, by: 'remote', answered: false, status: null, reason: '', problem: null, durationMs: 0, quality: null, ...more,
});

function heardAt(...steps: Array<PhoneEvent | number>): Array<string | null> {
  const clock = new FakeClock();
  const tones: Array<string | null> = [];
  const guide = new LocalTones((tone) => tones.push(tone), clock);
  for (const step of steps) {
    if (typeof step === 'number') clock.advance(step);
    else guide.heard(step);
  }
  guide.close();
  expect(clock.waiting).toBe(0);
  return tones;
}

test.each<[string, Array<PhoneEvent | number>, Array<string | null>]>([
  ['it rings until it is answered', [incoming('1'), answered('1')], ['ringing', null]],
  ['… or given up', [incoming('1'), ended('1', { status: 487 })], ['ringing', null]],
  ['the far end rings', [calling('1'), ringing('1'), ringing('1'), answered('1')], ['ringback', null]],
  ['sound that comes from there goes before ours', [calling('1'), ringing('1'), ringing('1', true), answered('1')], ['ringback', null]],
  ['somebody knocks during a call', [calling('1'), answered('1'), incoming('2'), ended('2')], ['waiting', null]],
  ['… and rings on when that call has ended', [answered('1'), incoming('2'), ended('1', { answered: true }), answered('2')], ['waiting', 'ringing', null]],
  ['a second call rings while the first one waits on hold', [calling('1'), answered('1'), calling('2'), ringing('2'), answered('2')], ['ringback', null]],
  ['busy is heard for three seconds', [calling('1'), ringing('1'), ended('1', { status: 486 }), 2999, 1], ['ringback', 'busy', null]],
  ['… less when the next call is made', [calling('1'), ended('1', { status: 486 }), 1000, calling('2'), ringing('2')], ['busy', null, 'ringback', null]],
  ['what cannot be reached', [calling('1'), ended('1', { status: 404 }), 3000], ['reorder', null]],
  ['a broken way', [calling('1'), ended('1', { by: 'network' }), 3000], ['failed', null]],
  ['whoever hung up hears nothing', [calling('1'), ended('1', { by: 'local', status: 487 })], []],
  ['nor whoever was hung up on', [calling('1'), answered('1'), ended('1', { answered: true })], []],
])('%s', (_name, steps, tones) => expect(heardAt(...steps)).toEqual(tones));
