/** The certificate of the control port: read when it opens, and read again while connections are up. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { ControlListener } from '../../../../signaling/engine/control/listener';
import { makeCertificate } from '../../../support/certificate';
import { Stage } from '../../../support/stage';

const stage = new Stage();
const accepted: Socket[] = [];
afterAll(() => stage.close());

async function dial(port: number): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  return socket;
}

const serialOf = (file: string): string => new X509Certificate(readFileSync(file)).fingerprint256;
const serialSeen = (socket: TLSSocket): string => socket.getPeerX509Certificate()!.fingerprint256;

test('a renewed certificate is for those who connect from then on; one that cannot be used changes nothing', async () => {
  const [old, renewed] = [await makeCertificate(stage), await makeCertificate(stage)];
  const files = { certificate: join(stage.folder, 'control.pem'), key: join(stage.folder, 'control.key') };
  const use = (one: typeof old): void => {
    copyFileSync(one.certificate, files.certificate);
    copyFileSync(one.key, files.key);
  };
  use(old);
  const nothing = (): void => undefined;
  const listener = new ControlListener({ host: '127.0.0.1', port: 0, tls: files, maxConnections: 5, handshakeMs: 1000 }, { connection: (socket) => accepted.push(socket), refused: nothing, handshakeFailed: nothing, failed: nothing });
  const { port } = await listener.listen();
  const first = await dial(port);
  expect(serialSeen(first)).toBe(serialOf(old.certificate));

  use(renewed);
  expect(listener.reload()).toBeUndefined();
  const second = await dial(port);
  expect(serialSeen(second)).toBe(serialOf(renewed.certificate));

  copyFileSync(old.key, files.key);
  expect(listener.reload()).toContain('stays as it was');
  writeFileSync(files.certificate, 'no certificate');
  expect(listener.reload()).toContain('stays as it was');
  const third = await dial(port);
  expect(serialSeen(third)).toBe(serialOf(renewed.certificate));
  expect(first.destroyed).toBe(false);

  for (const socket of [first, second, third, ...accepted]) socket.destroy();
  await listener.close();
});

test('without TLS there is nothing to read again', () => {
  const nothing = (): void => undefined;
  const listener = new ControlListener({ host: '127.0.0.1', port: 0, maxConnections: 1, handshakeMs: 1000 }, { connection: nothing, refused: nothing, handshakeFailed: nothing, failed: nothing });
  expect(listener.reload()).toBeUndefined();
});
