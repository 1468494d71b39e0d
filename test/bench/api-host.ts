/** The API in a process of its own, as the server has it: over TCP, with tokens in a store, 50 calls up. Says its port; answers how much time it has used. */
import { HttpListener } from '../../signaling/api/listener';
import { apiOnDemand } from '../../signaling/api/on-demand';
import { bearer } from '../../signaling/api/bearer';
import type { Views } from '../../signaling/api/routes';
import { callsView, settingsView } from '../../signaling/api-views';
import type { CallView } from '../../signaling/app/call-events';
import type { Calls } from '../../signaling/app/calls';
import { systemClock, systemRandom } from '../../signaling/clock';
import { silentLogger } from '../../signaling/log';
import { openStore } from '../../signaling/store/store';
import { newToken, tokenDigest } from '../../signaling/token';

const CALLS = 50;

/** A call between two phones that has been forwarded once: what a busy office has. */
const call = (index: number): CallView => ({
  id: `${index}`.padStart(8, 'c'),
  from: String(1000 + index),
  to: String(2000 + index),
  service: undefined,
  originatedBy: undefined,
  forwarded: [{ from: { number: '1999', name: null }, why: 'no-answer' }],
  through: undefined,
  rung: ['1999', String(2000 + index)],
  state: 'up',
  startedAt: Date.now() - index * 1000,
  talking: index * 900,
  held: index % 7 === 0,
  muted: [],
  dialogs: ['caller', 'callee'].map((side) => ({ side: side as 'caller', party: String(1000 + index), callId: `${index}-${side}-3848276298220188511@192.0.2.7` })),
}) as unknown as CallView;

async function serve(data: string): Promise<{ port: number; token: string }> {
  const store = await openStore({ dataDir: data });
  const token = newToken();
  await store.tokens.add({ name: 'bench', scope: 'read', digest: tokenDigest(token), createdAt: 0 });
  const up = Array.from({ length: CALLS }, (_, index) => call(index));
  const views = { calls: callsView(() => ({ list: () => up }) as unknown as Calls), settings: () => settingsView(store, { clock: systemClock, random: systemRandom, realm: 'offhook' }) } as unknown as Views;
  const listener = new HttpListener(100);
  await listener.listen({ host: '127.0.0.1', port: 0 });
  listener.serve(apiOnDemand({ views, log: silentLogger })(bearer({ tokens: store.tokens, failures: { blockedFor: () => 0, fail: () => undefined }, sourceOf: (address) => address })));
  return { port: listener.port, token };
}

process.on('message', (message: { id: number; serve?: string }) => {
  const answer = (value: unknown): void => void process.send?.({ id: message.id, value });
  if (message.serve !== undefined) void serve(message.serve).then(answer, (err: unknown) => process.send?.({ id: message.id, error: String(err) }));
  else answer(process.cpuUsage());
});
process.on('disconnect', () => process.exit(0));
