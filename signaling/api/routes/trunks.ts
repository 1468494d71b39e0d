/** How the trunks are at the moment; what they are is set as every kind is. */
import { z } from 'zod';
import type { Api } from '../routes';
import { isoTime } from '../schemas';

const state = z.object({
  name: z.string(),
  label: z.string(),
  enabled: z.boolean(),
  state: z.enum(['starting', 'up', 'down', 'refused']).describe('refused: it does not accept our account or its password'),
  registered: z.boolean(),
  since: z.string().nullable().describe('Since when it is so; null: it is switched off'),
  host: z.string().describe('The one in use'),
  problem: z.string().nullable().describe('What is wrong, in a sentence'),
  latencyMs: z.number().nullable().describe('Of its last answer'),
  calls: z.int().describe('Over it now'),
  spentToday: z.number().describe('What calls over it have cost today'),
});
export const trunkStates = z.object({ trunks: z.array(state) });
export type TrunkStates = z.output<typeof trunkStates>;

export interface TrunksView {
  /** `since` in Unix milliseconds; 0: never. */
  list(): Array<Omit<z.output<typeof state>, 'since'> & { since: number }>;
}

export function trunkRoutes(api: Api, view: TrunksView): void {
  api.get('/api/v1/trunk-states', { config: { scope: 'read' }, schema: { summary: 'How the trunks are at the moment', tags: ['trunks'], response: { 200: trunkStates } } }, () => ({
    trunks: view.list().map((one) => ({ ...one, since: one.since === 0 ? null : isoTime(one.since) })),
  }));
}
