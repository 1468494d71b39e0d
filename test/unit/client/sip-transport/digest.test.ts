import { challengesIn, challengesOf, strongest, type Challenge } from '../../../../client/sip/challenges';
import { digestAnswer, makeAuthentication } from '../../../../client/sip/digest';
import { applyEdits, readHead } from '../../../../client/sip/message-text';
import { loadSip } from '../../../../client/sip/sip-js';

const field = (answer: string, name: string): string | undefined => new RegExp(`[ ,]${name}="?([^",]*)`).exec(answer)?.[1];
const mufasa: Challenge = { algorithm: 'MD5', session: false, realm: 'http-auth@example.org', nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v', opaque: 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS', stale: false, qop: 'auth' };
const circle = { authUser: 'Mufasa', password: 'Circle of Life' };
const get = { method: 'GET', uri: '/dir/index.html', body: '' };
const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

test.each([
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
] as const)('RFC 7616 §3.9.1 with %s', (algorithm, response) => {
  const answer = digestAnswer({ ...mufasa, algorithm }, circle, get, cnonce, 1);
  expect(field(answer, 'response')).toBe(response);
  expect(field(answer, 'nc')).toBe('00000001');
  expect(field(answer, 'algorithm')).toBe(algorithm);
  expect(field(answer, 'qop')).toBe('auth');
  expect(field(answer, 'opaque')).toBe(mufasa.opaque);
});

