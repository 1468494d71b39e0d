/** Requests, answers, a store in memory and a phone's half of digest authentication, for the tests of the application's parts. */
import { createHash } from 'node:crypto';
import type { IncomingRequest, Responder } from '../../../signaling/app/exchange';
import type { RegistrarDeps } from '../../../signaling/app/registrar';
import type { Contact, Extension } from '../../../signaling/store/store';

export const realm = 'offhook.test';

export interface Answer {
  status: number;
  reason: string;
  headers: Record<string, string>;
}

export class FakeResponder implements Responder {
  readonly answers: Answer[] = [];

  send(status: number, reason: string, options: { headers: Record<string, string> }): void {
    this.answers.push({ status, reason, headers: options.headers });
  }

  /** The one answer there must be. */
  get answer(): Answer {
    if (this.answers.length !== 1) throw new Error(`${this.answers.length} answers were sent`);
    return this.answers[0] as Answer;
  }
}

export interface RequestOptions {
  method?: string;
  uri?: string;
  from?: { protocol?: string; address?: string; port?: number };
}

/** A request of extension 1001; a header of undefined is left out. */
export function request(headers: Record<string, string | undefined> = {}, options: RequestOptions = {}): IncomingRequest {
  const method = options.method ?? 'REGISTER';
  const all: Record<string, string | undefined> = {
    from: '"Ann" <sip:1001@offhook.test>;tag=a1',
    to: '<sip:1001@offhook.test>',
    'call-id': 'call-1@phone',
    cseq: `1 ${method}`,
    ...headers,
  };
  return {
    method,
    uri: options.uri ?? 'sip:offhook.test',
    protocol: options.from?.protocol ?? 'udp',
    source_address: options.from?.address ?? '192.0.2.7',
    source_port: options.from?.port ?? 5060,
    get: (name) => all[name.toLowerCase()],
  };
}

export function hash(algorithm: 'MD5' | 'SHA-256', text: string): string {
  return createHash(algorithm === 'MD5' ? 'md5' : 'sha256').update(text).digest('hex');
}

export function extension(number: string, password = `pw${number}`): Extension {
  const a1 = `${number}:${realm}:${password}`;
  return { number, name: null, ha1: { md5: hash('MD5', a1), sha256: hash('SHA-256', a1) }, media: 'anchored', srtp: 'off', recording: 'on-demand', createdAt: 0 };
}

export interface Login {
  username?: string;
  password?: string;
  realm?: string;
  nonce: string;
  uri?: string;
  method?: string;
  algorithm?: 'MD5' | 'SHA-256';
  /** undefined: the form of RFC 2069. */
  nc?: number;
  cnonce?: string;
}

/** What a phone writes into Authorization. */
export function authorization(login: Login): string {
  const username = login.username ?? '1001';
  const inRealm = login.realm ?? realm;
  const uri = login.uri ?? 'sip:offhook.test';
  const algorithm = login.algorithm ?? 'MD5';
  const a1 = hash(algorithm, `${username}:${inRealm}:${login.password ?? `pw${username}`}`);
  const a2 = hash(algorithm, `${login.method ?? 'REGISTER'}:${uri}`);
  let counted = '';
  let middle = login.nonce;
  if (login.nc !== undefined) {
    const nc = login.nc.toString(16).padStart(8, '0');
    const cnonce = login.cnonce ?? '0a4f113b';
    middle += `:${nc}:${cnonce}:auth`;
    counted = `, qop=auth, nc=${nc}, cnonce="${cnonce}"`;
  }
  const response = hash(algorithm, `${a1}:${middle}:${a2}`);
  return `Digest username="${username}", realm="${inRealm}", nonce="${login.nonce}", uri="${uri}", response="${response}", algorithm=${algorithm}${counted}`;
}

/** The nonce in a challenge. */
export function nonceOf(header: string | undefined): string {
  const nonce = /nonce="([^"]+)"/.exec(header ?? '')?.[1];
  if (!nonce) throw new Error(`no nonce in ${header}`);
  return nonce;
}

/** Locations whose store is so quick that a REGISTER is answered before `register` returns. */
export function storedAtOnce(locations: RegistrarDeps['locations']): RegistrarDeps['locations'] {
  return {
    lookup: (number) => locations.lookup(number),
    apply: (number, change, stored) => {
      locations.apply(number, change);
      stored?.(true);
    },
  };
}

/** The parts of a store that the registrar's side uses, in memory; `fail` makes the next calls throw. */
export class MemoryStore {
  readonly rows = new Map<string, Extension>();
  readonly kept = new Map<string, Contact>();
  readonly batches: number[] = [];
  queries = 0;
  dirty = false;
  fail: Error | undefined;

  constructor(...numbers: string[]) {
    for (const number of numbers) this.rows.set(number, extension(number));
  }

  changed = async (): Promise<boolean> => {
    this.check();
    const was = this.dirty;
    this.dirty = false;
    return was;
  };

  readonly extensions = {
    get: async (number: string): Promise<Extension | undefined> => {
      this.queries++;
      this.check();
      return this.rows.get(number);
    },
    list: async (): Promise<Extension[]> => [...this.rows.values()],
  };

  readonly contacts = {
    all: async (): Promise<Contact[]> => [...this.kept.values()],
    apply: async (changes: { put: readonly Contact[]; remove: ReadonlyArray<{ extension: string; uri: string }> }): Promise<void> => {
      await Promise.resolve();
      this.check();
      this.batches.push(changes.put.length + changes.remove.length);
      for (const c of changes.remove) this.kept.delete(`${c.extension} ${c.uri}`);
      for (const c of changes.put) this.kept.set(`${c.extension} ${c.uri}`, c);
    },
  };

  private check(): void {
    if (this.fail) throw this.fail;
  }
}
