/** RFC 4475 and RFC 5118, message by message: the verdict, and what the message says once read. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { StreamFramer } from '../../signaling/engine/wire/framer';
import { SipRequest, SipResponse } from '../../signaling/engine/wire/message';
import { parseNameAddr } from '../../signaling/engine/wire/name-addr';
import { parseMessage, SipParseError, validateRequest, validateResponse } from '../../signaling/engine/wire/parser';
import { serialize } from '../../signaling/engine/wire/serialize';
import { parseUri, decodeUser } from '../../signaling/engine/wire/uri';
import { parseVia } from '../../signaling/engine/wire/via';
import { TORTURE as PLAIN } from './corpus/rfc4475';
import { IPV6_TORTURE } from './corpus/rfc5118';


const CORPUS = path.join(__dirname, 'corpus');
const SETS = { rfc4475: PLAIN, rfc5118: IPV6_TORTURE };
const TORTURE = [...PLAIN, ...IPV6_TORTURE];
const limits = { maxMessageBytes: 65536, maxHeaders: 100 };

const folderOf = (name: string): string => (IPV6_TORTURE.some((c) => c.name === name) ? 'rfc5118' : 'rfc4475');
const bytes = (name: string): Buffer => readFileSync(path.join(CORPUS, folderOf(name), `${name}.sip`));

function read(data: Buffer): SipRequest | SipResponse {
  const message = parseMessage(data, limits);
  if (message instanceof SipRequest) validateRequest(message);
  else validateResponse(message);
  return message;
}

function request(name: string): SipRequest {
  const message = read(bytes(name));
  if (!(message instanceof SipRequest)) throw new Error(`${name} is not a request`);
  return message;
}

function refusal(data: Buffer): SipParseError | undefined {
  try {
    read(data);
    return undefined;
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
}

test.each(Object.entries(SETS))('%s: every file has a verdict and every verdict a file', (folder, cases) => {
  const files = readdirSync(path.join(CORPUS, folder)).map((file) => file.replace(/\.sip$/, ''));
  expect(files.sort()).toEqual(cases.map((c) => c.name).sort());
});

test.each(TORTURE)('$section $name: $note', ({ name, verdict }) => {
  const error = refusal(bytes(name));
  if (verdict === 'accept') {
    expect(error).toBeUndefined();
    return;
  }
  expect(error).toMatchObject({ code: verdict.code, status: verdict.status });
  expect(error?.message).toMatch(/\.$/);
  expect(error?.partial !== undefined).toBe(verdict.answerable);
  if (error?.partial !== undefined) expect(error.partial.callId).toMatch(new RegExp(`^${name}`));
});

test.each(TORTURE.filter((c) => c.verdict === 'accept'))('$name leaves as it came: what is written reads the same', ({ name }) => {
  const message = read(bytes(name));
  const again = read(serialize(message));
  const lines = (m: SipRequest | SipResponse): string[] => [...m.headers].filter((h) => h.key !== 'content-length').map((h) => `${h.name}: ${h.value}`).sort();
  expect(lines(again)).toEqual(lines(message));
  expect(again.body.equals(message.body)).toBe(true);
});

test.each(TORTURE.filter((c) => c.verdict === 'accept' && c.name !== 'dblreq' && c.name !== 'inv2543'))('$name can be framed on a stream', ({ name }) => {
  const data = bytes(name);
  const framer = new StreamFramer(limits);
  expect(framer.push(Buffer.concat([data, data]))).toEqual([{ kind: 'message', data }, { kind: 'message', data }]);
});

describe('what the messages say', () => {
  test('wsinv', () => {
    const invite = request('wsinv');
    expect(invite.toTag).toBe('1918181833n');
    expect(invite.from.displayName).toBe('J Rosenberg \\"');
    expect(invite.cseq).toEqual({ seq: 9, method: 'INVITE' });
    expect(invite.headers.get('subject')).toBe('');
    expect(invite.headers.get('NewFangledHeader')).toBe('newfangled value continued newfangled value');
    expect(invite.headers.getList('via').map(parseVia)).toMatchObject([
      { protocol: 'UDP', host: '192.0.2.2', branch: '390skdjuw' },
      { protocol: 'TCP', host: 'spindle.example.com', branch: 'z9hG4bK9ikj8' },
      { protocol: 'UDP', host: '192.168.255.111', branch: 'z9hG4bK30239' },
    ]);
    const contact = parseNameAddr(invite.headers.get('contact') ?? '');
    expect(contact.displayName).toBe('Quoted string ""');
    expect([...contact.params]).toEqual([['newparam', 'newvalue'], ['secondparam', ''], ['q', '0.33']]);
    expect(invite.body.length).toBe(invite.contentLength());
  });

  test('intmeth', () => {
    const odd = request('intmeth');
    expect(odd.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(parseUri(odd.uri)).toMatchObject({
      user: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
      password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
      host: 'example.com',
    });
    expect(odd.to.displayName).toBe('BEL:\x07 NUL:\x00 DEL:\x7f');
    expect(odd.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
    expect(odd.fromTag).toBe("_token~1'+`*%!-.");
    expect(odd.from.params.get("fromparam''~+*_!.-%")).toBe('"работающий"');
  });

  test('esc01, esc02, escnull', () => {
    const uri = parseUri(request('esc01').uri);
    expect(uri).toMatchObject({ scheme: 'sip', user: 'sips%3Auser%40example.com', host: 'example.net' });
    expect(decodeUser(uri.user ?? '')).toBe('sips:user@example.com');
    const contact = parseUri(parseNameAddr(request('esc01').headers.get('contact') ?? '').uri);
    expect(contact.params.get('n%61me')).toBe('v%61lue%25%34%31');
    expect(request('esc02').method).toBe('RE%47IST%45R');
    expect(request('esc02').headers.getAll('contact')).toHaveLength(2);
    expect(request('esc02').headers.get('C%6Fntact')).toBe('<sip:alias2@host2.example.com>');
    expect(decodeUser(parseUri(request('escnull').from.uri).user ?? '')).toBe('null-\0-null');
  });

  test('dblreq holds the first request only', () => {
    const register = request('dblreq');
    expect(register.method).toBe('REGISTER');
    expect(register.body.length).toBe(0);
  });

  test('semiuri and the two cparam', () => {
    expect(parseUri(request('semiuri').uri)).toMatchObject({ user: 'user;par=u%40example.net', host: 'example.com', params: new Map() });
    expect(parseNameAddr(request('cparam01').headers.get('contact') ?? '')).toEqual({ uri: 'sip:+19725552222@gw1.example.net', params: new Map([['unknownparam', '']]) });
    expect(parseNameAddr(request('cparam02').headers.get('contact') ?? '')).toEqual({ uri: 'sip:+19725552222@gw1.example.net;unknownparam', params: new Map() });
  });

  test('mpart01 keeps its bytes', () => {
    expect(request('mpart01').body.includes(Buffer.from(Array.from({ length: 256 }, (_, i) => i)))).toBe(true);
  });

  test('unreason and noreason', () => {
    expect((read(bytes('unreason')) as SipResponse).reason).toBe('= 2**3 * 5**2 но сто девяносто девять - простое');
    expect(read(bytes('noreason'))).toMatchObject({ status: 100, reason: '' });
  });

  test('inv2543 and badaspec pass leniently', () => {
    expect(request('inv2543').topVia.branch).toBeUndefined();
    expect(request('inv2543').fromTag).toBeUndefined();
    expect(request('inv2543').body.length).toBeGreaterThan(100);
    expect(request('badaspec').to).toEqual({ displayName: 'Watson, Thomas', uri: 'sip:t.watson@example.org', params: new Map() });
    expect(request('baddn').from.displayName).toBe('Bell, Alexander');
  });

  test('port-ambiguous and port-unambiguous', () => {
    expect(parseUri(request('port-ambiguous').uri)).toMatchObject({ host: '2001:db8::10:5070' });
    expect(parseUri(request('port-ambiguous').uri).port).toBeUndefined();
    expect(parseUri(request('port-unambiguous').uri)).toMatchObject({ host: '2001:db8::10', port: 5070 });
  });

  test('received= with and without brackets is the same address', () => {
    for (const name of ['via-received-param-with-delim', 'via-received-param-no-delim']) {
      expect(request(name).topVia).toMatchObject({ host: '2001:db8::9:1', received: '2001:db8::9:255' });
    }
  });

  test('mult-ip-in-header and ipv4-mapped-ipv6', () => {
    expect(request('mult-ip-in-header').headers.getList('via').map(parseVia)).toMatchObject([
      { protocol: 'UDP', host: '2001:db8::9:1', port: 6050 },
      { protocol: 'UDP', host: '192.0.2.1' },
      { protocol: 'TCP', host: '2001:db8::9:255' },
    ]);
    expect(request('ipv4-mapped-ipv6').topVia).toMatchObject({ host: '::ffff:192.0.2.10', port: 19823 });
  });
});
