/** Whether the process lives, and whether calls can be made: for whoever starts it again, or sends it callers. Open to everybody. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Api } from '../routes';

export interface HealthView {
  /** Why calls cannot be made just now, to follow a colon; undefined: they can. Errors: the store's. */
  problem(): Promise<string | undefined>;
}

const healthy = z.object({ status: z.literal('ok') });
const ready = z.object({ status: z.literal('ready') });

export function healthRoutes(api: Api, view: HealthView): void {
  api.get('/healthz', { config: { scope: 'open' }, schema: { summary: 'The server lives', tags: ['health'], response: { 200: healthy } } }, () => ({ status: 'ok' as const }));
  api.get('/readyz', { config: { scope: 'open' }, schema: { summary: 'Calls can be made; 503: not now', tags: ['health'], response: { 200: ready } } }, async () => {
    const reason = await view.problem();
    if (reason !== undefined) throw new OffhookError('server.not-ready', { reason });
    return { status: 'ready' as const };
  });
}
