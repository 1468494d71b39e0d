/** What surrounds SIPp: scenario files and their parts, and reading its message log. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audioTarget, sdp } from '../../support/sdp-text';
import { parseMessages, scenarioText } from '../../support/sipp';

const SCENARIOS = join(__dirname, '..', '..', 'call', 'scenarios');

describe('scenario text', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'offhook-scenario-'));
    mkdirSync(join(folder, 'parts'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('parts, also within parts, and values are filled in', () => {
    writeFileSync(join(folder, 'parts', 'inner.xml'), 'Via: {{host}}\n');
    writeFileSync(join(folder, 'parts', 'outer.xml'), '<send>\n{{> inner}}\n</send>\n');
    writeFileSync(join(folder, 's.xml'), '{{> outer}}\n<recv response="{{final}}"/>\n');
    expect(scenarioText('s', { host: 'a.example', final: 486 }, folder)).toBe('<send>\nVia: a.example\n</send>\n<recv response="486"/>\n');
  });

  test('a value or a part that is missing is named', () => {
    writeFileSync(join(folder, 's.xml'), '{{final}}');
    expect(() => scenarioText('s', {}, folder)).toThrow('scenario s: no value for {{final}}');
    writeFileSync(join(folder, 's.xml'), '{{> nothing}}');
    expect(() => scenarioText('s', {}, folder)).toThrow('scenario s: there is no part nothing');
  });
});

test('every scenario can be filled in, and every part is used', () => {
  const names = readdirSync(SCENARIOS).filter((name) => name.endsWith('.xml')).map((name) => name.slice(0, -4));
  const anything = new Proxy<Record<string, string>>({}, { get: () => 'x' });
  for (const name of names) expect(scenarioText(name, anything)).not.toMatch(/\{\{/);
  const everything = [...names.map((name) => join(SCENARIOS, `${name}.xml`)), ...readdirSync(join(SCENARIOS, 'parts')).map((name) => join(SCENARIOS, 'parts', name))]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  for (const part of readdirSync(join(SCENARIOS, 'parts'))) expect(everything).toContain(`{{> ${part.slice(0, -4)}}}`);
});

test('the message log is read as messages with their direction', () => {
  const log = [
    '----------------------------------------------- 2026-01-01\t10:00:00.000000',
    'UDP message sent (41 bytes):',
    '',
    'OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n',
    '----------------------------------------------- 2026-01-01\t10:00:00.000001',
    'TCP message received [18] bytes :',
    '',
    'SIP/2.0 200 OK\r\n\r\n',
    '----------------------------------------------- 2026-01-01\t10:00:01.000001',
    'Unexpected UDP message received:',
    '',
    'twice in the log',
  ].join('\n');
  expect(parseMessages(log).map(({ direction, text }) => [direction, text.split('\r\n')[0]])).toEqual([
    ['sent', 'OPTIONS sip:a SIP/2.0'],
    ['received', 'SIP/2.0 200 OK'],
  ]);
});

test('a session description says where its sender listens', () => {
  const text = sdp({ port: 4000, address: '192.0.2.7', codecs: [8, 101], direction: 'sendonly', version: 3 });
  expect(audioTarget(text)).toEqual({ address: '192.0.2.7', port: 4000 });
  expect(text.split('\n')).toEqual(expect.arrayContaining(['o=sipp 4711 3 IN IP4 192.0.2.7', 'm=audio 4000 RTP/AVP 8 101', 'a=rtpmap:8 PCMA/8000', 'a=sendonly']));
  expect(() => audioTarget('v=0\nc=IN IP4 192.0.2.7\n')).toThrow('no audio stream');
});
