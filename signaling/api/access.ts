/** Who asks, and what they may: every route names the scope that it takes, and nobody is let in who is not known. */
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { OffhookError } from '../errors';

/** Each includes those before it. */
export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export interface Asker {
  /** For sentences and the log. */
  name: string;
  scope: Scope;
}

/** Whoever may open the socket in the data folder may do anything with that folder anyway. */
export const operator: Asker = { name: 'the operator', scope: 'admin' };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What an asker needs for this route; open: nothing, not even a name. */
    scope?: Scope | 'open';
  }
}

const known = new WeakMap<object, Asker>();

/** Of a request that was admitted to a route with a scope. */
export function askerIn(request: object): Asker {
  return known.get(request) ?? nobody;
}

const nobody: Asker = { name: 'somebody', scope: 'read' };

/** Undefined: nobody knows who it is. Errors: those that whoever looks has for the asker. */
export type AskerOf = (request: IncomingMessage) => Asker | undefined | Promise<Asker | undefined>;

/** Errors: `api.unauthorized`, `api.forbidden`, those of `askerOf`. A route without a scope is nobody's. */
export async function admit(request: FastifyRequest, askerOf: AskerOf): Promise<void> {
  const { scope } = request.routeOptions.config;
  if (scope === 'open') return;
  const asker = await askerOf(request.raw);
  if (!asker) throw new OffhookError('api.unauthorized', {});
  // that there is nothing may be known to whoever may ask at all
  if (request.is404) return;
  if (scope === undefined || scopes.indexOf(asker.scope) < scopes.indexOf(scope)) throw new OffhookError('api.forbidden', { who: asker.name, scope: scope ?? 'none' });
  known.set(request, asker);
}
