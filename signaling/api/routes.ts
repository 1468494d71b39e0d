/** Which routes there are: the one list. Each gets what it needs as an interface of its own, which the composition root fills. */
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { alarmRoutes, type AlarmsView } from './routes/alarms';
import { callRoutes, type CallsView } from './routes/calls';
import { callControlRoutes, type CallControlView } from './routes/call-control';
import { conferenceRoutes, type ConferencesView } from './routes/conferences';
import { configRoutes, type SettingInForce } from './routes/config';
import { contactRoutes, type ContactsView } from './routes/contacts';
import { engineRoutes, type EngineView } from './routes/engine';
import { healthRoutes, type HealthView } from './routes/health';
import { messageRoutes, type MessagesView } from './routes/messages';
import { metricsRoutes, type MetricsView } from './routes/metrics';
import { queueRoutes, type QueuesView } from './routes/queues';
import { recordRoutes, type RecordsView } from './routes/records';
import { recordingRoutes, type RecordingsView } from './routes/recordings';
import { settingsRoutes, type SettingsView } from './routes/settings';
import { tokenRoutes, type TokensView } from './routes/tokens';
import { trunkRoutes, type TrunksView } from './routes/trunks';
import { webhookRoutes, type WebhooksView } from './routes/webhooks';
import { voicemailRoutes, type VoicemailView } from './routes/voicemail';

export type Api = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>;

export interface Views {
  /** Undefined: the SIP engine is a server of its own. */
  engine: EngineView | undefined;
  calls: CallsView;
  control: CallControlView;
  contacts: ContactsView;
  conferences: ConferencesView;
  queues: QueuesView;
  trunks: TrunksView;
  alarms: AlarmsView;
  webhooks: WebhooksView;
  voicemail: VoicemailView;
  recordings: RecordingsView;
  messages: MessagesView;
  records: RecordsView;
  tokens: TokensView;
  config: { inForce(): readonly SettingInForce[] };
  health: HealthView;
  metrics: MetricsView;
  /** Asked once, when the API is loaded. */
  settings: () => SettingsView;
}

export function addRoutes(api: Api, views: Views): void {
  engineRoutes(api, views.engine);
  callRoutes(api, views.calls);
  callControlRoutes(api, views.control);
  contactRoutes(api, views.contacts);
  conferenceRoutes(api, views.conferences);
  queueRoutes(api, views.queues);
  trunkRoutes(api, views.trunks);
  alarmRoutes(api, views.alarms);
  webhookRoutes(api, views.webhooks);
  voicemailRoutes(api, views.voicemail);
  recordingRoutes(api, views.recordings);
  messageRoutes(api, views.messages);
  recordRoutes(api, views.records);
  tokenRoutes(api, views.tokens);
  configRoutes(api, views.config);
  healthRoutes(api, views.health);
  metricsRoutes(api, views.metrics);
  settingsRoutes(api, views.settings());
}
