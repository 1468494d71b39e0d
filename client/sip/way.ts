/** The way from sip.js to the network as the phone's core needs it; `transport.ts` is the one that is used, tests have one in memory. */
import type { Chance, Clock } from '../clock';
import type { OpenChannel, Target } from './channel';
import type { Core, Sip, UserAgentOptions } from './sip-js';

export interface WayOptions {
  /** undefined: straight to whoever is called. */
  target: Target | undefined;
  open: OpenChannel;
  clock: Clock;
  chance: Chance;
  trace?: ((line: { out: boolean; text: string }) => void) | undefined;
  /** `retryMs`: until it is tried again; null: it is not. */
  connected(detail: { protocol: string; local: string | null; remote: string }): void;
  /** `lasting`: as of LastingProblem; it is tried again all the same. */
  disconnected(detail: { problem: string; retryMs: number | null; lasting: boolean }): void;
}

export interface Way {
  transportConstructor: NonNullable<UserAgentOptions['transportConstructor']>;
  transportOptions: unknown;
  viaHost: string;
  authentication?: ((credentials: { authUser: string; password: string; chance: Chance }) => Core.DigestAuthentication) | undefined;
  /** Opens a new channel in place of the one that is used. */
  replace(): void;
}

export type MakeWay = (sip: Sip, options: WayOptions) => Way;
