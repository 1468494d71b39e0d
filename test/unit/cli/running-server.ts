/** A server that is asked over the operator's socket, with views that are made up. */
import { mkdirSync } from 'node:fs';
import { createHandle } from '../../../signaling/api/app';
import { operator } from '../../../signaling/api/access';
import { openOperatorSocket } from '../../../signaling/api/operator-socket';
import { silentLogger } from '../../../signaling/log';
import { shown, type Shown } from '../api/views';

export async function runningServer(data: string, { engine = true } = {}): Promise<Shown & { close(): Promise<void> }> {
  mkdirSync(data, { recursive: true });
  const views = shown();
  if (!engine) views.views.engine = undefined;
  const socket = await openOperatorSocket(data, { log: silentLogger });
  socket!.serve(await createHandle({ views: views.views, askerOf: () => operator, log: silentLogger }));
  return { ...views, close: () => socket!.close() };
}
