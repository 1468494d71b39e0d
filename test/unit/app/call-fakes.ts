/** drachtio-srf, the media plane and the rest of a call's surroundings, played by hand: a test says what phones answer, and when. */
import { EventEmitter } from 'node:events';
import type { AudioSetup, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, SrtpKeys } from '../../../media/audio-types';
import type { CodecName } from '../../../media/frame';
import { emptyStats } from '../../../media/net/endpoint';
import { MediaError, type EndpointStats } from '../../../media/plane';
import { Calls, type CallPlane, type CallsDeps } from '../../../signaling/app/calls';
import type { Binding } from '../../../signaling/app/binding';
import type { CallMediaSettings } from '../../../signaling/app/context';
import type { Engaged } from '../../../signaling/app/engaged';
import type { Feature } from '../../../signaling/app/feature';
import type { GroupSettings } from '../../../signaling/app/groups';
import type { RecordingArchive } from '../../../signaling/app/recording-archive';
import type { CallSrf, Dialog, SentRequest, SipAnswer, SipRequest, SipResponder } from '../../../signaling/app/dialogs';
import type { Extension } from '../../../signaling/store/store';
import type { LogFn, Logger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';

export const answerOf = (status: number, body = '', headers: Record<string, string> = {}): SipAnswer => ({
  status,
  body,
  stackDialogId: 'dialog',
  get: (name) => headers[name],
});

export class FakeRequest extends EventEmitter {
  readonly source: string = 'network';
  readonly source_port: number | string = 5060;
  readonly protocol = 'udp';
  readonly headers: Record<string, string>;
  payload?: Array<{ type: string | null; content?: string }>;

  constructor(
    readonly method: string,
    readonly body: string,
    headers: Record<string, string> = {},
    readonly uri = 'sip:1002@pbx.test',
    readonly source_address = '192.168.7.20',
  ) {
    super();
    this.headers = {
      'call-id': `call-${++serial}@192.168.7.20`,
      from: `<sip:1001@pbx.test>;tag=tag-of-caller-${serial}`,
      contact: '<sip:1001@192.168.7.20:5060>',
      cseq: `1 ${method}`,
      ...(body && { 'content-type': 'application/sdp' }),
      ...headers,
    };
    for (const [name, value] of Object.entries(this.headers)) if (value === '') delete this.headers[name];
  }

  get(name: string): string | undefined {
    return this.headers[name.toLowerCase()];
  }

  getParsedHeader(name: string): unknown {
    const value = this.get(name);
    if (value === undefined) throw new Error(`header '${name}' not available`);
    const uri = /<([^>]*)>/.exec(value)?.[1] ?? value;
    const tag = /;tag=([^;]*)/.exec(value)?.[1];
    return name === 'contact' ? [{ uri }] : { uri, params: tag === undefined ? {} : { tag } };
  }
}

let serial = 0;

export interface Sent {
  status: number;
  reason: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export class FakeResponder implements SipResponder {
  readonly sent: Sent[] = [];
  /** What the engine says to the answer; undefined: it went out. */
  refused: string | undefined;

  send(status: number, reason: string, options: { headers?: Record<string, string>; body?: string }, sent?: (err: unknown) => void): void {
    if (this.final) throw new Error(`a second final answer: ${status} after ${this.final.status}`);
    this.sent.push({ status, reason, headers: options.headers ?? {}, body: options.body });
    sent?.(this.refused ?? null);
  }

  get final(): Sent | undefined {
    return this.sent.find((s) => s.status >= 200);
  }

  get statuses(): number[] {
    return this.sent.map((s) => s.status);
  }
}

export interface InDialogRequest {
  method: string;
  headers: Record<string, string>;
  body: string;
  answer(status: number, body?: string, headers?: Record<string, string>): void;
  fail(problem: string): void;
}

export class FakeDialog extends EventEmitter {
  connected = true;
  readonly local = { contact: '<sip:10.0.0.1:5060>' };
  readonly sip = { callId: `dialog-${++serial}`, localTag: `ours-${serial}`, remoteTag: `theirs-${serial}` };
  readonly requests: InDialogRequest[] = [];
  readonly byes: Array<Record<string, string>> = [];
  /** A phone that does not confirm its BYE. */
  holdsBye = false;

  constructor(private readonly source = '192.168.7.20') {
    super();
  }

  request(options: { method: string; headers?: Record<string, string>; body?: string }, answered: (err: unknown, answer?: SipAnswer) => void): void {
    this.requests.push({
      method: options.method,
      headers: options.headers ?? {},
      body: options.body ?? '',
      answer: (status, body, headers) => answered(null, answerOf(status, body, headers)),
      fail: (problem) => answered(new Error(problem)),
    });
  }

  destroy(options: { headers: Record<string, string> }, done: (err: unknown) => void): void {
    this.byes.push(options.headers);
    if (this.byes.length > 1) throw new Error('a second BYE');
    if (this.holdsBye) return;
    this.connected = false;
    done(null);
  }

  /** The phone hangs up, or the engine does (`application`). */
  bye(source = 'network', reason = 'normal release'): void {
    this.connected = false;
    this.emit('destroy', Object.assign(new FakeRequest('BYE', ''), { source }), reason);
  }

  /** A request of the phone inside the dialog. */
  receives(method: string, body = '', headers: Record<string, string> = {}): FakeResponder {
    const res = new FakeResponder();
    this.emit(method === 'INVITE' ? 'modify' : method.toLowerCase(), new FakeRequest(method, body, headers, 'sip:10.0.0.1', this.source), res);
    return res;
  }

  acks(body: string, cseq = 1): void {
    this.emit('ack', new FakeRequest('ACK', body, { cseq: `${cseq} ACK` }));
  }
}

/** An INVITE of ours to a phone. */
export class FakeFork {
  readonly cancels: Array<Record<string, string>> = [];
  readonly dialog: FakeDialog;
  readonly abandoned: object[] = [];
  /** A phone gives one final answer. */
  final = false;
  private readonly listeners: Array<(answer: SipAnswer) => void> = [];

  constructor(
    readonly uri: string,
    readonly options: { localSdp: string; headers: Record<string, string>; proxy?: string },
    private readonly progress: { cbRequest(err: unknown, request?: SentRequest): void; cbProvisional(answer: SipAnswer): void },
    private readonly done: (err: unknown, dialog?: Dialog) => void,
    private readonly made: (dialog: FakeDialog) => void = () => undefined,
  ) {
    this.dialog = new FakeDialog(/@\[?([^\]]*?)\]?:\d+$/.exec(uri)?.[1]);
  }

  /** The engine's echo: the INVITE is out. */
  goesOut(): void {
    this.progress.cbRequest(null, {
      agent: { request: (options, sent) => (this.abandoned.push(options), sent(null, {})) },
      socket: 'socket',
      get: (name) => (name === 'Call-ID' ? this.dialog.sip.callId : undefined),
      cancel: (options, sent) => (this.cancels.push(options.headers), sent(null)),
      on: (_event, fn) => this.listeners.push(fn),
    });
  }

  provisional(status: number, body = ''): void {
    this.progress.cbProvisional(answerOf(status, body));
  }

  answers(body: string): FakeDialog {
    this.final = true;
    for (const fn of this.listeners) fn(answerOf(200, body));
    this.made(this.dialog);
    this.done(null, this.dialog as unknown as Dialog);
    return this.dialog;
  }

  refuses(status: number, headers: Record<string, string> = {}): void {
    this.final = true;
    for (const fn of this.listeners) fn(answerOf(status, '', headers));
    this.done(Object.assign(new Error(`Sip non-success response: ${status}`), { status }));
  }

  /** A 200 that srf cannot make a dialog of. */
  answersUnusably(): void {
    for (const fn of this.listeners) fn(answerOf(200));
    this.done(new Error('No Contact header in response'));
  }

  notSent(problem: string): void {
    this.progress.cbRequest(new Error(problem));
    this.done(new Error(problem));
  }
}

export class FakeSrf implements CallSrf {
  readonly forks: FakeFork[] = [];
  readonly answers: Array<{ req: SipRequest; sdp: string; headers: Record<string, string>; dialog: FakeDialog; settled: boolean; goesOut(): void; fails(problem: unknown): void }> = [];
  /** Every dialog that came to be. */
  readonly dialogs: FakeDialog[] = [];
  /** Whether INVITEs and answers go out at once, or when the test says. */
  hold = false;
  broken = false;

  createUAC(uri: string, options: FakeFork['options'], progress: ConstructorParameters<typeof FakeFork>[2], done: ConstructorParameters<typeof FakeFork>[3]): void {
    if (this.broken) throw new Error('provided socket has been destroyed');
    const fork = new FakeFork(uri, options, progress, done, (dialog) => this.dialogs.push(dialog));
    this.forks.push(fork);
    if (!this.hold) fork.goesOut();
  }

  createUAS(req: SipRequest, _res: SipResponder, options: FakeFork['options'], done: (err: unknown, dialog?: Dialog) => void): void {
    const dialog = new FakeDialog();
    const answer = {
      req,
      sdp: options.localSdp,
      headers: options.headers,
      dialog,
      settled: false,
      goesOut: () => {
        answer.settled = true;
        this.dialogs.push(dialog);
        done(null, dialog as unknown as Dialog);
      },
      fails: (problem: unknown) => {
        answer.settled = true;
        done(problem);
      },
    };
    this.answers.push(answer);
    if (!this.hold) answer.goesOut();
  }
}

export class FakePlane implements CallPlane {
  readonly held = new Map<string, { session: string; family: number; label: string; near?: string | undefined; rtpPort: number }>();
  readonly calls: Array<[string, ...unknown[]]> = [];
  readonly codecs: readonly CodecName[] = ['opus', 'G722', 'PCMU', 'PCMA'];
  readonly audio = new Map<string, AudioSetup>();
  readonly playing = new Map<string, (end: PlayEnd) => void>();
  readonly recording = new Map<string, { target: object; end(why: RecordEnd['why']): void }>();
  /** Names of operations that fail. */
  readonly failing = new Set<string>();
  /** Allocations wait for `letGo`. */
  slow = false;
  allocated = 0;
  private waiting: Array<() => void> = [];
  private readonly events = new EventEmitter();

  async allocate(request: { session: string; family: 4 | 6; label: string; near?: string | undefined }): Promise<{ id: string; rtpPort: number; rtcpPort: number }> {
    if (this.slow) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.may('allocate');
    if (this.failing.has(`allocate ${request.family}`)) throw new Error('no-ports');
    if (this.failing.has(`allocate ${request.label}`)) throw new Error('no-ports');
    const id = `e${this.allocated}`;
    const rtpPort = 40000 + 2 * this.allocated++;
    this.held.set(id, { ...request, rtpPort });
    return { id, rtpPort, rtcpPort: rtpPort + 1 };
  }

  letGo(): void {
    for (const go of this.waiting.splice(0)) go();
  }

  async setRemote(id: string, remote: { address: string; port: number; rtcpPort?: number } | null, options?: { relatch?: boolean }): Promise<void> {
    this.may('setRemote', id);
    this.calls.push(['setRemote', id, remote && `${remote.address}:${remote.port}/${remote.rtcpPort}`, options?.relatch ?? false]);
  }

  async connect(a: string, b: string, wiring: { aToB: object; bToA: object }): Promise<void> {
    this.may('connect', a, b);
    this.calls.push(['connect', a, b, wiring]);
  }

  async setAudio(id: string, audio: AudioSetup): Promise<void> {
    this.may('setAudio', id);
    this.audio.set(id, audio);
    this.calls.push(['setAudio', id, audio]);
  }

  async join(id: string, room: string, settings?: object): Promise<void> {
    this.may('join', id);
    this.calls.push(['join', id, room, settings]);
  }

  async leave(id: string): Promise<void> {
    this.may('leave', id);
    this.calls.push(['leave', id]);
  }

  /** Sound that is playing; a test ends it with `finishes`, or the next one, the stop or the release does. */
  play(target: { endpoint: string } | { room: string }, what: readonly Playable[], options?: PlayOptions): Promise<PlayEnd> {
    const key = JSON.stringify(target);
    if (this.failing.has('play')) return Promise.reject(new MediaError('system', 'play failed'));
    if ('endpoint' in target && !this.audio.has(target.endpoint)) return Promise.reject(new MediaError('no-audio', `${target.endpoint} has no audio`));
    this.playing.get(key)?.({ why: 'replaced', playedMs: 1 });
    this.calls.push(['play', target, what, options]);
    return new Promise((resolve) => {
      const end = (how: PlayEnd): void => {
        if (this.playing.get(key) === end) this.playing.delete(key);
        resolve(how);
      };
      this.playing.set(key, end);
    });
  }

  async stopPlaying(target: { endpoint: string } | { room: string }): Promise<void> {
    this.calls.push(['stopPlaying', target]);
    this.playing.get(JSON.stringify(target))?.({ why: 'stopped', playedMs: 1 });
  }

  /** Everything that plays has come to its end; true when something was. */
  finishes(how: PlayEnd = { why: 'finished', playedMs: 1000 }): boolean {
    const all = [...this.playing.values()];
    for (const end of all) end(how);
    return all.length > 0;
  }

  record(target: object, options: RecordOptions): Promise<RecordEnd> {
    if (this.failing.has('record')) return Promise.reject(new MediaError('bad-file', 'record failed'));
    this.calls.push(['record', target, options]);
    return new Promise((resolve) => this.recording.set(options.file, { target, end: (why) => (this.recording.delete(options.file), resolve({ why, file: options.file, durationMs: 2000, bytes: 32_044 })) }));
  }

  async stopRecording(file: string): Promise<void> {
    this.recording.get(file)?.end('stopped');
  }

  async sendDigits(id: string, digits: string, options?: object): Promise<void> {
    this.may('sendDigits', id);
    this.calls.push(['sendDigits', id, digits, options]);
  }

  async setCrypto(id: string, keys: SrtpKeys | null): Promise<void> {
    this.may('setCrypto', id);
    this.calls.push(['setCrypto', id, keys]);
  }

  async detectTones(id: string, on: boolean): Promise<void> {
    this.may('detectTones', id);
    this.calls.push(['detectTones', id, on]);
  }

  async describe(id: string): Promise<string> {
    this.may('describe', id);
    return `udp(${id}) <-> relay`;
  }

  async release(id: string): Promise<EndpointStats> {
    this.may('release');
    if (!this.held.delete(id)) throw new Error(`released twice: ${id}`);
    this.audio.delete(id);
    this.playing.get(JSON.stringify({ endpoint: id }))?.({ why: 'released', playedMs: 1 });
    for (const { target, end } of [...this.recording.values()]) if (JSON.stringify(target).includes(`"${id}"`)) end('released');
    return { ...emptyStats(), received: { packets: 50, bytes: 8600 }, lost: 1, jitterMs: 0.25 };
  }

  on(event: string, fn: (e: never) => void): void {
    this.events.on(event, fn as (e: unknown) => void);
  }

  emit(event: string, e: object): void {
    this.events.emit(event, e);
  }

  of(what: string): Array<[string, ...unknown[]]> {
    return this.calls.filter(([name]) => name === what);
  }

  private may(what: string, ...ids: string[]): void {
    if (this.failing.has(what)) throw new Error(`${what} failed`);
    for (const id of ids) if (!this.held.has(id)) throw new Error(`${what}: unknown endpoint ${id}`);
  }
}

export class FakeLog implements Logger {
  readonly lines: Array<{ level: string; message: string; fields: Record<string, unknown> }> = [];
  readonly error = this.at('error');
  readonly warn = this.at('warn');
  readonly info = this.at('info');
  readonly debug = this.at('debug');
  readonly trace = this.at('trace');

  child(): Logger {
    return this;
  }

  of(message: string): Array<Record<string, unknown>> {
    return this.lines.filter((l) => l.message === message).map((l) => l.fields);
  }

  private at(level: string): LogFn {
    return (first: object | string, second?: string) => {
      this.lines.push(typeof first === 'string' ? { level, message: first, fields: {} } : { level, message: second ?? '', fields: first as Record<string, unknown> });
    };
  }
}

export const extension = (number: string, more: Partial<Extension> = {}): Extension => ({
  number,
  name: null,
  ha1: { md5: '', sha256: '' },
  media: 'anchored', srtp: 'off', recording: 'on-demand',
  createdAt: 0,
  ...more,
});

export const binding = (number: string, address: string, port = 5060, protocol = 'udp'): Binding => ({
  extension: number,
  uri: `sip:${number}@${address.includes(':') ? `[${address}]` : address}:${port}`,
  source: { protocol, address, port },
  instance: null,
  regId: null,
  callId: 'reg',
  cseq: 1,
  q: 1,
  userAgent: null,
  path: null,
  expiresAt: 1e9,
  updatedAt: 0,
});

/** Everything a call needs. 1001, 1002 and 1003 exist; `phones` says where 1002 is registered. */
export class World {
  readonly srf = new FakeSrf();
  readonly plane = new FakePlane();
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly forgotten: Binding[] = [];
  readonly extensions = new Map<string, Extension>([
    ['1001', extension('1001', { name: 'Ann "the boss"' })],
    ['1002', extension('1002')],
    ['1003', extension('1003')],
  ]);
  phones: Binding[] = [binding('1002', '192.168.9.30')];
  /** Where the others are. */
  readonly registered = new Map<string, Binding[]>();
  /** The directory answers when the test says. */
  slowDirectory: Array<() => void> | undefined;
  addresses: Record<4 | 6, string | undefined> = { 4: '10.0.0.1', 6: '2001:db8::1' };
  readonly asked: Array<[string, number]> = [];
  readonly calls: Calls;

  constructor(settings: { ringSeconds?: number; maxCalls?: number; maxCallsOf?: (tenant: string) => number | undefined; pickup?: 'all' | 'groups'; recentCalls?: number; media?: CallMediaSettings; features?: readonly Feature[]; prompt?: (key: string) => string | undefined; groups?: readonly GroupSettings[]; engaged?: Engaged; outside?: CallsDeps['outside']; program?: CallsDeps['program']; archive?: (parts: { clock: FakeClock; log: FakeLog }) => RecordingArchive } = {}) {
    let seed = 0;
    this.calls = new Calls({
      srf: this.srf,
      plane: this.plane,
      clock: this.clock,
      log: this.log,
      random: (bytes) => Buffer.alloc(bytes, ++seed),
      locations: { lookup: (number) => (number === '1002' ? this.phones : (this.registered.get(number) ?? [])), forget: (b) => (this.forgotten.push(b), true) },
      directory: {
        find: async (number) => {
          if (this.slowDirectory) await new Promise<void>((resolve) => this.slowDirectory?.push(resolve));
          return this.extensions.get(number);
        },
      },
      reach: { addressFor: (peer, family) => (this.asked.push([peer, family]), this.addresses[family]), isLocal: () => false },
      config: { call: { ringSeconds: settings.ringSeconds ?? 60, maxCalls: settings.maxCalls ?? 100, maxCallsOf: settings.maxCallsOf, pickup: settings.pickup } },
      recentCalls: settings.recentCalls ?? 10,
      media: settings.media ?? { transcode: false, holdMusic: null },
      groups: { get: (_kind, number) => settings.groups?.find((group) => group.number === number) },
      ...(settings.engaged && { engaged: settings.engaged }),
      outside: settings.outside,
      program: settings.program,
      ...(settings.features && { features: settings.features }),
      ...(settings.prompt && { prompt: settings.prompt }),
      ...(settings.archive && { archive: settings.archive({ clock: this.clock, log: this.log }) }),
    });
  }

  /** An INVITE from 1001; resolves when it rings or was refused. */
  async dial(body: string, headers: Record<string, string> = {}, uri = 'sip:1002@pbx.test', source = '192.168.7.20', from = '1001'): Promise<{ req: FakeRequest; res: FakeResponder }> {
    const dialling = this.dialling(body, headers, uri, source, from);
    await dialling.done;
    return dialling;
  }

  dialling(body: string, headers: Record<string, string> = {}, uri = 'sip:1002@pbx.test', source = '192.168.7.20', from = '1001'): { req: FakeRequest; res: FakeResponder; done: Promise<void> } {
    const req = new FakeRequest('INVITE', body, headers, uri, source);
    const res = new FakeResponder();
    return { req, res, done: this.calls.onInvite(req, res, this.extensions.get(from) as Extension) };
  }

  fork(index = 0): FakeFork {
    const fork = this.srf.forks[index];
    if (!fork) throw new Error(`no INVITE number ${index} went out`);
    return fork;
  }

  /** Our 200 to the caller, with its dialog. */
  get answer(): FakeSrf['answers'][number] {
    const answer = this.srf.answers[0];
    if (!answer) throw new Error('the caller has not been answered');
    return answer;
  }

  /** Promises that are due run. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** What would be a leak. */
  get left(): { calls: number; ports: number; timers: number } {
    return { calls: this.calls.active(), ports: this.plane.held.size, timers: this.clock.waiting };
  }
}

export const nothing = { calls: 0, ports: 0, timers: 0 };
