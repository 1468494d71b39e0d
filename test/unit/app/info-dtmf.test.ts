import fc from 'fast-check';
import { keyBody, keyIn, keyTypes } from '../../../signaling/app/info-dtmf';

const relay = 'application/dtmf-relay';
const plain = 'application/dtmf';

test.each<[string, string | undefined, string | undefined, [string, number] | undefined]>([
  ['relay', relay, 'Signal=5\r\nDuration=160\r\n', ['5', 160]],
  ['relay with spaces, as Cisco writes it', relay, 'Signal= *\r\nDuration= 250\r\n', ['*', 250]],
  ['relay in other letters', 'Application/DTMF-Relay; charset=utf-8', 'signal = a\nduration = 90', ['A', 90]],
  ['relay without a duration', relay, 'Signal=#', ['#', 160]],
  ['relay by event number', relay, 'Signal=11\r\nDuration=100', ['#', 100]],
  ['relay, duration first', relay, 'Duration=100\r\nSignal=0', ['0', 100]],
  ['relay, too short and too long', relay, 'Signal=1\r\nDuration=1', ['1', 40]],
  ['relay, too long', relay, 'Signal=1\r\nDuration=99999', ['1', 5000]],
  ['plain', plain, '5', ['5', 160]],
  ['plain with a line end', plain, ' 9\r\n', ['9', 160]],
  ['plain by event number', plain, '10', ['*', 160]],
  ['plain with the fields of the other', plain, 'Signal=3\r\nDuration=70', ['3', 70]],
  ['flash', relay, 'Signal=16\r\nDuration=100', undefined],
  ['several keys', plain, '123', undefined],
  ['no key', relay, 'Signal=E', undefined],
  ['no signal', relay, 'Duration=100', undefined],
  ['nothing', relay, '', undefined],
  ['no body', relay, undefined, undefined],
  ['another type', 'application/media_control+xml', 'Signal=5', undefined],
  ['no type', undefined, 'Signal=5', undefined],
  ['too much', relay, `Signal=5\r\n${'x'.repeat(300)}`, undefined],
])('%s', (_, type, body, expected) => {
  expect(keyIn(type, body)).toEqual(expected && { digit: expected[0], durationMs: expected[1] });
});

test('what is written is read', () => {
  for (const digit of '0123456789*#ABCD') {
    expect(keyIn(relay, keyBody(relay, { digit, durationMs: 200 }))).toEqual({ digit, durationMs: 200 });
    expect(keyIn(plain, keyBody(plain, { digit, durationMs: 200 }))).toEqual({ digit, durationMs: 160 });
  }
  expect(keyBody(relay, { digit: '5', durationMs: 160 })).toBe('Signal=5\r\nDuration=160\r\n');
  for (const digit of ['', 'E', '12']) expect(() => keyBody(relay, { digit, durationMs: 100 })).toThrow(RangeError);
});

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.constantFrom(...keyTypes), fc.string({ maxLength: 300 }), (type, body) => void keyIn(type, body)), { numRuns: 300 });
});
