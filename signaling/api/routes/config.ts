/** The settings the server was started with; changed in its configuration file, and by a start. */
import { z } from 'zod';
import type { Api } from '../routes';

const setting = z.object({
  key: z.string().describe('`sip.realm`'),
  value: z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]).describe('As in a configuration file; secrets that are set are true'),
  help: z.string(),
});
const settings = z.object({ settings: z.array(setting) });

export type SettingInForce = z.output<typeof setting>;

export function configRoutes(api: Api, view: { inForce(): readonly SettingInForce[] }): void {
  api.get('/api/v1/config', { config: { scope: 'admin' }, schema: { summary: 'The settings in force, without secrets', tags: ['config'], response: { 200: settings } } }, () => ({ settings: [...view.inForce()] }));
}
