/**
 * The engine under measurement with an application on a stock drachtio-srf: calls come in and are bridged to one callee. Commands come and answers
 * go over the IPC channel.
 */
import Srf from 'drachtio-srf';
import { detachEnvironment } from '../../signaling/environment';
import { startEmbeddedEngine, type EmbeddedEngine } from '../../signaling/engine/index';

export type EngineCommand = { id: number; do: 'start'; port: number; callee: string } | { id: number; do: 'dialogs' } | { id: number; do: 'collect' };

const SECRET = 'measured';
let engine: EmbeddedEngine | undefined;
let up = 0;
let failed = 0;

async function begin(port: number, callee: string): Promise<void> {
  // As `offhook serve` does
  detachEnvironment();
  engine = await startEmbeddedEngine({
    listen: [
      { protocol: 'udp', address: '127.0.0.1', port },
      { protocol: 'tcp', address: '127.0.0.1', port },
    ],
    control: { port: 0, secret: SECRET },
    limits: { maxConnections: 30_000, maxConnectionsPerSource: 30_000 },
  });
  const srf = new Srf();
  await new Promise<void>((resolve, reject) => {
    srf.connect({ ...engine!.control, secret: SECRET });
    srf.once('connect', (err: Error | null) => (err ? reject(err) : resolve()));
  });
  srf.invite((req, res) => void bridge(srf, req, res, callee));
}

async function bridge(srf: Srf, req: Srf.SrfRequest, res: Srf.SrfResponse, callee: string): Promise<void> {
  try {
    const { uas, uac } = await srf.createB2BUA(req, res, callee, { localSdpB: req.body });
    up++;
    const end = (other: Srf.Dialog) => (): void => {
      up--;
      // Their types know of no promise
      void Promise.resolve(other.destroy()).catch(() => undefined);
    };
    uas.on('destroy', end(uac));
    uac.on('destroy', end(uas));
  } catch {
    failed++;
  }
}

async function carryOut(command: EngineCommand): Promise<unknown> {
  if (command.do === 'start') return begin(command.port, command.callee);
  if (command.do === 'dialogs') return { up, failed, ...(await engine?.stats()) };
  (globalThis as { gc?: () => void }).gc?.();
  return null;
}

process.on('message', (command: EngineCommand) => {
  carryOut(command).then(
    (value) => process.send?.({ id: command.id, value: value ?? null }),
    (err: unknown) => process.send?.({ id: command.id, error: String(err) }),
  );
});
process.on('disconnect', () => process.exit(0));
