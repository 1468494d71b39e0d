/** What we say about ourselves inside calls. */

/** RFC 3261 §20.5 */
export const allow = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, REFER';

/** Session timers are the engine's work (RFC 4028); RFC 3891, RFC 4488. Reliable provisional answers (RFC 3262) are left out on purpose. */
export const supported = 'timer, replaces, norefersub';

/** Option tags that a caller may require of us (RFC 3261 §8.2.2.3). */
export const understood: ReadonlySet<string> = new Set(['timer', 'replaces', 'norefersub']);

/** In every INVITE and 200 of ours. */
export const abilities: Readonly<Record<string, string>> = { Allow: allow, Supported: supported };
