import { digestResponse, provesKnowledge, readClaim, uriFits, type DigestClaim } from '../../../signaling/app/digest';
import { parseDigestCredentials } from '../../../signaling/app/digest-header';
import { hash } from './fakes';

function claim(header: string, realm: string): DigestClaim {
  const read = readClaim(parseDigestCredentials(header), realm);
  if ('fault' in read) throw new Error(JSON.stringify(read));
  return read;
}

/** Published examples: [where, realm, user:password, method, header]. */
const vectors: Array<[string, string, string, string, string, string]> = [
  [
    'RFC 2069 (as corrected by its erratum)',
    'testrealm@host.com',
    'Mufasa',
    'CircleOfLife',
    'GET',
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  ],
  [
    'RFC 2617 §3.5',
    'testrealm@host.com',
    'Mufasa',
    'Circle Of Life',
    'GET',
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
  ],
  [
    'RFC 7616 §3.9.1, MD5',
    'http-auth@example.org',
    'Mufasa',
    'Circle of Life',
    'GET',
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
  ],
  [
    'RFC 7616 §3.9.1, SHA-256',
    'http-auth@example.org',
    'Mufasa',
    'Circle of Life',
    'GET',
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
  ],
];

test.each(vectors)('%s', (_, realm, user, password, method, header) => {
  const a1 = `${user}:${realm}:${password}`;
  const ha1 = { md5: hash('MD5', a1), sha256: hash('SHA-256', a1) };
  const read = claim(header, realm);
  expect(provesKnowledge(read, method, ha1)).toBe(true);
  expect(provesKnowledge(read, 'POST', ha1)).toBe(false);
  expect(provesKnowledge(read, method, { md5: ha1.sha256.slice(32), sha256: ha1.md5 + ha1.md5 })).toBe(false);
  expect(digestResponse(read, method, read.algorithm === 'MD5' ? ha1.md5 : ha1.sha256)).toBe(read.response);
});

const base = { username: '"1001"', realm: '"r"', nonce: '"n"', uri: '"sip:r"', response: `"${'a'.repeat(32)}"` };

function header(change: Record<string, string | undefined> = {}): string {
  const set = { ...base, ...change };
  return `Digest ${Object.entries(set)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => `${k}=${v}`)
    .join(', ')}`;
}

describe('claims', () => {
  test('without qop: no count', () => {
    expect(claim(header(), 'r')).toEqual({ username: '1001', nonce: 'n', uri: 'sip:r', response: 'a'.repeat(32), algorithm: 'MD5', counted: undefined });
  });

  test('with qop', () => {
    expect(claim(header({ qop: 'auth', nc: '0000000A', cnonce: '"c"' }), 'r').counted).toEqual({ nc: 10, ncText: '0000000A', cnonce: 'c', qop: 'auth' });
  });

  test('an upper-case response is the same response', () => {
    expect(claim(header({ response: `"${'AB'.repeat(16)}"` }), 'r').response).toBe('ab'.repeat(16));
  });

  test.each<[string, Record<string, string | undefined>, string]>([
    ['another realm', { realm: '"x"' }, 'wrong-realm'],
    ['no realm', { realm: undefined }, 'wrong-realm'],
    ['no username', { username: undefined }, 'malformed'],
    ['an empty username', { username: '""' }, 'malformed'],
    ['no nonce', { nonce: undefined }, 'malformed'],
    ['no uri', { uri: undefined }, 'malformed'],
    ['no response', { response: undefined }, 'malformed'],
    ['a short response', { response: '"abc"' }, 'malformed'],
    ['an MD5 response for SHA-256', { algorithm: 'SHA-256' }, 'malformed'],
    ['a response that is not hexadecimal', { response: `"${'g'.repeat(32)}"` }, 'malformed'],
    ['qop without nc', { qop: 'auth', cnonce: '"c"' }, 'malformed'],
    ['qop without cnonce', { qop: 'auth', nc: '00000001' }, 'malformed'],
    ['a count of zero', { qop: 'auth', nc: '00000000', cnonce: '"c"' }, 'malformed'],
    ['a short count', { qop: 'auth', nc: '1', cnonce: '"c"' }, 'malformed'],
    ['auth-int', { qop: 'auth-int', nc: '00000001', cnonce: '"c"' }, 'unsupported'],
    ['MD5-sess', { algorithm: 'MD5-sess' }, 'unsupported'],
    ['SHA-256-sess', { algorithm: 'SHA-256-sess' }, 'unsupported'],
    ['SHA-512-256', { algorithm: 'SHA-512-256' }, 'unsupported'],
    ['userhash', { userhash: 'true' }, 'unsupported'],
  ])('%s', (_, change, fault) => {
    expect(readClaim(parseDigestCredentials(header(change)), 'r')).toMatchObject({ fault });
  });

  test('of several sets, the one for our realm', () => {
    expect(claim(`${header({ realm: '"x"', username: '"other"' })}, ${header()}`, 'r').username).toBe('1001');
  });

  test('of several sets for our realm, the first usable one', () => {
    expect(claim(`${header({ algorithm: 'SHA-512-256' })}, ${header({ username: '"second"' })}`, 'r').username).toBe('second');
  });
});

test.each<[string, string, boolean]>([
  ['sip:1002@offhook.test', 'sip:1002@offhook.test', true],
  ['sip:offhook.test', 'sip:1002@offhook.test:5060;transport=tcp', true],
  ['sip:192.0.2.1:5060', 'sip:1002@offhook.test', true],
  ['sip:1002@192.0.2.1', 'sip:1002@offhook.test;user=phone', true],
  ['sip:%31002@offhook.test', 'sip:1002@offhook.test', true],
  ['sip:1001@offhook.test', 'sip:offhook.test', true],
  ['sip:1003@offhook.test', 'sip:1002@offhook.test', false],
])('uri %s for a request to %s: %s', (digestUri, requestUri, fits) => {
  expect(uriFits(digestUri, requestUri)).toBe(fits);
});
