/**
 * The wire code under input nobody wrote by hand: whatever comes, a value or a `SipParseError`; what was read is written so that it reads
 * the same; however a stream is cut, the same messages. Seeds are fixed: a failure here fails again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { StreamFramer } from '../../signaling/engine/wire/framer';
import { Headers, splitList } from '../../signaling/engine/wire/headers';
import { SipRequest, SipResponse } from '../../signaling/engine/wire/message';
import { formatNameAddr, parseNameAddr } from '../../signaling/engine/wire/name-addr';
import { parseMessage, SipParseError, validateRequest, validateResponse, type WireLimits } from '../../signaling/engine/wire/parser';
import { messageText, serialize } from '../../signaling/engine/wire/serialize';
import { decodeUser, formatUri, parseUri, sameUri } from '../../signaling/engine/wire/uri';
import { formatVia, parseVia } from '../../signaling/engine/wire/via';

type Message = SipRequest | SipResponse;
const limits: WireLimits = { maxMessageBytes: 16384, maxHeaders: 60 };
const roomy: WireLimits = { maxMessageBytes: 1 << 20, maxHeaders: 1000 };
const CORPUS = path.join(__dirname, 'corpus');
const load = (folder: string): Array<{ name: string; data: Buffer }> =>
  readdirSync(path.join(CORPUS, folder)).map((name) => ({ name, data: readFileSync(path.join(CORPUS, folder, name)) }));
const torture = [...load('rfc4475'), ...load('rfc5118')].map((f) => f.data);

/** Runs `fn`; undefined when it throws a SipParseError. Any other exception comes through and fails the test. */
function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

const lines = (message: Message): string[] => [...message.headers].filter((h) => h.key !== 'content-length').map((h) => `${h.name}: ${h.value}`);
/** Via lines move to the front when a message is written. */
const written = (message: Message): string[] => [...lines(message).filter((l) => l.startsWith('Via:')), ...lines(message).filter((l) => !l.startsWith('Via:'))];

function expectSame(again: Message, message: Message): void {
  expect(written(again)).toEqual(written(message));
  expect(again.body.equals(message.body)).toBe(true);
  if (message instanceof SipRequest) expect(again).toMatchObject({ method: message.method, uri: message.uri });
  else expect(again).toMatchObject({ status: message.status, reason: message.reason });
}

/** Everything the layers above ask of a message. */
function useMessage(message: Message): void {
  attempt(() => (message instanceof SipRequest ? validateRequest(message) : validateResponse(message)));
  for (const view of ['callId', 'cseq', 'from', 'to', 'fromTag', 'toTag', 'topVia'] as const) attempt(() => message[view]);
  message.contentLength();
  for (const contact of message.headers.getList('contact')) attempt(() => parseUri(parseNameAddr(contact).uri));
  expectSame(parseMessage(serialize(message), roomy), message);
  const copy = message.clone();
  attempt(() => copy.setTopVia({ ...copy.topVia, rport: 1, received: '192.0.2.1' }));
  copy.removeTopVia();
}

function useBytes(data: Buffer): void {
  try {
    useMessage(parseMessage(data, limits));
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    expect([400, 413, 505]).toContain(error.status);
    if (error.partial !== undefined) expect(error.partial.topVia.host).not.toBe('');
  }
}

/** Feeds a stream; the messages (one character a byte) and pings until it ends or cannot be read on. */
function frames(chunks: Buffer[]): { messages: string[]; pings: number; failed: boolean } {
  const framer = new StreamFramer(limits);
  const messages: string[] = [];
  let pings = 0;
  for (const chunk of chunks) {
    const out = attempt(() => framer.push(chunk)) ?? [];
    for (const frame of out) {
      if (frame.kind === 'message') messages.push(frame.data.toString('latin1'));
      else if (frame.kind === 'ping') pings++;
    }
    if (framer.pendingBytes > limits.maxMessageBytes) throw new Error(`the framer holds ${framer.pendingBytes} bytes`);
    if (framer.error !== undefined) break;
  }
  return { messages, pings, failed: framer.error !== undefined };
}

function cut(data: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map((p) => p % (data.length + 1)))].sort((a, b) => a - b);
  return [...at, data.length].map((end, i) => Buffer.from(data.subarray(i === 0 ? 0 : at[i - 1], end)));
}

