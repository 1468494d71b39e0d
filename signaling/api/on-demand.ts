/**
 * The API, loaded when it is asked for the first time: most servers never are, and fastify has its price in memory and at the start. Whoever
 * listens says how those who ask there are known.
 */
import type { IncomingMessage } from 'node:http';
import type { AskerOf } from './access';
import type { ApiDeps, Handle } from './app';
import type { Listener } from './listener';
import { answerTo } from './problems';

export type ListenerFor = (askerOf: AskerOf) => Listener;

export function apiOnDemand(deps: Omit<ApiDeps, 'askerOf'>): ListenerFor {
  const known = new WeakMap<IncomingMessage, AskerOf>();
  const load = async (): Promise<Handle> => (require('./app') as typeof import('./app')).createHandle({ ...deps, askerOf: (request) => known.get(request)?.(request) });
  let made: Promise<Handle> | undefined;
  return (askerOf) => (request, response) => {
    known.set(request, askerOf);
    made ??= load();
    made.then(
      (handle) => handle(request, response),
      (error: unknown) => {
        const { status, headers, body } = answerTo(error, (err) => deps.log.error({ err }, 'the API could not be loaded'));
        response.writeHead(status, headers).end(body);
      },
    );
  };
}
