/**
 * The table of settings: everything that can be set, once. `offhook serve --help`, the sample file, `offhook config` and the sentence
 * about a bad value are all printed from it.
 *
 * A setting's key is where it stands here (`registrar.maxContacts`); its environment variable follows from that
 * (`OFFHOOK_REGISTRAR_MAX_CONTACTS`). To add a setting is to add a row.
 */
import type { LogLevel } from '../log';
import { requestHandler } from './request-handler';
import { folder, host, hostPort, ipAddress, type Kind, listOf, network, oneOf, optional, path, text, timeZone, whole } from './kinds';

export interface Setting<T> {
  kind: Kind<T>;
  default: T;
  help: string;
  /** Seconds, bytes…: printed after the default. */
  unit?: string;
  /** Never printed. */
  secret?: true;
  /** A flag of its own on the command line, in commander's notation; every setting can also be given as `--set KEY=VALUE`. */
  flag?: string;
}

export const settings = {
  data: setting(folder(), './data', 'folder of the database and everything else that is kept', { flag: '--data <dir>' }),
  sip: {
    listen: setting(listOf(hostPort(5060), 1, 'one or more addresses, comma-separated'), [{ host: '0.0.0.0', port: 5060 }],
      'addresses that phones reach, each over UDP and TCP; port 0 takes any free one', { flag: '--sip <host:port>' }),
    tls: setting(listOf(hostPort(5061), 0, 'addresses, comma-separated'), [], 'addresses that phones reach over TLS; needs tlsCertificates and tlsKeys', { flag: '--tls <host:port>' }),
    ws: setting(listOf(hostPort(80), 0, 'addresses, comma-separated'), [], 'addresses that phones in browsers reach over WebSocket (RFC 7118), unencrypted', { flag: '--ws <host:port>' }),
    wss: setting(listOf(hostPort(443), 0, 'addresses, comma-separated'), [], 'addresses that phones in browsers reach over WebSocket and TLS; needs a certificate as tls does', { flag: '--wss <host:port>' }),
    tlsCertificates: setting(listOf(path(), 0, 'files in PEM, comma-separated'), [],
      'certificates with those of the authorities between, of several the one for the name a phone asks for, else the first; read again when they change, and on SIGHUP', { flag: '--cert <file>' }),
    tlsKeys: setting(listOf(path(), 0, 'files in PEM, comma-separated'), [], 'their private keys, in the same order, without a passphrase', { flag: '--key <file>' }),
    tlsClients: setting(oneOf('none', 'request', 'require'), 'none', 'certificates of those that connect: not asked for, asked for, or needed; checked against tlsAuthorities'),
    tlsAuthorities: setting(optional(path()), null, 'certificates of authorities (PEM): whose clients are trusted, and, besides those that everybody trusts, whose servers'),
    tlsVerify: setting(oneOf('on', 'off'), 'on', 'whether the certificates of servers that we connect to are checked'),
    dnsServers: setting(listOf(hostPort(53), 0, 'addresses, comma-separated'), [], "servers asked for names (RFC 3263: NAPTR, SRV, A, AAAA); none: the system's"),
    external: setting(optional(host()), null, 'our address as phones outside localNets see it (behind NAT: the public one)'),
    localNets: setting(listOf(network(), 0, 'networks, comma-separated'),
      ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '::1/128', 'fc00::/7', 'fe80::/10'],
      'networks whose phones reach our own addresses directly'),
    realm: setting(text(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}$/, 'up to 64 printable ASCII characters without " and \\'), 'offhook',
      'realm of digest authentication; passwords are bound to it'),
    maxMessageBytes: setting(whole(1024, 1_048_576, 'bytes'), 65_535, 'longest message taken', { unit: 'bytes' }),
    maxHeaders: setting(whole(20, 10_000), 200, 'header lines in a message'),
    maxTransactions: setting(whole(10, 10_000_000), 50_000, 'transactions at once; above it new requests are answered 503'),
    maxConnections: setting(whole(1, 1_000_000), 10_000, 'connections at once (TCP, TLS, WebSocket), those that are still opening counted'),
    maxConnectionsPerSource: setting(whole(1, 1_000_000), 100, 'the same from one address (IPv6: from one /64)'),
    maxRememberedFlows: setting(whole(1, 10_000_000), 50_000, 'phones whose connection is remembered as the way back'),
    tcpIdleSeconds: setting(whole(10, 86_400, 'seconds'), 3700, 'a silent connection without a registration is closed after this long', { unit: 'seconds' }),
    handshakeSeconds: setting(whole(1, 3600, 'seconds'), 10, 'a TLS handshake or the opening of a WebSocket is cut off after this long', { unit: 'seconds' }),
    unfinishedSeconds: setting(whole(1, 3600, 'seconds'), 15, 'a connection is closed when a message is not complete this long after it began, or nothing came at all', { unit: 'seconds' }),
    firstMessageSeconds: setting(whole(1, 86_400, 'seconds'), 60, 'a connection is closed when its first message is not complete by then, whatever else comes', { unit: 'seconds' }),
    maxUnparsableBytes: setting(whole(0, 1_073_741_824, 'bytes'), 65_536, 'a connection is closed after more than this in messages that cannot be understood', { unit: 'bytes' }),
    maxRequestsPerSecond: setting(whole(0, 1_000_000), 1000, 'requests from one address (IPv6: one /64) in a second, twice as many at once; those above are dropped (UDP) or answered 503; 0: any number'),
    unlimitedNets: setting(listOf(network(), 0, 'networks, comma-separated'), ['127.0.0.0/8', '::1/128'], 'networks that maxRequestsPerSecond does not count: this machine, a trunk'),
    webSocketPingSeconds: setting(whole(1, 3600, 'seconds'), 30, 'a silent WebSocket is pinged after this long, and closed when it stays silent for as long again', { unit: 'seconds' }),
    largeRequestBytes: setting(whole(0, 65_507, 'bytes'), 1300, 'requests longer than this go over TCP where the other end takes it and nobody asked for UDP (RFC 3261 §18.1.1); 0: never', { unit: 'bytes' }),
  },
  engine: {
    control: setting(hostPort(), { host: '127.0.0.1', port: 0 }, "where the embedded engine speaks drachtio's control protocol; port 0 takes any free one"),
    secret: setting(optional(text(/^[^\s|]{8,128}$/, '8 to 128 characters without spaces and |')), null,
      'secret of the control port; none makes a random one at each start', { secret: true }),
    tlsPort: setting(optional(whole(0, 65_535)), null, 'a second control port, over TLS, at the same address; needs tlsCertificate, tlsKey and secret'),
    tlsCertificate: setting(optional(path()), null, 'its certificate with those of the authorities between (PEM); read again when it changes, and on SIGHUP'),
    tlsKey: setting(optional(path()), null, 'its private key (PEM), without a passphrase'),
    tlsAuthorities: setting(optional(path()), null, 'authorities (PEM) that must have signed the certificate of an application on that port; none: no certificate is asked for'),
    handlers: setting(listOf(requestHandler(), 0, 'request handlers, comma-separated'), [], 'who is asked where new requests go before any application is: web servers (http, https), or applications that listen (tcp, tls)'),
    handlerSeconds: setting(whole(1, 60, 'seconds'), 3, 'a request handler has this long to answer', { unit: 'seconds' }),
    handlerAuthorities: setting(optional(path()), null, "authorities (PEM) that certificates of request handlers are checked against; none: the system's"),
    graceSeconds: setting(whole(0, 3600, 'seconds'), 10, 'calls of an application that is cut off wait this long for it to come back under its tags; 0: they end at once', { unit: 'seconds' }),
    proxySecret: setting(optional(text(/^[\x21-\x7e]{16,256}$/, '16 to 256 printable ASCII characters without spaces')), null,
      'by which the proxy knows calls that it stays in the way of; the same at each start lets them go on after one, none makes a random one', { secret: true }),
    maxDialogs: setting(whole(2, 10_000_000), 20_000, 'dialogs at once (a bridged call has two)'),
    maxPendingRequests: setting(whole(2, 10_000_000), 20_000, 'requests at once that wait for an application, and of applications that wait for a response'),
    maxBreadth: setting(whole(1, 10_000), 60, 'branches of one proxied request at a time, here and further on together (Max-Breadth, RFC 5393 §5)'),
    maxControlConnections: setting(whole(1, 10_000), 16, 'applications connected at once'),
    maxControlFrameBytes: setting(whole(1024, 268_435_456, 'bytes'), 1_048_576, 'longest frame taken from an application', { unit: 'bytes' }),
    maxControlBufferBytes: setting(whole(65_536, 1_073_741_824, 'bytes'), 33_554_432, 'an application is cut off when more than this waits for it to read', { unit: 'bytes' }),
    authenticateSeconds: setting(whole(1, 3600, 'seconds'), 5, 'an application has this long to show the secret', { unit: 'seconds' }),
    behindBytes: setting(whole(1024, 1_073_741_824, 'bytes'), 1_048_576, 'new requests pass an application by when more than this waits for it', { unit: 'bytes' }),
    behindMs: setting(whole(10, 60_000, 'milliseconds'), 500, 'the same for one that has not read for this long; known only of the application in this process', { unit: 'milliseconds' }),
    maxOutboundConnections: setting(whole(1, 1_000_000), 10_000, 'connections to applications that request handlers name, at once'),
    outboundIdleSeconds: setting(whole(1, 86_400, 'seconds'), 3600, 'such a connection is closed when it was idle for this long', { unit: 'seconds' }),
    ladderMessages: setting(whole(0, 1_000_000), 2000, 'SIP messages that the engine remembers for the ladders of calls; 0: none'),
    ladderMessagesPerCall: setting(whole(1, 1_000_000), 200, 'the same of one call'),
    ladderMessageBytes: setting(whole(256, 65_535, 'bytes'), 2048, 'how much is kept of each', { unit: 'bytes' }),
  },
  capture: {
    address: setting(optional(hostPort(9060)), null, 'a collector such as HOMER that gets a copy of every SIP message, as HEP3 over UDP, unmasked'),
    id: setting(whole(0, 4_294_967_295), 0, 'by which it knows this server'),
    key: setting(optional(text(/^[^\0-\x1f]{1,60}$/, '1 to 60 characters')), null, 'what it asks for before it takes anything', { secret: true }),
  },
  overload: {
    enabled: setting(oneOf('on', 'off'), 'off', 'whether a part of the new requests is answered 503 when there are more than can be served; signaling/engine/README.md says what was measured'),
    busyPercent: setting(whole(50, 100, 'percent'), 97, 'part of its time from which on the engine counts as at work all the time', { unit: 'percent' }),
    busyMs: setting(whole(1, 3_600_000, 'milliseconds'), 2000, 'it is overloaded when it was, for this long, and what comes waits', { unit: 'milliseconds' }),
    retryAfterSeconds: setting(whole(1, 3600, 'seconds'), 3, 'those turned away are asked to come again after this long, up to three times as long', { unit: 'seconds' }),
  },
  drachtio: {
    address: setting(optional(hostPort(9022)), null, 'use the drachtio-server at this address instead of the embedded engine', { flag: '--drachtio <host:port>' }),
    secret: setting(optional(text(/^[^\s|]{1,128}$/, '1 to 128 characters without spaces and |')), null, 'secret of that drachtio-server',
      { secret: true, flag: '--drachtio-secret <secret>' }),
  },
  registrar: {
    minExpires: setting(whole(1, 86_400, 'seconds'), 60, 'shortest registration; shorter ones are answered 423', { unit: 'seconds' }),
    maxExpires: setting(whole(1, 604_800, 'seconds'), 3600, 'longest registration; longer ones are shortened', { unit: 'seconds' }),
    defaultExpires: setting(whole(1, 604_800, 'seconds'), 600, 'registration of a phone that does not say how long', { unit: 'seconds' }),
    maxContacts: setting(whole(1, 1000), 10, 'phones registered at once for one extension'),
  },
  auth: {
    nonceSeconds: setting(whole(1, 86_400, 'seconds'), 300, 'a digest nonce is good for this long', { unit: 'seconds' }),
    maxNonces: setting(whole(100, 10_000_000), 100_000, 'nonces whose use is remembered'),
    maxFailures: setting(whole(1, 100_000), 20, 'wrong passwords, and wrong tokens, taken from one address before it is answered 503 (429) for a while'),
    failureSeconds: setting(whole(1, 86_400, 'seconds'), 60, 'wrong passwords are forgotten after this long', { unit: 'seconds' }),
    maxSources: setting(whole(100, 10_000_000), 10_000, 'addresses remembered for wrong passwords, and phones for challenges they left unanswered'),
  },
  call: {
    ringSeconds: setting(whole(1, 600, 'seconds'), 60, 'an unanswered call is given up after this long', { unit: 'seconds' }),
    maxCalls: setting(whole(1, 1_000_000), 2000, 'calls at once'),
    drainSeconds: setting(whole(0, 3600, 'seconds'), 3, 'on shutdown, calls that are up may go on for this long before they are ended', { unit: 'seconds' }),
    minSessionSeconds: setting(whole(90, 86_400, 'seconds'), 90, 'shortest session timer (RFC 4028) accepted', { unit: 'seconds' }),
    parkSeconds: setting(whole(5, 86_400, 'seconds'), 120, 'a parked call rings at whoever parked it after this long, again and again', { unit: 'seconds' }),
    pickup: setting(oneOf('all', 'groups'), 'all', 'who may take a call that rings elsewhere (**NUMBER): everybody in the tenant, or those with a pickup group in common'),
    announcements: setting(oneOf('off', 'on'), 'off',
      'whether callers are told why a call is refused ("the number you dialled…"), before the answer and on top of what their phone shows'),
  },
  outside: {
    country: setting(optional(text(/^[1-9]\d{0,2}$/, 'a country code such as 49')), null, 'our country: numbers that begin with its prefix for areas are known in full, and patterns such as +49X. fit them'),
    international: setting(text(/^\d{0,4}$/, 'up to 4 digits'), '00', 'what is dialled before the code of a country'),
    national: setting(text(/^\d{0,3}$/, 'up to 3 digits'), '0', 'what is dialled before the code of an area; empty: nothing'),
    emergency: setting(listOf(text(/^\d{2,6}$/, '2 to 6 digits'), 0, 'numbers, comma-separated'), ['110', '112', '911', '999'],
      'numbers for help: before all others, over every limit, for everybody, not recorded; where there is a trunk that takes them'),
    permissions: setting(listOf(oneOf('local', 'national', 'mobile', 'international', 'service', 'premium'), 0, 'classes, comma-separated'), ['local', 'national', 'mobile'],
      'what extensions may call for which nothing is set: the classes of routes'),
  },
  voicemail: {
    enabled: setting(oneOf('on', 'off'), 'on', 'whether calls that nobody takes go to the mailbox of whoever was called; off: they are refused, mailboxes stay'),
    maxSeconds: setting(whole(5, 3600, 'seconds'), 180, 'longest message', { unit: 'seconds' }),
    minSeconds: setting(whole(0, 60, 'seconds'), 2, 'shorter messages are dropped: most of them are people who hang up at the tone', { unit: 'seconds' }),
    silenceSeconds: setting(whole(2, 600, 'seconds'), 10, 'a message ends after this much silence', { unit: 'seconds' }),
    maxMessages: setting(whole(1, 10_000), 100, 'messages in a mailbox, saved ones counted'),
  },
  smtp: {
    host: setting(optional(host()), null, 'mail server that takes messages to be sent by e-mail (offhook extension set NUMBER --email ADDRESS); none: nothing is sent'),
    port: setting(whole(1, 65_535), 587, 'its port'),
    secure: setting(oneOf('starttls', 'tls', 'none'), 'starttls', 'encryption towards it, never left out silently: after the greeting (starttls), from the start (tls, mostly port 465), or none'),
    user: setting(optional(text(/^[^\0-\x1f]{1,256}$/, '1 to 256 characters')), null, 'user name for it; none: no login'),
    password: setting(optional(text(/^[^\0-\x1f]{1,256}$/, '1 to 256 characters')), null, 'password for it', { secret: true }),
    from: setting(optional(text(/^[^\s@<>"]{1,64}@[^\s@<>"]{1,255}$/, 'an e-mail address')), null, 'sender of these e-mails'),
  },
  speech: {
    tones: setting(text(/^[a-z]{2}$/, 'a country as two small letters, e.g. de'), 'us', 'country whose telephone tones are played (busy, ring-back …)'),
    timeZone: setting(optional(timeZone()), null, "time zone of spoken times, e.g. Europe/Berlin; none: that of this machine"),
    clock: setting(oneOf('12', '24'), '12', 'whether spoken times go to 12 or to 24'),
  },
  media: {
    portMin: setting(whole(1024, 65_534), 20_000, 'first UDP port for RTP and RTCP'),
    portMax: setting(whole(1025, 65_535), 29_999, 'last UDP port for RTP and RTCP'),
    bind4: setting(ipAddress(4), '0.0.0.0', 'IPv4 address that media sockets are bound to'),
    bind6: setting(optional(ipAddress(6)), '::', 'IPv6 address that media sockets are bound to; none for IPv4 only'),
    external: setting(optional(ipAddress()), null, 'address for media given to phones outside sip.localNets; none: that of sip.external'),
    workers: setting(whole(0, 256), 0, 'worker threads for media; 0: one per core'),
    drainSeconds: setting(whole(0, 600, 'seconds'), 5, 'a port rests this long before another call gets it', { unit: 'seconds' }),
    silenceSeconds: setting(whole(1, 86_400, 'seconds'), 60, 'a call without any media is ended after this long', { unit: 'seconds' }),
    transcode: setting(oneOf('on', 'off'), 'on', 'phones without a codec in common can talk: what one says is turned into what the other understands'),
    holdMusic: setting(optional(path()), 'default', 'WAV file, or folder of WAV files, that a held party hears; default: a piece of our own, none: silence'),
    backend: setting(oneOf('auto', 'native', 'dgram'), 'auto', "sockets of the relay: the system's own calls (native), Node's (dgram), or what works best here"),
  },
  recording: {
    format: setting(oneOf('wav', 'ogg'), 'wav', 'files of recorded calls: WAV (115 MB an hour, wideband 230), or Ogg/Opus where Opus is installed (18)'),
    beepSeconds: setting(whole(0, 600, 'seconds'), 0, 'while a call is recorded both sides hear a beep this often; 0: none', { unit: 'seconds' }),
    keepDays: setting(whole(0, 36_500, 'days'), 0, 'recordings are removed when they are older; 0: never', { unit: 'days' }),
    maxMinutes: setting(whole(1, 1440, 'minutes'), 240, 'a recording ends after this long, the call does not', { unit: 'minutes' }),
  },
  messages: {
    keepDays: setting(whole(0, 365, 'days'), 14, 'short messages for somebody whose phones cannot be reached wait this long, and what became of them can be looked up as long; 0: none is kept', { unit: 'days' }),
  },
  records: {
    keepDays: setting(whole(0, 36_500, 'days'), 365, 'records of calls are removed when they are older; 0: never', { unit: 'days' }),
    maxRows: setting(whole(0, 1_000_000_000), 1_000_000, 'records of calls that are kept at most, the newest; 0: any number'),
  },
  partyline: {
    port: setting(whole(0, 65_535), 0, 'UDP port that lets programs into conference rooms by the simple packet format (see README); 0: off'),
    address: setting(ipAddress(), '0.0.0.0', 'address that port is bound to'),
    allow: setting(listOf(network(), 0, 'networks, comma-separated'), ['127.0.0.1/32'],
      'networks whose programs are let in; the format has no place for a key, and an address can be forged'),
    maxClients: setting(whole(1, 10_000), 100, 'such clients at once'),
    maxPerRoom: setting(whole(1, 10_000), 50, 'such clients at once in one room'),
    maxPerSource: setting(whole(1, 10_000), 10, 'such clients at once from one address'),
    maxPacketsPerSecond: setting(whole(50, 1_000_000), 1000, 'packets a second from one address; a client sends 50'),
    idleSeconds: setting(whole(1, 3600, 'seconds'), 10, 'a client that sends nothing for this long has left', { unit: 'seconds' }),
  },
  app: {
    file: setting(optional(path()), null, 'a program of your own: routes, menus and a hook in TypeScript or JavaScript (offhook/app); read again when it changes, and on SIGHUP', { flag: '--app <file>' }),
    memoryMegabytes: setting(whole(16, 16_384, 'megabytes'), 128, 'memory that it may take before it is ended and started again', { unit: 'megabytes' }),
  },
  http: {
    address: setting(optional(hostPort(8080)), null, 'address of the HTTP API for programs and other machines, unencrypted, each with a token (offhook token add); none: only the socket in the data folder; port 0 takes any free one',
      { flag: '--http <host:port>' }),
    maxConnections: setting(whole(1, 100_000), 200, 'connections to it at once; those above are closed at once'),
  },
  log: {
    level: setting(oneOf<LogLevel>('silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'), 'info', 'how much is logged (to stderr)'),
    format: setting(oneOf('auto', 'text', 'json'), 'auto', 'text for people, JSON for machines; auto: text on a terminal'),
  },
} as const;

