/** One call over one trunk: what its INVITE says, and what its answers mean for the next trunk. */
import type { Random } from '../../clock';
import type { Callee } from '../call';
import type { SipAnswer } from '../dialogs';
import type { Cause } from '../reasons';
import type { Line, Way } from '../ring-plan';
import { quoted } from '../text';
import { uriHost } from '../flow';
import { hostAndPort } from './addresses';
import { answerChallenge } from './digest';
import type { Limited, Limits, Taken } from './limits';
import type { Peer } from './peer';

/** What the provider is to show. */
export interface CallerId {
  number: string;
  name: string | null;
  anonymous: boolean;
}

export interface LinePlan {
  peer: Peer;
  route: string;
  costPerMinute: number;
  /** As it is written to this trunk. */
  number: string;
  /** The id of what was dialled. */
  id: string;
  caller: CallerId;
  limited: readonly Limited[];
  /** What is told of forwarding: the numbers outside of those who forwarded it. */
  forwardedBy: readonly string[];
  emergency: boolean;
}

export interface LineDeps {
  limits: Limits;
  random: Random;
  now(): number;
  refused(trunk: string, why: string): void;
}

/** Nobody else has a better answer. */
const final = new Set([400, 403, 404, 410, 480, 482, 483, 484, 485, 486, 487, 488, 600, 603, 604, 606, 607, 608]);

export class TrunkLine implements Line {
  readonly trunk: string;
  readonly route: string;
  /** It has rung, or said something final: no other trunk is tried. */
  settled = false;
  private taken: Taken | undefined;
  private challenged = false;

  constructor(
    private readonly plan: LinePlan,
    private readonly deps: LineDeps,
  ) {
    this.trunk = plan.peer.settings.name;
    this.route = plan.route;
  }

  get uri(): string {
    const { peer, number } = this.plan;
    return `sip:${number}@${this.host};user=phone${peer.settings.transport === 'udp' ? '' : `;transport=${peer.settings.transport}`}`;
  }

  get proxy(): string {
    return this.plan.peer.proxy;
  }

  private get host(): string {
    const { host, port } = hostAndPort(this.plan.peer.domain);
    return `${uriHost(host)}${port === undefined ? '' : `:${port}`}`;
  }

  /** RFC 3323, RFC 3325: whoever does not want to be known is known to the provider only. */
  get headers(): Record<string, string> {
    const { caller, number, forwardedBy, peer } = this.plan;
    const identity = `<sip:${caller.number}@${this.host}>`;
    const { from, username } = peer.settings;
    const account = from === 'username' && username !== undefined ? `<sip:${username}@${this.host}>` : identity;
    const name = caller.name === null ? '' : `${quoted(caller.name.replace(/[\x00-\x1f\x7f]/g, ' '))} `;
    return {
      From: caller.anonymous ? '"Anonymous" <sip:anonymous@anonymous.invalid>' : `${name}${account}`,
      To: `<sip:${number}@${this.host}>`,
      Contact: `<sip:${peer.settings.username ?? caller.number.replace(/^\+/, '')}@localhost>`,
      'P-Asserted-Identity': identity,
      ...(caller.anonymous && { Privacy: 'id' }),
      ...(forwardedBy.length > 0 && { Diversion: forwardedBy.map((one) => `<sip:${one}@${this.host}>;reason=unconditional;counter=1`).join(', ') }),
    };
  }

  take(): Cause | undefined {
    const { limits, refused } = this.deps;
    const taken = limits.take(this.plan.emergency ? [] : this.plan.limited, this.plan.costPerMinute);
    if (typeof taken !== 'string') {
      this.taken = taken;
      return undefined;
    }
    refused(this.trunk, taken);
    return 'over-limit';
  }

  authorize(answer: SipAnswer): Record<string, string> | undefined {
    const { username, authUsername, password } = this.plan.peer.settings;
    const proxy = answer.status === 407;
    const challenge = answer.get(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate');
    if (this.challenged || challenge === undefined || username === undefined || password === undefined) return undefined;
    this.challenged = true;
    const credentials = answerChallenge(challenge, 'INVITE', this.uri, { username: authUsername ?? username, password }, this.deps.random);
    return credentials === undefined ? undefined : { [proxy ? 'Proxy-Authorization' : 'Authorization']: credentials };
  }

  get credentials(): { username: string; password: string } | undefined {
    const { username, authUsername, password } = this.plan.peer.settings;
    return username === undefined || password === undefined ? undefined : { username: authUsername ?? username, password };
  }

  heard(status: number): void {
    if ((status >= 180 && status < 200) || final.has(status)) this.settled = true;
    else if (status === 0 || status === 408 || status === 503) this.plan.peer.missed();
  }

  answered(used: () => void): void {
    this.settled = true;
    this.taken?.answered(used);
  }

  over(): void {
    this.taken?.over();
    this.taken = undefined;
  }
}

/** Who is called, as the rest of the system sees it: somebody outside. */
export const outsider = (id: string, peer: Peer, emergency: boolean): Callee => ({
  number: id,
  name: null,
  media: 'anchored',
  srtp: peer.settings.srtp,
  // nobody listens in on a call for help, and no beep is heard in it
  recording: emergency ? 'never' : 'on-demand',
  trunk: peer.settings.name,
});

/** Its phone is the trunk. */
export function wayOver(line: TrunkLine, callee: Callee, peer: Peer, now: number): Way {
  return {
    callee,
    line,
    binding: {
      extension: callee.number, uri: line.uri, source: { protocol: peer.settings.transport, address: peer.address ?? '0.0.0.0', port: 5060 },
      instance: null, regId: null, callId: '', cseq: 0, q: 1, userAgent: null, path: null, expiresAt: Number.POSITIVE_INFINITY, updatedAt: now,
    },
  };
}

