/** The API over a store of its own, asked as programs ask it: with tokens of every scope. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Scope } from '../../../signaling/api/access';
import { createApi } from '../../../signaling/api/app';
import type { Api, Views } from '../../../signaling/api/routes';
import { settingsView } from '../../../signaling/api-views';
import { systemClock, systemRandom } from '../../../signaling/clock';
import { silentLogger } from '../../../signaling/log';
import { everything } from '../../../signaling/settings/everything';
import { removeFiles } from '../../../signaling/settings/leftovers';
import type { AnyKind } from '../../../signaling/settings/kind';
import { write } from '../../../signaling/settings/write';
import { addExtension } from '../../../signaling/store/seed';
import { openStore, type Store } from '../../../signaling/store/store';
import { problemSchema } from '../../../signaling/api/schemas';
import { shown } from '../../unit/api/views';
import type { JsonSchema } from './bad-values';

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  /** Undefined: there was none. */
  body: unknown;
  text: string;
}

export interface Operation {
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>;
}

export interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: { Problem: JsonSchema } };
}

/** True, or what is wrong. */
export const fits = (schema: unknown, value: unknown): unknown => {
  const result = z.fromJSONSchema(schema as never).safeParse(value);
  return result.success ? true : result.error.issues;
};

/** A problem of this status, as it is described. */
export function isProblem({ status, headers, body }: Answer, expected: number): { code: string; errors?: Array<{ field: string; problem: string }> } {
  expect({ status, type: headers['content-type'], body }).toEqual({ status: expected, type: 'application/problem+json', body: expect.objectContaining({ status: expected }) as unknown });
  expect(problemSchema.strict().safeParse(body).error).toBeUndefined();
  return body as { code: string };
}

export interface House {
  api: Api;
  store: Store;
  folder: string;
  /** What the log was told that nobody but us can help. */
  faults: unknown[];
  /** Every operation of the description. */
  describe(): Promise<Description>;
  /** How often something was written. */
  written: () => number;
  /** With a token of this scope; `none`: without one. */
  ask(method: string, url: string, options?: { body?: unknown; headers?: Record<string, string>; scope?: Scope | 'none'; type?: string }): Promise<Answer>;
  close(): Promise<void>;
}

const REALM = 'offhook';

export async function house(more: (store: Store, folder: string) => Partial<Views> | Promise<Partial<Views>> = () => ({})): Promise<House> {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-api-'));
  const store = await openStore({ dataDir: folder });
  const config = { sip: { realm: REALM } };
  for (const number of ['1001', '1002']) await store.transaction((parts) => addExtension(parts, config, { number, password: 'correct horse', createdAt: 0 }));
  const faults: unknown[] = [];
  let written = 0;
  const settings = settingsView(store, { clock: systemClock, random: systemRandom, realm: REALM, written: () => void written++, removed: removeFiles(folder) });
  const api = await createApi({
    views: { ...shown().views, settings: () => settings, ...(await more(store, folder)) },
    askerOf: ({ headers }) => (headers.authorization === undefined ? undefined : { name: 'a program', scope: headers.authorization as Scope }),
    log: { ...silentLogger, error: (...line: unknown[]) => void faults.push(line) },
  });
  const one: House = {
    api, store, folder, faults,
    describe: async () => (await one.ask('GET', '/api/v1/openapi.json')).body as Description,
    written: () => written,
    async ask(method, url, { body, headers = {}, scope = 'admin', type = 'application/json' } = {}) {
      const { statusCode, headers: heard, payload } = await api.inject({
        method: method as 'GET',
        url,
        headers: { ...(scope !== 'none' && { authorization: scope }), ...(body !== undefined && { 'content-type': type }), ...headers },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const isJson = String(heard['content-type'] ?? '').includes('json');
      return { status: statusCode, headers: heard, body: isJson && payload !== '' ? (JSON.parse(payload) as unknown) : undefined, text: payload };
    },
    close: async () => {
      await api.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return one;
}

/** The examples of all kinds, written whatever they name. */
export async function writeExamples(store: Store): Promise<void> {
  for (const kind of everything) {
    if (!kind.example || kind.name === 'mailbox') continue;
    const value = kind.example as Record<string, unknown>;
    const context = { now: 0, random: systemRandom, realm: REALM, references: 'later' as const };
    await store.transaction((parts) => write(parts, kind, keyOf(kind), value, undefined, context));
  }
}

export const keyOf = (kind: AnyKind): string => String((kind.example as Record<string, unknown>)[kind.key]);