function setting<T>(kind: Kind<T>, value: T, help: string, more: Pick<Setting<T>, 'unit' | 'secret' | 'flag'> = {}): Setting<T> {
  return { kind, default: value, help, ...more };
}

type Values<Table> = { [K in keyof Table]: Table[K] extends Setting<infer T> ? T : Values<Table[K]> };
/** The value of every setting, shaped like the table. */
export type Settings = Values<typeof settings>;

export interface Row {
  /** `sip.listen` */
  key: string;
  /** `OFFHOOK_SIP_LISTEN` */
  env: string;
  /** Undefined for settings that stand alone. */
  group: string | undefined;
  setting: Setting<unknown>;
}

/** The table as a list, in its order. */
export const rows: readonly Row[] = Object.entries(settings).flatMap(([group, entry]): Row[] => {
  if (isSetting(entry)) return [row(undefined, group, entry)];
  return Object.entries(entry).map(([name, one]) => row(group, name, one as Setting<unknown>));
});

function row(group: string | undefined, name: string, one: Setting<unknown>): Row {
  const key = group ? `${group}.${name}` : name;
  return { key, env: `OFFHOOK_${key.replace('.', '_').replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`, group, setting: one };
}

function isSetting(entry: object): entry is Setting<unknown> {
  return 'kind' in entry;
}
