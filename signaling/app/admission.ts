/**
 * Who may use the system: digest authentication of requests (RFC 3261 §22). REGISTER is challenged with 401, everything
 * else with 407.
 *
 *   read credentials → claim for our realm → uri fits → nonce good → look the user up → source not blocked
 *   → password proved → nonce used up → identity is the user's own → admitted
 *
 * What fails on the way is answered here. An unknown user and a wrong password look alike from outside (the same
 * challenge again) and take the same work. A stale or replayed nonce is a challenge with stale=true, which a phone
 * answers without asking its user. A source with too many wrong passwords gets 503 with Retry-After until its bucket has
 * leaked: not 403, after which other phones behind the same address would give up for good.
 */
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { Extension } from '../store/store';
import { FIRST_TENANT, shown, within } from '../tenants';
import { hostOf, userOf } from './addresses';
import { ChallengeChoice } from './challenge-choice';
import { challengeMaker, type ChallengeKind } from './challenges';
import { provesKnowledge, readClaim, uriFits, type DigestClaim, type Ha1 } from './digest';
import { DigestHeaderError, parseDigestCredentials } from './digest-header';
import type { IncomingRequest, Refusal, Responder } from './exchange';
import { FailureLimiter } from './failure-limiter';
import { sourceKey } from './flow';
import { Nonces, type NonceTicket, type NonceVerdict } from './nonces';
import { forLog } from './text';

export interface AdmissionOptions {
  /** Of the first tenant; that of another is its domain. */
  realm: string;
  /** How long a nonce is good for. */
  nonceSeconds: number;
  /** Used nonces remembered. */
  maxNonces: number;
  /** Wrong passwords one source may send at once, and the time in which they are forgotten. */
  maxFailures?: number;
  failureSeconds?: number;
  /** Failing sources remembered. */
  maxSources?: number;
}

export interface AdmissionDeps {
  /** Whether phones of that domain have a tenant of their own. Default: there is only one. */
  isTenant?: (domain: string) => boolean;
  directory: { find(number: string): Promise<Extension | undefined> };
  clock: Clock;
  random: Random;
  log: Logger;
}

export type RequestKind = 'register' | 'other';

const causes = ['missing', 'malformed', 'unsupported', 'wrong-realm', 'stale', 'replay', 'unknown-user', 'wrong', 'blocked', 'identity', 'internal'] as const;

/** Why a request was not admitted. */
export type AdmissionCause = (typeof causes)[number];

export type AdmissionStats = Record<AdmissionCause | 'admitted', number> & { noncesUsed: number; noncesEvicted: number; failingSources: number };

type Verdict =
  | { extension: Extension }
  | { cause: AdmissionCause; challenge: { stale: boolean } }
  | { cause: AdmissionCause; refusal: Refusal };

/** Realms whose challenges are kept ready. */
const MAX_CHALLENGES = 1000;

/** One attempt to log in, as far as it can be judged without the password. */
interface Attempt {
  claim: DigestClaim;
  ticket: NonceTicket;
  source: string;
}

export class Admission {
  private readonly nonces: Nonces;
  private readonly failures: FailureLimiter;
  private readonly choice: ChallengeChoice;
  private readonly challenge: ReturnType<typeof challengeMaker>;
  /** By realm. */
  private readonly challenges = new Map<string, ReturnType<typeof challengeMaker>>();
  private readonly counts = Object.fromEntries(['admitted', ...causes].map((c) => [c, 0])) as Record<AdmissionCause | 'admitted', number>;
  /** Stands in for the password of a user that is not there. */
  private readonly nobody: Ha1;

  /** Throws RangeError when the realm cannot be sent. */
  constructor(
    private readonly options: AdmissionOptions,
    private readonly deps: AdmissionDeps,
  ) {
    this.challenge = challengeMaker(options.realm);
    this.nonces = new Nonces({ lifetimeMs: options.nonceSeconds * 1000, max: options.maxNonces }, deps);
    this.failures = new FailureLimiter(
      { max: options.maxFailures ?? 20, windowMs: (options.failureSeconds ?? 60) * 1000, maxSources: options.maxSources ?? 10_000 },
      deps.clock,
    );
    this.choice = new ChallengeChoice({ max: options.maxSources ?? 10_000, patienceMs: 2000 }, deps.clock);
    this.nobody = { md5: deps.random(16).toString('hex'), sha256: deps.random(32).toString('hex') };
  }

  /** The extension that sent the request; undefined when it was not admitted, and then the answer is sent already. */
  async challengeOrAccept(req: IncomingRequest, res: Responder, kind: RequestKind): Promise<Extension | undefined> {
    let verdict: Verdict;
    try {
      verdict = await this.judge(req, kind);
    } catch (err) {
      this.deps.log.error({ error: String(err) }, 'cannot look an extension up');
      verdict = { cause: 'internal', refusal: { status: 500, reason: 'The extensions cannot be read' } };
    }
    if ('extension' in verdict) {
      this.choice.onAnswer(`${sourceKey(req.source_address)} ${verdict.extension.number}`, req.get('user-agent'));
      this.counts.admitted++;
      return verdict.extension;
    }
    this.counts[verdict.cause]++;
    if ('challenge' in verdict) this.sendChallenge(req, res, kind, verdict);
    else res.send(verdict.refusal.status, verdict.refusal.reason, { headers: { ...verdict.refusal.headers } });
    return undefined;
  }

  stats(): AdmissionStats {
    const nonces = this.nonces.stats();
    return { ...this.counts, noncesUsed: nonces.used, noncesEvicted: nonces.evicted, failingSources: this.failures.sources };
  }

