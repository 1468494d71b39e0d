/** How the thread of a program finds modules: what was compiled as it was compiled, `offhook/app` as it is here, all else as Node does. */
import Module from 'node:module';
import { extname } from 'node:path';
import type { Compiled } from './protocol';

interface Internals {
  _extensions: Record<string, (module: { _compile(code: string, path: string): void }, path: string) => void>;
  _resolveFilename(request: string, parent: { filename?: string } | undefined, ...more: unknown[]): string;
}

/** `api`: the file that `offhook/app` is. Returns what the entry exports. Errors: whatever the program throws. */
export function load({ entry, modules, links }: Compiled, api: string, require: (path: string) => unknown): unknown {
  const internals = Module as unknown as Internals;
  const code = new Map(modules.map((one) => [one.path, one.code]));
  const resolveByNode = internals._resolveFilename.bind(Module);
  internals._resolveFilename = (request, parent, ...more) => {
    if (request === 'offhook/app') return api;
    return links[parent?.filename ?? '']?.[request] ?? resolveByNode(request, parent, ...more);
  };
  for (const ending of new Set(modules.map(({ path }) => extname(path)))) {
    const byNode = internals._extensions[ending] ?? internals._extensions['.js'];
    internals._extensions[ending] = (module, path) => {
      const own = code.get(path);
      if (own === undefined) byNode?.(module, path);
      else module._compile(own, path);
    };
  }
  return require(entry);
}
