/**
 * The one door to sip.js. It is made of ES modules only, and this program's build is CommonJS: the types are imported as types, the values
 * come from `loadSip()`, which every Node 20 can do (and a bundler for the browser as well).
 */
import type * as SipModule from 'sip.js' with { 'resolution-mode': 'import' };

export type Sip = typeof SipModule;
export type * from 'sip.js' with { 'resolution-mode': 'import' };

let loaded: Promise<Sip> | undefined;

/** Loads sip.js, once. */
export const loadSip = (): Promise<Sip> => (loaded ??= import('sip.js'));
