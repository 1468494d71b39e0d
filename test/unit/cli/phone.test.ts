/** What the command line of the phone becomes; the phone itself is not loaded. */
import type { PhoneRequest } from '../../../client/cli/run';
import { main } from '../../../signaling/cli/program';

async function run(...argv: string[]): Promise<{ code: number; request: PhoneRequest | undefined; err: string; out: string }> {
  let request: PhoneRequest | undefined;
  let err = '';
  let out = '';
  const code = await main(['phone', ...argv], {
    out: (text) => (out += text),
    err: (text) => (err += text),
    loadPhone: async () => ({ runHere: async (given) => ((request = given), 7) }),
  });
  return { code, request, err, out };
}

test('an address is enough', async () => {
  const { code, request } = await run('1001@192.0.2.1');
  expect(code).toBe(7);
  expect(request).toMatchObject({ address: '1001@192.0.2.1', json: false, devices: false, audio: undefined, dial: undefined });
  expect(request?.phone).toMatchObject({ register: true, sidetoneDb: null, autoAnswerMs: undefined });
});

test('everything that can be said', async () => {
  const { request } = await run(
    '1001@pbx.test', '--password', 'p', '--transport', 'tls', '--proxy', 'edge:5061', '--auth-user', 'a', '--name', 'Anna', '--expires', '60', '--ca', 'ca.pem', '--insecure',
    '--local', '192.0.2.7:5062', '--dial', '1002', '--answer-after', '2', '--calls', '3', '--play', 'a.wav', '--tone', '440', '--record', 'b.wav', '--dtmf', '12,#', '--dtmf-way', 'info',
    '--detect-tones', '--hangup-after', '1.5', '--codecs', 'PCMU, g722', '--srtp', 'required', '--rtp-ports', '40000-40010', '--audio', 'pulse', '--input', '2', '--output', 'USB', '--gain', '-3',
    '--volume', '6', '--noise-suppression', '--sidetone', '20', '--country', 'DE', '--dnd', '--json', '--trace', 't.log', '--data', '/d', '--no-colour',
  );
  expect(request).toEqual({
    address: '1001@pbx.test', password: 'p', passwordFile: undefined, dial: '1002', calls: 3, json: true, devices: false, traceFile: 't.log', dataFolder: '/d', colour: false,
    script: { play: 'a.wav', toneHz: 440, record: 'b.wav', digits: '12,#', hangUpAfterMs: 1500 },
    audio: { backend: 'pulse', input: '2', output: 'USB' },
    phone: {
      transport: 'tls', proxy: 'edge:5061', authUser: 'a', displayName: 'Anna', expiresS: 60, register: true, tls: { caFile: 'ca.pem', insecure: true }, localAddress: '192.0.2.7', localPort: 5062,
      address: '192.0.2.7', autoAnswerMs: 2000, dtmf: 'info', codecs: ['PCMU', 'G722'], srtp: 'required', portMin: 40000, portMax: 40010, detectTones: true, inputGainDb: -3, outputGainDb: 6,
      noiseSuppression: true, sidetoneDb: 20, toneCountry: 'de', doNotDisturb: true,
    },
  });
});

test.each<[string, string[], Partial<PhoneRequest['phone']>]>([
  ['--answer is at once', ['--answer'], { autoAnswerMs: 0 }],
  ['--no-register', ['--no-register'], { register: false }],
  ['only a port of one’s own', ['--local', ':5070'], { localAddress: undefined, localPort: 5070, address: undefined }],
  ['only an address of one’s own', ['--local', '2001:db8::1'], { localAddress: '2001:db8::1', localPort: undefined }],
  ['IPv6 and a port', ['--local', '[2001:db8::1]:5070'], { localAddress: '2001:db8::1', localPort: 5070 }],
])('%s', async (_name, argv, phone) => expect((await run('1001@h', ...argv)).request?.phone).toMatchObject(phone));

test.each([
  [['1001@h', '--codecs', 'GSM'], /“GSM” is not one of opus, G722, PCMU, PCMA/],
  [['1001@h', '--tone', 'loud'], /number from 20 to 20000/],
  [['1001@h', '--hangup-after', ''], /number from 0/],
  [['1001@h', '--dtmf', '12x'], /0-9, \*, # and A-D/],
  [['1001@h', '--rtp-ports', '9-10'], /two ports from 1024/],
  [['1001@h', '--local', 'a b'], /ADDRESS, ADDRESS:PORT or :PORT/],
  [['1001@h', '--country', 'Germany'], /country code of two letters/],
  [['1001@h', '--transport', 'sctp'], /Allowed choices/],
  [['1001@h', '--bogus'], /unknown option/],
  [[], /missing required argument 'user@host'/],
])('%j is refused in one sentence', async (argv, sentence) => {
  const { code, err, request } = await run(...argv);
  expect(code).toBe(2);
  expect(err).toMatch(sentence);
  expect(err).not.toMatch(/\n\s+at /);
  expect(request).toBeUndefined();
});

test('devices need no address', async () => expect((await run('--devices')).request).toMatchObject({ devices: true, address: undefined }));

test('help shows examples and says what exit codes mean', async () => {
  const { out, code } = await run('--help');
  expect(code).toBe(0);
  expect(out).toMatch(/Examples:[\s\S]*Exit code: 0/);
});
