/**
 * Text → SessionDescription (RFC 8866 §5, §9), in one pass over the lines.
 *
 * Lenient where real phones are sloppy (bare LF, missing s= or t=, unknown attributes), strict where a guess could send audio to the
 * wrong place (o=, c=, m=). Every failure is an SdpError.
 */
import { isIP } from 'node:net';
import { staticFormat } from './codecs';
import { MAX_CRYPTO_LINES, parseCrypto, type CryptoLine } from './crypto';
import { withoutReceiving } from './direction';
import { SdpError, type Codec, type Direction, type Family, type MediaAddress, type Origin, type SessionDescription, type StreamDescription } from './model';

export interface SdpLimits {
  maxLength: number;
  maxLines: number;
  maxStreams: number;
  /** Formats in one m= line. */
  maxFormats: number;
}

/** A Chromium offer with audio and video has 7 KB and 180 lines. */
export const defaultSdpLimits: SdpLimits = { maxLength: 64 * 1024, maxLines: 1000, maxStreams: 16, maxFormats: 128 };

interface Connection {
  family: Family;
  host: string;
}

/** What has been read of one m= section. */
interface Section {
  kind: string;
  port: number;
  transport: string;
  formats: string[];
  connection?: Connection;
  direction?: Direction;
  maps: Map<number, Codec>;
  fmtps: Map<number, string>;
  ptime?: number;
  maxptime?: number;
  rtcpPort?: number;
  rtcpMux: boolean;
  crypto: CryptoLine[];
  cryptoLines: number;
}

export function parseSdp(text: string, limits: SdpLimits = defaultSdpLimits): SessionDescription {
  if (text.length > limits.maxLength) throw new SdpError('syntax', `the session description is longer than ${limits.maxLength} characters`);
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.length > limits.maxLines) throw new SdpError('syntax', `the session description has more than ${limits.maxLines} lines`);

  let origin: Origin | undefined;
  let connection: Connection | undefined;
  let direction: Direction | undefined;
  const sections: Section[] = [];
  let section: Section | undefined;
  let first = true;

  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line === '') continue;
    const type = line[0] as string;
    if (line[1] !== '=' || type < 'a' || type > 'z') throw bad(i, 'is not of the form x=value');
    const value = line.slice(2);
    if (first) {
      if (type !== 'v' || value.trim() !== '0') throw bad(i, 'should be v=0');
      first = false;
      continue;
    }
    switch (type) {
      case 'o':
        if (origin || section) throw bad(i, 'is a second o= line');
        origin = parseOrigin(value, i);
        break;
      case 'c':
        if (section) section.connection ??= parseConnection(value, i);
        else connection = parseConnection(value, i);
        break;
      case 'm':
        if (sections.length >= limits.maxStreams) throw bad(i, `is one stream too many (limit ${limits.maxStreams})`);
        section = parseMedia(value, i, limits.maxFormats);
        sections.push(section);
        break;
      case 'a':
        if (section) streamAttribute(section, value);
        else direction = directionOf(value) ?? direction;
        break;
      default: // s= t= b= k= i= …: nothing the relay needs
    }
  }
  if (first) throw new SdpError('syntax', 'the session description is empty');
  if (!origin) throw new SdpError('syntax', 'the session description has no o= line');
  return { origin, streams: sections.map((s) => finish(s, connection, direction)) };
}

function bad(index: number, problem: string): SdpError {
  return new SdpError('syntax', `line ${index + 1} of the session description ${problem}`);
}

/** `o=<username> <sess-id> <sess-version> IN IP4 <address>`; some phones put blanks into the user name. */
function parseOrigin(value: string, index: number): Origin {
  const fields = value.trim().split(/\s+/);
  const [sessionId, sessionVersion, net] = fields.slice(-5);
  if (fields.length < 6 || net?.toUpperCase() !== 'IN' || sessionId === undefined || sessionVersion === undefined) throw bad(index, 'is not a valid o= line');
  return { sessionId, sessionVersion };
}

/** `c=IN IP4 192.0.2.1[/ttl]` */
function parseConnection(value: string, index: number): Connection {
  const [net, type, where] = value.trim().split(/\s+/);
  const host = where?.split('/')[0];
  const family = type?.toUpperCase() === 'IP4' ? 4 : type?.toUpperCase() === 'IP6' ? 6 : undefined;
  if (net?.toUpperCase() !== 'IN' || !family || !host) throw bad(index, 'is not a valid c= line');
  const ip = host.includes('%') ? 0 : isIP(host); // a zone means nothing to another machine
  if (ip !== 0 && ip !== family) throw bad(index, `has an IPv${ip} address where IPv${family} is announced`);
  if (ip === 0 && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,253})$/.test(host)) throw bad(index, 'has neither an address nor a host name');
  return { family, host };
}

