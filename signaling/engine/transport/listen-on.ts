/** Which file opens the listening points of which protocol. */
import type { Listen } from './listener';
import { listenStream } from './stream';
import type { Protocol } from './types';
import { listenUdp } from './udp';
import { listenWebSocket } from './websocket';

export const listenOn: Readonly<Record<Protocol, Listen>> = { udp: listenUdp, tcp: listenStream, tls: listenStream, ws: listenWebSocket, wss: listenWebSocket };