// ---- arbitraries ----
const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019-.!%*_+`'~"), minLength: 1, maxLength: 12 });
const host = fc.oneof(fc.constantFrom('example.com', '192.0.2.1', 'h', '2001:db8::1', '::1'), fc.string({ unit: fc.constantFrom(...'abz09-.'), minLength: 1, maxLength: 10 }));
const port = fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined });
const user = fc.string({ unit: fc.constantFrom(..."ab09-_.!~*'()&=+$,;?/%#"), minLength: 1, maxLength: 10 });
const pieces = ['\r\n', '\n', '\r', ' ', '\t', ':', ';', ',', '"', '\\', '<', '>', '@', '=', '?', '%', '[', ']', '/', '\0', '\x7f', 'é', '大', 'sip:', 'tel:', 'SIP/2.0', 'SIP/2.0/UDP h', 'Via: ', 'l: 5', 'Content-Length: ', '9', 'a', 'tag', '__proto__', 'constructor'];
const noise = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 })), { maxLength: 30 }).map((parts) => parts.join(''));
/** A legal header value: text without controls and without outer white space. */
const value = fc.string({ unit: fc.oneof(fc.constantFrom(...'ab1 ,;<>"\\=:\t'), fc.constantFrom('é', '大', '🎧')), maxLength: 30 }).map((s) => s.replace(/^[ \t]+|[ \t]+$/g, ''));
const headerList = fc.array(fc.tuple(fc.oneof(fc.constantFrom('Via', 'v', 'From', 'to', 'CSEQ', 'call-id', 'X-Odd', 'Route', 'm'), token), value), { maxLength: 15 });
const body = fc.oneof(fc.constant(Buffer.alloc(0)), fc.uint8Array({ maxLength: 80 }).map((b) => Buffer.from(b)));

function build(start: { method: string; uri: string } | { status: number; reason: string }, list: Array<[string, string]>, content: Buffer): Message {
  const headers = new Headers();
  for (const [name, text] of list) if (name.toLowerCase() !== 'l') headers.append(name, text);
  return 'method' in start ? new SipRequest(start.method, start.uri, headers, content) : new SipResponse(start.status, start.reason, headers, content);
}

const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.tuple(fc.record({ method: token, uri: fc.tuple(user, host).map(([u, h]) => `sip:${u}@${h}`) }), headerList, body).map(([s, h, b]) => build(s, h, b)),
  fc.tuple(fc.record({ status: fc.integer({ min: 100, max: 699 }), reason: value }), headerList, body).map(([s, h, b]) => build(s, h, b)),
);

/** A torture message (or two) with bytes changed, removed, inserted, repeated. */
const mutated: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom(...torture),
    fc.array(fc.record({ at: fc.nat(), drop: fc.nat({ max: 12 }), put: fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 3 })), again: fc.boolean() }), { minLength: 1, maxLength: 6 }),
  )
  .map(([base, edits]) => {
    let data = base;
    for (const edit of edits) {
      const at = edit.at % (data.length + 1);
      const tail = data.subarray(edit.again ? Math.max(0, at - edit.drop * 8) : Math.min(data.length, at + edit.drop));
      data = Buffer.concat([data.subarray(0, at), Buffer.from(edit.put), tail]);
    }
    return data;
  });

// ---- properties ----
test('what is written reads the same', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expectSame(parseMessage(serialize(message), roomy), message);
      expect(messageText(message)).toBe(serialize(message).toString('utf8'));
    }),
    { seed: 3261, numRuns: 600 },
  );
});

test('random bytes give a message or a SipParseError', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => useBytes(Buffer.from(bytes))), { seed: 1, numRuns: 500 });
  fc.assert(fc.property(noise, noise, (a, b) => useBytes(Buffer.from(`OPTIONS sip:a SIP/2.0\r\n${a}\r\n${b}\r\n\r\n`))), { seed: 2, numRuns: 1000 });
});

test('mutated torture messages give a message or a SipParseError', () => {
  fc.assert(fc.property(mutated, useBytes), { seed: 4475, numRuns: 2500 });
});

test('every prefix of every torture message gives a message or a SipParseError', () => {
  for (const data of torture) for (let end = 0; end < data.length; end += 7) attempt(() => parseMessage(data.subarray(0, end), limits));
});

test('small limits are kept, and only ever with a SipParseError', () => {
  fc.assert(
    fc.property(mutated, fc.nat({ max: 900 }), fc.nat({ max: 900 }), fc.nat({ max: 12 }), (data, maxMessageBytes, maxHeaderBytes, maxHeaders) => {
      const message = attempt(() => parseMessage(data, { maxMessageBytes, maxHeaderBytes, maxHeaders }));
      if (message === undefined) return;
      expect(message.headers.size).toBeLessThanOrEqual(maxHeaders);
      expect(message.body.length).toBeLessThanOrEqual(maxMessageBytes);
    }),
    { seed: 16, numRuns: 600 },
  );
});

test('no header value adds a header', () => {
  fc.assert(
    fc.property(noise, noise, (name, text) => {
      const headers = new Headers();
      headers.append('To', '<sip:b>');
      attempt(() => headers.append(name, text));
      const message = parseMessage(serialize(new SipRequest('OPTIONS', 'sip:a', headers)), roomy);
      expect(lines(message).length).toBe([...headers].filter((h) => h.key !== 'content-length').length);
    }),
    { seed: 93, numRuns: 1000 },
  );
});

test('the framer gives the same messages and pings however the stream is cut', () => {
  const item = fc.oneof(anyMessage.map(serialize), fc.constantFrom(Buffer.from('\r\n'), Buffer.from('\r\n\r\n')), mutated);
  fc.assert(
    fc.property(fc.array(item, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), (items, places, bytewise) => {
      const stream = Buffer.concat(items);
      const whole = frames([Buffer.from(stream)]);
      const pieces = bytewise && stream.length < 2000 ? cut(stream, Array.from(stream, (_, i) => i)) : cut(stream, places);
      expect(frames(pieces)).toEqual(whole);
    }),
    { seed: 5626, numRuns: 500 },
  );
});

test('whole messages on a stream come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(anyMessage.map(serialize), { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 12 }), (messages, places) => {
      expect(frames(cut(Buffer.concat(messages), places))).toEqual({ messages: messages.map((m) => m.toString('latin1')), pings: 0, failed: false });
    }),
    { seed: 18, numRuns: 300 },
  );
});

test('framer and parser agree on where a message ends', () => {
  fc.assert(
    fc.property(fc.array(mutated, { minLength: 1, maxLength: 3 }), (items) => {
      for (const text of frames([Buffer.concat(items)]).messages) {
        const data = Buffer.from(text, 'latin1');
        const message = attempt(() => parseMessage(data, limits));
        if (message === undefined) continue;
        expect(message.body.length).toBe(message.contentLength() ?? 0);
        expect(data.subarray(data.length - message.body.length).equals(message.body)).toBe(true);
      }
    }),
    { seed: 183, numRuns: 800 },
  );
});

test('URIs: written and read the same; noise gives a value or a SipParseError', () => {
  const sip = fc.record({ scheme: fc.constantFrom('sip', 'sips'), user: fc.option(user, { nil: undefined }), host, port, params: fc.dictionary(token.map((t) => t.toLowerCase()), fc.oneof(token, fc.constant('')), { maxKeys: 4 }) });
  fc.assert(
    fc.property(sip, (parts) => {
      const text = formatUri({ scheme: parts.scheme, host: parts.host, params: new Map(Object.entries(parts.params)), ...(parts.user === undefined ? {} : { user: parts.user }), ...(parts.port === undefined ? {} : { port: parts.port }) });
      const uri = parseUri(text);
      expect(uri).toMatchObject({ scheme: parts.scheme, host: parts.host, params: new Map(Object.entries(parts.params)) });
      expect([uri.user, uri.port]).toEqual([parts.user, parts.port]);
      expect(sameUri(text, formatUri(uri).replace(/^sip/, 'SIP'))).toBe(true);
    }),
    { seed: 191, numRuns: 600 },
  );
  fc.assert(
    fc.property(noise, noise, (a, b) => {
      const uri = attempt(() => parseUri(`sip:${a}`));
      if (uri !== undefined) expect(parseUri(formatUri(uri))).toEqual(uri);
      attempt(() => parseUri(a));
      expect(sameUri(a, b)).toBe(sameUri(b, a));
      decodeUser(a);
    }),
    { seed: 1914, numRuns: 1500 },
  );
});

test('addresses and Vias: written and read the same; noise gives a value or a SipParseError', () => {
  const display = fc.string({ unit: fc.oneof(fc.constantFrom(...'ab ",;<>\\'), fc.constantFrom('é', '大', '\0', '\x07')), minLength: 1, maxLength: 12 });
  const params = fc.dictionary(token.map((t) => t.toLowerCase()), fc.oneof(token, fc.constant(''), fc.constant('"<q; \\" ,>"')), { maxKeys: 4 });
  fc.assert(
    fc.property(display, user, host, params, (displayName, u, h, p) => {
      const address = { displayName, uri: `sip:${u}@${h}`, params: new Map(Object.entries(p)) };
      const text = formatNameAddr(address);
      expect(parseNameAddr(text)).toEqual(address);
      expect(splitList(`${text}, ${text},${text}`)).toEqual([text, text, text]);
    }),
    { seed: 2010, numRuns: 600 },
  );
  fc.assert(
    fc.property(noise, (text) => {
      const address = attempt(() => parseNameAddr(text)) ?? attempt(() => parseNameAddr(`<sip:a@b>;${text}`));
      if (address !== undefined) expect(parseNameAddr(formatNameAddr(address))).toEqual(address);
      const via = attempt(() => parseVia(`SIP/2.0/UDP h;${text}`)) ?? attempt(() => parseVia(text));
      if (via !== undefined) expect(parseVia(formatVia(via))).toEqual(via);
      splitList(text);
    }),
    { seed: 2042, numRuns: 2000 },
  );
});

describe('inputs that once broke something', () => {
  test.each(load('crashes'))('$name', ({ data }) => {
    useBytes(data);
    expect(frames(cut(data, [1, 5, 40, data.length >> 1]))).toEqual(frames([data]));
  });
});
