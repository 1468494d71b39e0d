/** What is asked of the DNS (RFC 1035, 2782, 3403), so that a cache can stand before it and tests can answer. */

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface SrvRecord {
  /** '' or '.': the service is decidedly not there (RFC 2782). */
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

export interface Answer<T> {
  /** None: the name or the type does not exist. */
  readonly records: readonly T[];
  /** How long this may be kept; undefined: nobody said. */
  readonly ttlMs?: number | undefined;
}

/** All reject when nobody could be asked. */
export interface Names {
  naptr(name: string): Promise<Answer<NaptrRecord>>;
  srv(name: string): Promise<Answer<SrvRecord>>;
  /** IPv4 and IPv6, in order of preference. */
  addresses(name: string): Promise<Answer<Address>>;
}
