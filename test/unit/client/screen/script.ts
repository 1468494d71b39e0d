/** A call as the phone would tell it, for tests and for looking at. */
import type { PhoneEvent } from '../../../../client/events';
import type { Quality } from '../../../../client/media';
import { initialView, reduce, type PhoneView, type UiEvent } from '../../../../client/cli/state';

export const NOON = Date.UTC(2026, 10, 23, 12, 0, 0);
export const BOB = { uri: 'sip:1002@pbx.test', user: '1002', name: 'Bob Baker' };
/** Whatever a stranger may put into a name. */
export const HOSTILE = { uri: 'sip:\u001b[2J\u202eevil@x', user: '\u001b]0;owned\u0007\u202e99\r\n', name: `\u001b[31m\u009b5m漢字👩‍👩‍👧🇩🇪Z${'\u0335'.repeat(50)}\u2066${'ｗ'.repeat(300)}` };
export const QUALITY: Quality = {
  of: 'lately',
  seconds: 5,
  heard: { packets: 1000, lost: 4, lossFraction: 0.004, jitterMs: 3.2, bufferMs: 33, concealedFraction: 0.006, mos: 4.3 },
  sent: { packets: 1000, lossFraction: 0.06, jitterMs: 12, mos: 3.4 },
  rttMs: 24,
};

export function played(events: ReadonlyArray<PhoneEvent | UiEvent>, view: PhoneView = initialView({ address: '1001@pbx.test', nowMs: NOON }), stepMs = 1000): PhoneView {
  return events.reduce((seen, event) => reduce(seen, event, seen.nowMs + stepMs), view);
}

export function registered(): Array<PhoneEvent | UiEvent> {
  return [
    { event: 'connected', protocol: 'udp', local: '127.0.0.1:40000', remote: '127.0.0.1:5060' },
    { event: 'registering' },
    { event: 'registered', aor: 'sip:1001@pbx.test', expiresS: 300 },
    { event: 'audio', input: 'Built-in microphone', output: 'Headset', backend: 'portaudio' },
    { event: 'ui-history', entries: [{ at: NOON - 3_600_000, kind: 'missed', address: '1003', name: 'Carol', durationMs: 0 }, { at: NOON - 90_000_000, kind: 'answered', address: '1002', name: '', durationMs: 75_000 }] },
    { event: 'ui-contacts', contacts: [{ name: 'Bob Baker', address: '1002' }, { name: 'Zoë', address: 'sip:zoe@example.org' }] },
  ];
}

export function inCall(party = BOB): Array<PhoneEvent | UiEvent> {
  return [
    { event: 'calling', call: '1', to: party },
    { event: 'ringing', call: '1', status: 180, earlyMedia: false },
    { event: 'answered', call: '1', with: party, codec: 'opus', encrypted: true, afterMs: 2000 },
    { event: 'quality', call: '1', quality: QUALITY },
    { event: 'ui-levels', input: -22, output: -3 },
  ];
}
