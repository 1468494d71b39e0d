/** The certificate of the control port: read when it opens, and read again while connections are up. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { ControlListener } from '../../../../signaling/engine/control/listener';
import { makeCertificate } from '../../../support/certificate';
import { FakeClock } from '../../../support/fake-clock';
import { Stage } from '../../../support/stage';

const stage = new Stage();
const accepted: Socket[] = [];
const nothing = (): void => undefined;
const events = { connection: (socket: Socket) => void accepted.push(socket), refused: nothing, handshakeFailed: nothing, failed: nothing };

function deps(): { clock: FakeClock; lines: string[]; counters: { certificateReloads: number; certificateReloadsFailed: number }; log: Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void> } {
  const lines: string[] = [];
  const keep = (_fields: object, message: string): void => void lines.push(message);
  return { clock: new FakeClock(), lines, counters: { certificateReloads: 0, certificateReloadsFailed: 0 }, log: { debug: keep, info: keep, warn: keep, error: keep } };
}
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
  const given = deps();
  const listener = new ControlListener({ host: '127.0.0.1', port: 0, tls: files, maxConnections: 5, handshakeMs: 1000 }, events, given);
  const { port } = await listener.listen();
  const first = await dial(port);
  expect(serialSeen(first)).toBe(serialOf(old.certificate));

  use(renewed);
  expect(listener.reload()).toBeUndefined();
  const second = await dial(port);
  expect(serialSeen(second)).toBe(serialOf(renewed.certificate));

  copyFileSync(old.key, files.key);
  expect(listener.reload()).toMatch(/control port .* stay as they were: The key in .* does not belong/);
  writeFileSync(files.certificate, 'no certificate');
  expect(listener.reload()).toMatch(/control port .* stay as they were: There is no certificate/);
  const third = await dial(port);
  expect(serialSeen(third)).toBe(serialOf(renewed.certificate));
  expect(first.destroyed).toBe(false);

  // and by itself, when nobody says that the files are others: bad ones are spoken of once
  given.clock.advance(60_000);
  expect(given.counters).toEqual({ certificateReloads: 1, certificateReloadsFailed: 2 });
  use(old);
  given.clock.advance(15_000);
  const fourth = await dial(port);
  expect(serialSeen(fourth)).toBe(serialOf(old.certificate));
  expect(given.counters.certificateReloads).toBe(2);
  fourth.destroy();

  for (const socket of [first, second, third, ...accepted]) socket.destroy();
  await listener.close();
});

test('without TLS there is nothing to read again', () => {
  const listener = new ControlListener({ host: '127.0.0.1', port: 0, maxConnections: 1, handshakeMs: 1000 }, events, deps());
  expect(listener.reload()).toBeUndefined();
});

test.each([
  ['there is no such file', { certificate: '/nowhere/a.pem' }, 'certificates'],
  ['there is no such file', { key: '/nowhere/a.key' }, 'key'],
  ['There is no certificate in PEM', { authorities: 'key' }, 'authorities'],
] as const)('a file that cannot be used is named: %s', async (reason, change, about) => {
  const { certificate, key } = await makeCertificate(stage);
  const authorities = 'authorities' in change ? key : undefined;
  const listener = new ControlListener({ host: '127.0.0.1', port: 0, tls: { certificate, key, ...change, authorities }, maxConnections: 1, handshakeMs: 1000 }, events, deps());
  await expect(listener.listen()).rejects.toMatchObject({ about, message: expect.stringContaining(reason) as string });
});
