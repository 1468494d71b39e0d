/** The modules of the core, for one another: the client side ends dialogs, the server side sends BYE. */
import type { CalledDialogs } from './called-dialogs';
import type { Client } from './client';
import type { Decisions } from './decision';
import type { InDialog } from './in-dialog';
import type { Invites } from './invites';
import type { NewRequests } from './new-requests';
import type { Orphans } from './orphans';
import type { OwnRequests } from './own-requests';
import type { Proxying } from './proxy/proxying';
import type { Server } from './server';
import type { ServerResponses } from './server-responses';
import type { Subscriptions } from './subscriptions';
import type { Sessions } from './sessions';

export interface Parts {
  called: CalledDialogs;
  client: Client;
  decisions: Decisions;
  invites: Invites;
  inDialog: InDialog;
  newRequests: NewRequests;
  orphans: Orphans;
  own: OwnRequests;
  proxying: Proxying;
  sessions: Sessions;
  subscriptions: Subscriptions;
  server: Server;
  responses: ServerResponses;
}
