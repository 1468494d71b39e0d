/** What the tests ask of a real softphone, whichever it is. Drivers: linphone.ts, baresip.ts. */
import type { Recording } from './wav';

export type Codec = 'PCMU' | 'PCMA' | 'G722' | 'opus';

export interface PhoneOptions {
  /** host:port of the server */
  server: string;
  user: string;
  password: string;
  /** The host part of the phone's address of record; the server's host when not given. */
  domain?: string;
  transport?: 'udp' | 'tcp';
  /** Offered and accepted codecs, in order. */
  codecs?: Codec[];
  /** SRTP with SDES keys: not at all (the default), as the other side likes, or nothing else. */
  srtp?: 'optional' | 'required';
  /** Frequency of the sine that the phone sends, Hz */
  tone: number;
  /** How long it lasts, s; default TONE_SECONDS. baresip ends a call when it has no more to say. */
  toneSeconds?: number;
  /** The phone's own address; 127.0.0.1 */
  address?: string;
  /** Subscribes to message waiting (RFC 3842); baresip only. */
  mwi?: boolean;
  /** Without a server: does not register, and sends to whom it calls; baresip only. */
  alone?: boolean;
  /** Sends key presses as INFO instead of RFC 4733; Linphone only. */
  keysByInfo?: boolean;
  /** Publishes its presence; Linphone only. */
  publishes?: boolean;
  /** Whose presence it shows. */
  watches?: string[];
  /** Whom its short messages go to: baresip only, which writes to contacts and nobody else. */
  contact?: string;
  /** Network namespace to run in. */
  netns?: string;
}

export interface Phone {
  readonly name: string;
  /** Waits until the server has accepted the registration. */
  registered(): Promise<void>;
  dial(target: string): Promise<void>;
  /** Waits for an incoming call to ring. */
  ringing(): Promise<void>;
  answer(): Promise<void>;
  /** Waits until a call is up with media. */
  inCall(): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  hangUp(): Promise<void>;
  /** Sends a key press (RFC 4733) in the call. */
  press(key: string): Promise<void>;
  /** Waits until the other side's key press has arrived. */
  pressed(key: string): Promise<void>;
  /** Waits until the call is over. */
  ended(): Promise<void>;
  /** What this phone has played to its user so far in the current or last call (also while the call is up). */
  heard(): Recording;
  report(): string;
  close(): Promise<void>;
}

/** Long enough for any test: none of the phones loops a file dependably. */
export const TONE_SECONDS = 40;
