import { parseCommand, type PhoneCommand } from '../../../../client/cli/commands';

test.each<PhoneCommand>([
  { do: 'dial', to: '1002' },
  { do: 'answer' },
  { do: 'reject', call: '1', status: 603 },
  { do: 'digits', digits: '12,#A', way: 'info' },
  { do: 'transfer-to', call: '1', other: '2' },
  { do: 'record', file: 'x.wav', what: 'both' },
  { do: 'volume', outputDb: -6 },
  { do: 'quit' },
])('%j', (command) => expect(parseCommand(JSON.stringify(command))).toEqual(command));

test.each([
  ['dial 1002', /one line of JSON such as/],
  ['"quit"', /a command needs "do": known are dial, answer/],
  ['{}', /a command needs "do"/],
  ['null', /a command needs "do"/],
  ['{"do":"explode"}', /there is no command “explode”: known are dial/],
  ['{"do":"dial"}', /^dial: to:/],
  ['{"do":"dial","to":"1002","tone":3}', /^dial: .*tone/],
  ['{"do":"digits","digits":"hello"}', /^digits: digits: must be 0-9/],
  ['{"do":"reject","status":200}', /^reject: status:/],
  [`{"do":"${'x'.repeat(5000)}"}`, /there is no command “x{40}”/],
])('%s is refused with a sentence', (line, sentence) => expect(() => parseCommand(line)).toThrow(sentence));
