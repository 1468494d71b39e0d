/** Which routes there are: the one list. Each gets what it needs as an interface of its own, which the composition root fills. */
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { callRoutes, type CallsView } from './routes/calls';
import { engineRoutes, type EngineView } from './routes/engine';
import { healthRoutes, type HealthView } from './routes/health';
import { metricsRoutes, type MetricsView } from './routes/metrics';
import { settingsRoutes, type SettingsView } from './routes/settings';

export type Api = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>;

export interface Views {
  /** Undefined: the SIP engine is a server of its own. */
  engine: EngineView | undefined;
  calls: CallsView;
  health: HealthView;
  metrics: MetricsView;
  /** Asked once, when the API is loaded. */
  settings: () => SettingsView;
}

export function addRoutes(api: Api, views: Views): void {
  engineRoutes(api, views.engine);
  callRoutes(api, views.calls);
  healthRoutes(api, views.health);
  metricsRoutes(api, views.metrics);
  settingsRoutes(api, views.settings());
}