  private sendChallenge(req: IncomingRequest, res: Responder, kind: RequestKind, { cause, challenge }: { cause: AdmissionCause; challenge: { stale: boolean } }): void {
    const source = sourceKey(req.source_address);
    const phone = `${source} ${userOf(req.get('from')) ?? ''}`;
    const userAgent = req.get('user-agent');
    const algorithms = cause === 'missing' ? this.choice.onAsking(phone, userAgent) : this.choice.onAnswer(phone, userAgent);
    const way: ChallengeKind = kind === 'register' ? 'www' : 'proxy';
    const headers = this.challengeOf(this.tenantOf(req, kind))(way, this.nonces.issue(source), challenge.stale, algorithms);
    if (way === 'www') res.send(401, 'Unauthorized', { headers });
    else res.send(407, 'Proxy Authentication Required', { headers });
  }

  /** The one whose domain the address has that a request is about; the realm is never what a phone makes up. */
  private tenantOf(req: IncomingRequest, kind: RequestKind): string {
    const domain = hostOf(identityHeader(req, kind));
    return domain !== undefined && this.deps.isTenant?.(domain) === true ? domain : FIRST_TENANT;
  }

  private challengeOf(tenant: string): ReturnType<typeof challengeMaker> {
    if (tenant === FIRST_TENANT) return this.challenge;
    const known = this.challenges.get(tenant);
    if (known) return known;
    // tenants that are no more
    if (this.challenges.size >= MAX_CHALLENGES) this.challenges.clear();
    const made = challengeMaker(tenant);
    this.challenges.set(tenant, made);
    return made;
  }

  private async judge(req: IncomingRequest, kind: RequestKind): Promise<Verdict> {
    // a phone that answers with the other header of the two means the same
    const header = kind === 'register' ? (req.get('authorization') ?? req.get('proxy-authorization')) : (req.get('proxy-authorization') ?? req.get('authorization'));
    if (header === undefined) return { cause: 'missing', challenge: { stale: false } };
    const tenant = this.tenantOf(req, kind);
    const claim = this.readHeader(header, tenant === FIRST_TENANT ? this.options.realm : tenant);
    if ('cause' in claim) return claim;
    if (!uriFits(claim.uri, req.uri)) return refuse('malformed', 400, 'Digest uri is of another request');

    const source = sourceKey(req.source_address);
    const ticket = this.nonces.open(claim.nonce, source);
    const nonce = ticket ? this.nonces.check(ticket, claim.counted?.nc) : 'stale';
    if (!ticket || nonce !== 'ok') return this.staleNonce(nonce, claim, source);
    const extension = await this.deps.directory.find(within(tenant, claim.username));
    // no await from here on: requests that come together are counted one after the other
    return this.decide(req, kind, { claim, ticket, source }, extension);
  }

  private readHeader(header: string, realm: string): DigestClaim | Verdict & { cause: AdmissionCause } {
    let claim;
    try {
      const sets = parseDigestCredentials(header);
      if (sets.length === 0) return { cause: 'missing', challenge: { stale: false } };
      claim = readClaim(sets, realm);
    } catch (err) {
      if (err instanceof DigestHeaderError) return refuse('malformed', 400, `Malformed credentials: ${err.message}`);
      throw err;
    }
    if (!('fault' in claim)) return claim;
    return claim.fault === 'wrong-realm' ? { cause: 'wrong-realm', challenge: { stale: false } } : refuse(claim.fault, 400, claim.reason);
  }

  private decide(req: IncomingRequest, kind: RequestKind, attempt: Attempt, extension: Extension | undefined): Verdict {
    const { claim, ticket, source } = attempt;
    const wait = this.failures.blockedFor(source);
    if (wait > 0) return refuse('blocked', 503, 'Too many wrong passwords from this address', { 'Retry-After': String(wait) });

    const proved = provesKnowledge(claim, req.method, extension?.ha1 ?? this.nobody);
    if (!extension || !proved) {
      const filled = this.failures.fail(source);
      const cause = extension ? 'wrong' : 'unknown-user';
      const fields = { source: forLog(source), user: forLog(claim.username), cause };
      if (filled) this.deps.log.warn(fields, 'too many wrong passwords, source is blocked');
      else this.deps.log.info(fields, 'login failed');
      return { cause, challenge: { stale: false } };
    }
    const used = this.nonces.accept(ticket, claim.counted?.nc);
    if (used !== 'ok') return this.staleNonce(used, claim, source);

    const identity = userOf(identityHeader(req, kind));
    if (identity !== shown(extension.number)) {
      this.deps.log.info({ source: forLog(source), user: extension.number, identity: forLog(identity ?? '') }, 'credentials of another extension');
      return refuse('identity', 403, `Credentials are of another extension than ${kind === 'register' ? 'To' : 'From'} names`);
    }
    return { extension };
  }

  private staleNonce(why: NonceVerdict, claim: DigestClaim, source: string): Verdict {
    if (why === 'replay') this.deps.log.debug({ source: forLog(source), user: forLog(claim.username) }, 'nonce used again');
    return { cause: why === 'replay' ? 'replay' : 'stale', challenge: { stale: true } };
  }
}

/** REGISTER is for the address in To, which may be sent by a third party; all else is from the address in From. */
const identityHeader = (req: IncomingRequest, kind: RequestKind): string | undefined => req.get(kind === 'register' ? 'to' : 'from');

function refuse(cause: AdmissionCause, status: number, reason: string, headers?: Record<string, string>): Verdict & { cause: AdmissionCause } {
  return { cause, refusal: headers ? { status, reason, headers } : { status, reason } };
}