test('RFC 2617 §3.5', () => {
  const challenge: Challenge = { ...mufasa, realm: 'testrealm@host.com', nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093', opaque: undefined };
  expect(field(digestAnswer(challenge, { authUser: 'Mufasa', password: 'Circle Of Life' }, get, '0a4f113b', 1), 'response')).toBe('6629fae49393a05397450978507c4ef1');
});

test('without qop neither count nor cnonce (RFC 2069)', () => {
  const answer = digestAnswer({ ...mufasa, realm: 'testrealm@host.com', nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093', qop: undefined }, { authUser: 'Mufasa', password: 'CircleOfLife' }, get, 'x', 7);
  // RFC 2069 §2.4 with its errata.
  expect(field(answer, 'response')).toBe('1949323746fe6a43ef61f9606e7febea');
  expect(answer).not.toMatch(/nc=|cnonce|qop/);
});

test('-sess, auth-int and SHA-512-256 are what another implementation makes of them', () => {
  const { createHash } = jest.requireActual<typeof import('node:crypto')>('node:crypto');
  const h = (name: string) => (text: string) => createHash(name).update(text).digest('hex');
  for (const [algorithm, name] of [['MD5', 'md5'], ['SHA-256', 'sha256'], ['SHA-512-256', 'sha512-256']] as const) {
    const hash = h(name);
    const key = hash(`${hash('ü:r"e:p')}:n:c`);
    const expected = hash(`${key}:n:0000000a:c:auth-int:${hash(`INVITE:sip:b@x:${hash('v=0')}`)}`);
    const answer = digestAnswer({ algorithm, session: true, realm: 'r\\"e', nonce: 'n', opaque: undefined, stale: false, qop: 'auth-int' }, { authUser: 'ü', password: 'p' }, { method: 'INVITE', uri: 'sip:b@x', body: 'v=0' }, 'c', 10);
    expect(field(answer, 'response')).toBe(expected);
    expect(answer).toContain('realm="r\\"e"');
    expect(field(answer, 'algorithm')).toBe(`${algorithm}-sess`);
  }
});

describe('the object for sip.js', () => {
  const request = { method: 'REGISTER', ruri: 'sip:pbx.test' };
  const challenge = { realm: 'pbx.test', nonce: 'n1', algorithm: 'SHA-256', qop: ['auth'] };

  test('counts the uses of a nonce over all requests, from one again for a new nonce', () => {
    const auth = makeAuthentication({ authUser: 'a"b', password: 'p', chance: Math.random });
    const counts = ['n1', 'n1', 'n2', 'n1'].map((nonce) => {
      expect(auth.authenticate(request, { ...challenge, nonce })).toBe(true);
      return field(auth.toString(), 'nc');
    });
    expect(counts).toEqual(['00000001', '00000002', '00000001', '00000003']);
    expect(auth.toString()).toContain('username="a\\"b"');
  });

  test('each answer has a cnonce of its own', () => {
    const auth = makeAuthentication({ authUser: 'a', password: 'p', chance: Math.random });
    const cnonces = Array.from({ length: 50 }, () => {
      auth.authenticate(request, challenge);
      return field(auth.toString(), 'cnonce');
    });
    expect(new Set(cnonces).size).toBe(50);
    expect(cnonces[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  test('what it cannot answer it declines', () => {
    const auth = makeAuthentication({ authUser: 'a', password: 'p', chance: Math.random });
    expect(auth.authenticate(request, { ...challenge, algorithm: 'AKAV1-MD5' })).toBe(false);
    expect(auth.authenticate(request, { ...challenge, nonce: undefined })).toBe(false);
  });
});

describe('challenges', () => {
  test.each([
    ['Digest realm="r", nonce="n"', ['MD5']],
    ['Digest realm="r", nonce="n", algorithm=sha-256', ['SHA-256']],
    ['Digest realm="r", nonce="n", algorithm="SHA-256"', ['SHA-256']],
    ['Digest realm="a, b", nonce="n", algorithm=MD5, Digest realm="r", nonce="m", algorithm=SHA-512-256', ['MD5', 'SHA-512-256']],
    ['Basic realm="x", Digest realm="r", nonce="n"', ['MD5']],
    ['Basic realm="x"', []],
    ['Digest realm="r", nonce="n", algorithm=AKAv1-MD5', []],
    ['Digest realm="r"', []],
    ['Digest realm="r", nonce="n", qop="token"', []],
    ['', []],
    [',,,', []],
  ])('%s', (value, algorithms) => {
    expect(challengesOf(value).map((one) => one.algorithm)).toEqual(algorithms);
  });

  test('auth is preferred to auth-int; stale and opaque are kept', () => {
    expect(challengesOf('Digest realm="r\\"s", nonce="n", qop="auth-int , auth", stale=TRUE, opaque=""')).toEqual([
      { algorithm: 'MD5', session: false, realm: 'r\\"s', nonce: 'n', opaque: '', stale: true, qop: 'auth' },
    ]);
  });

  test('the strongest counts, among equals the first', () => {
    const all = challengesOf('Digest realm="1", nonce="n", Digest realm="2", nonce="n", algorithm=SHA-256, Digest realm="3", nonce="n", algorithm=SHA-256');
    expect(strongest(all)?.realm).toBe('2');
  });

  const response = (...lines: string[]): string => ['SIP/2.0 401 Unauthorized', 'Via: SIP/2.0/UDP phone.invalid;branch=z9hG4bK1', 'CSeq: 1 REGISTER', ...lines, 'Content-Length: 0', '', ''].join('\r\n');
  const rewritten = (text: string): string => {
    const head = readHead(text);
    if (!head) throw new Error('unreadable');
    return applyEdits(text, challengesIn(head));
  };

  test('sip.js is left with one that its grammar reads', async () => {
    const { Grammar } = await loadSip();
    const text = rewritten(response('WWW-Authenticate: Digest realm="r",', '  nonce="n", algorithm=MD5', 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256-sess, qop="auth-int , auth"'));
    const challenges = [...text.matchAll(/WWW-Authenticate:(.*)\r\n/g)].map((match) => (match[1] as string).trim());
    expect(challenges).toHaveLength(1);
    const parsed: unknown = Grammar.parse(challenges[0] as string, 'WWW_Authenticate');
    expect(parsed).toMatchObject({ realm: 'r', nonce: 'n', algorithm: 'SESS-SHA-256', qop: ['auth'] });
    const auth = makeAuthentication({ authUser: 'a', password: 'p', chance: () => 0.5 });
    expect(auth.authenticate({ method: 'REGISTER', ruri: 'sip:x' }, parsed)).toBe(true);
    expect(auth.toString()).toContain('algorithm=SHA-256-sess');
    expect(text.endsWith('CSeq: 1 REGISTER\r\nWWW-Authenticate: ' + challenges[0] + '\r\nContent-Length: 0\r\n\r\n')).toBe(true);
  });

  test('none is left when none can be answered', () => {
    expect(rewritten(response('WWW-Authenticate: Basic realm="x"'))).toBe(response());
  });
});