/** `m=audio 49170[/2] RTP/AVP 0 8 101` */
function parseMedia(value: string, index: number, maxFormats: number): Section {
  const [kind, ports, transport, ...formats] = value.trim().split(/\s+/);
  // its words are repeated in our answer when the stream is refused
  if (!kind || !ports || !transport || formats.length === 0 || !/^[\t -~]+$/.test(value)) throw bad(index, 'is not a valid m= line');
  if (!/^\d{1,5}(\/\d{1,5})?$/.test(ports)) throw bad(index, 'has no valid port');
  const port = Number.parseInt(ports, 10);
  if (port > 65535) throw bad(index, 'has no valid port');
  if (formats.length > maxFormats) throw bad(index, `has more than ${maxFormats} formats`);
  return { kind: kind.toLowerCase(), port, transport, formats, maps: new Map(), fmtps: new Map(), rtcpMux: false, crypto: [], cryptoLines: 0 };
}

function directionOf(attribute: string): Direction | undefined {
  switch (attribute.trimEnd()) {
    case 'sendrecv':
    case 'sendonly':
    case 'recvonly':
    case 'inactive':
      return attribute.trimEnd() as Direction;
    default:
      return undefined;
  }
}

function streamAttribute(section: Section, value: string): void {
  const colon = value.indexOf(':');
  if (colon < 0) {
    const direction = directionOf(value);
    if (direction) section.direction = direction;
    else if (value.trimEnd() === 'rtcp-mux') section.rtcpMux = true;
    return;
  }
  const argument = value.slice(colon + 1).trim();
  switch (value.slice(0, colon)) {
    case 'rtpmap': {
      const match = /^(\d{1,3})\s+([!-.0-~]{1,40})\/(\d{1,6})(?:\/(\d{1,2}))?$/.exec(argument);
      const payloadType = Number(match?.[1]);
      if (!match || payloadType > 127) return;
      section.maps.set(payloadType, { payloadType, name: match[2] as string, clockRate: Number(match[3]), channels: Number(match[4] ?? 1) });
      return;
    }
    case 'fmtp': {
      const match = /^(\d{1,3})\s+([ -~]{1,500})$/.exec(argument);
      if (match) section.fmtps.set(Number(match[1]), match[2] as string);
      return;
    }
    case 'ptime':
      setMilliseconds(section, 'ptime', argument);
      return;
    case 'maxptime':
      setMilliseconds(section, 'maxptime', argument);
      return;
    case 'rtcp': {
      const match = /^(\d{1,5})(\s|$)/.exec(argument);
      const port = Number(match?.[1]);
      if (match && port > 0 && port <= 65535) section.rtcpPort = port;
      return;
    }
    case 'crypto': {
      const line = ++section.cryptoLines <= MAX_CRYPTO_LINES ? parseCrypto(argument) : undefined;
      // a tag names one line (RFC 4568 §4.1)
      if (line && !section.crypto.some(({ tag }) => tag === line.tag)) section.crypto.push(line);
      return;
    }
    default: // ice-*, fingerprint, rtcp-fb, ssrc, …: not ours to pass on
  }
}

function setMilliseconds(section: Section, key: 'ptime' | 'maxptime', text: string): void {
  const value = /^\d{1,4}(\.\d+)?$/.test(text) ? Math.round(Number(text)) : 0;
  if (value > 0 && value <= 1000) section[key] = value;
}

function finish(section: Section, session: Connection | undefined, sessionDirection: Direction | undefined): StreamDescription {
  const connection = section.connection ?? session;
  if (!connection && section.port !== 0) throw new SdpError('syntax', `the session description has no c= line for its ${section.kind.slice(0, 20)} stream`);
  const direction = section.direction ?? sessionDirection ?? 'sendrecv';
  const remote = connection && mediaAddress(connection, section.port, section.rtcpPort);
  return {
    kind: section.kind,
    port: section.port,
    transport: section.transport,
    formats: section.formats,
    ...(remote && { remote }),
    family: connection?.family ?? 4,
    direction: connection && isNowhere(connection.host) ? withoutReceiving(direction) : direction,
    codecs: section.formats.flatMap((format) => codecOf(section, format)),
    ...(section.ptime !== undefined && { ptime: section.ptime }),
    ...(section.maxptime !== undefined && { maxptime: section.maxptime }),
    rtcpMux: section.rtcpMux,
    crypto: section.crypto,
  };
}

/** RFC 3264 §8.4 and RFC 6157 §6: addresses that mean "send me nothing". */
function isNowhere(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host) || /(^|\.)invalid\.?$/i.test(host);
}

function mediaAddress(connection: Connection, port: number, rtcpPort: number | undefined): MediaAddress | undefined {
  if (port === 0 || isIP(connection.host) === 0 || isNowhere(connection.host)) return undefined;
  return { family: connection.family, address: connection.host, port, rtcpPort: rtcpPort ?? Math.min(port + 1, 65535) };
}

function codecOf(section: Section, format: string): Codec[] {
  if (!/^\d{1,3}$/.test(format)) return [];
  const payloadType = Number(format);
  const codec = section.maps.get(payloadType) ?? staticFormat(payloadType);
  if (!codec || payloadType > 127) return [];
  const fmtp = section.fmtps.get(payloadType);
  return [fmtp === undefined ? codec : { ...codec, fmtp }];
}
