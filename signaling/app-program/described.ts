/** What a program's default export says, checked. */
import type { App } from './index';
import type { Loaded } from './protocol';

const KEYS = ['routes', 'onCall', 'fallback', 'idleSeconds', 'tenants'];
const PATTERN = /^(?:[0-9*#XZN]|\[[0-9-]+\])+[.!]?$/;

/** Errors: `Error` with what is wrong in it. */
export function appOf(exported: unknown): App {
  const { default: inner } = (exported ?? {}) as { default?: unknown };
  const app = (inner as { default?: unknown } | undefined)?.default ?? inner ?? exported;
  if (typeof app !== 'object' || app === null || !KEYS.some((key) => key in app)) throw new Error('it exports no program: it must say “export default defineApp({ … })”');
  const { routes = {}, onCall, fallback, idleSeconds = 30, tenants = [''] } = app as App;
  const unknown = Object.keys(app).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new Error(`defineApp knows no “${unknown}”; there are ${KEYS.join(', ')}`);
  if (typeof routes !== 'object' || routes === null || Array.isArray(routes)) throw new Error('routes must be an object: handlers by their numbers');
  for (const [pattern, handler] of Object.entries(routes)) {
    if (!PATTERN.test(pattern)) throw new Error(`routes: “${pattern}” is no number or pattern; there are digits, *, #, X, Z, N, [1-5], and . or ! at the end`);
    if (typeof handler !== 'function') throw new Error(`routes: what “${pattern}” leads to must be a function`);
  }
  if (onCall !== undefined && typeof onCall !== 'function') throw new Error('onCall must be a function');
  if (fallback !== undefined && !/^\+?[0-9*#]{1,32}$/.test(String(fallback))) throw new Error('fallback must be a number as it is dialled');
  if (!(typeof idleSeconds === 'number' && idleSeconds >= 1 && idleSeconds <= 3600)) throw new Error('idleSeconds must be a number from 1 to 3600');
  if (tenants !== 'all' && !(Array.isArray(tenants) && tenants.every((one) => typeof one === 'string'))) throw new Error('tenants must be a list of domains, or “all”');
  return app as App;
}

/** What the server is told of it. */
export function loadedOf({ routes = {}, onCall, fallback, idleSeconds = 30, tenants = [''] }: App): Loaded {
  return { routes: Object.keys(routes), hooks: onCall ? ['onCall'] : [], fallback: fallback === undefined ? undefined : String(fallback), idleSeconds, tenants };
}
