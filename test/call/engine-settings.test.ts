/** Settings of the engine take effect in the server as it is run: what is copied to a collector, who may connect and how. */
import { createSocket } from 'node:dgram';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import Srf from 'drachtio-srf';
import { makeCertificate } from '../support/certificate';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { staged } from '../support/stage';
import { eventually } from '../support/wait';

const SECRET = 'the-secret-of-the-port';

need('openssl')('settings of the engine', () => {
  test('every SIP message is copied to a collector, with the key it asks for', ...staged(async (stage) => {
    const collector = createSocket('udp4');
    const packets: string[] = [];
    collector.on('message', (data) => packets.push(data.toString('latin1')));
    const port = await stage.port();
    await new Promise<void>((resolve) => collector.bind(port, '127.0.0.1', resolve));
    const asker = createSocket('udp4');
    try {
      const server = await Server.start(stage, { settings: { 'capture.address': `127.0.0.1:${port}`, 'capture.key': 'homers-key' } });
      await new Promise<void>((resolve) => asker.bind(0, '127.0.0.1', resolve));
      const at = `127.0.0.1:${asker.address().port}`;
      const lines = [`OPTIONS sip:127.0.0.1:${server.port} SIP/2.0`, `Via: SIP/2.0/UDP ${at};branch=z9hG4bKcap`, 'Max-Forwards: 70', `From: <sip:a@${at}>;tag=1`, `To: <sip:127.0.0.1:${server.port}>`, 'Call-ID: captured-1', 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', ''];
      asker.send(lines.join('\r\n'), server.port, '127.0.0.1');
      const copied = (start: string): boolean => packets.some((packet) => packet.startsWith('HEP3') && packet.includes(start) && packet.includes('captured-1') && packet.includes('homers-key'));
      await eventually('the request and its answer to be copied', () => copied('OPTIONS sip:') && copied('SIP/2.0 200'));
      await server.stop();
    } finally {
      collector.close();
      asker.close();
    }
  }));

  test('an application of one\'s own connects over TLS, with the secret', ...staged(async (stage) => {
    const { certificate, key, ca } = await makeCertificate(stage, { names: ['127.0.0.1'] });
    const port = await stage.port();
    const server = await Server.start(stage, { settings: { 'engine.secret': SECRET, 'engine.tlsPort': port, 'engine.tlsCertificate': certificate, 'engine.tlsKey': key } });
    const srf = new Srf();
    srf.on('error', () => undefined);
    try {
      srf.connect({ host: '127.0.0.1', port, secret: SECRET, tls: { ca: readFileSync(ca) } } as never);
      const hostport = await new Promise<string>((resolve, reject) => srf.once('connect', (err: Error | null, at: string) => (err ? reject(err) : resolve(at))));
      expect(hostport).toContain(`127.0.0.1:${server.port}`);
    } finally {
      srf.disconnect();
    }
    await server.stop();
  }));

  test('the certificate of the control port alone is read again on SIGHUP, which does not end the server', ...staged(async (stage) => {
    const [old, renewed] = [await makeCertificate(stage), await makeCertificate(stage)];
    const files = { certificate: join(stage.folder, 'port.pem'), key: join(stage.folder, 'port.key') };
    const use = (one: typeof old): void => {
      copyFileSync(one.certificate, files.certificate);
      copyFileSync(one.key, files.key);
    };
    use(old);
    const port = await stage.port();
    const server = await Server.start(stage, { settings: { 'engine.secret': SECRET, 'engine.tlsPort': port, 'engine.tlsCertificate': files.certificate, 'engine.tlsKey': files.key } });
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await shown();
    use(renewed);
    process.kill(server.pid!, 'SIGHUP');
    await eventually('the renewed certificate', async () => (await shown()) !== before);
    await server.stop();
  }));

  test('authorities alone, of servers that are dialled, are read again on SIGHUP, too', ...staged(async (stage) => {
    const { ca } = await makeCertificate(stage);
    const server = await Server.start(stage, { settings: { 'sip.tlsAuthorities': ca } });
    process.kill(server.pid!, 'SIGHUP');
    await eventually('them to be read', () => server.output.includes('have been read again'));
    await server.stop();
  }));

  const pair = (certificate: string, key: string): Record<string, string | number> => ({ 'engine.tlsPort': 0, 'engine.tlsCertificate': certificate, 'engine.tlsKey': key });

  test.each([
    ['engine.tlsCertificate', 'certificate', pair('GONE', 'KEY')],
    ['engine.tlsKey', 'key', pair('CERTIFICATE', 'GONE')],
    ['engine.tlsKey', 'key', pair('CERTIFICATE', 'FOLDER')],
    ['engine.tlsAuthorities', 'certificates of authorities', { ...pair('CERTIFICATE', 'KEY'), 'engine.tlsAuthorities': 'GONE' }],
    ['engine.handlerAuthorities', 'certificates of authorities', { 'engine.handlers': 'INVITE https://127.0.0.1:1/', 'engine.handlerAuthorities': 'GONE' }],
    ['sip.tlsCertificates', 'certificate', { 'sip.tlsCertificates': 'GONE', 'sip.tlsKeys': 'KEY' }],
    ['sip.tlsKeys', 'key', { 'sip.tlsCertificates': 'CERTIFICATE', 'sip.tlsKeys': 'FOLDER' }],
    ['sip.tlsAuthorities', 'certificates of authorities', { 'sip.tlsAuthorities': 'GONE' }],
  ])('a file that cannot be read is named, and the setting: %s', ...staged(async (stage, setting: string, what: string, settings: Record<string, string | number>) => {
    const { certificate, key } = await makeCertificate(stage);
    const files: Record<string, string> = { GONE: '/nowhere/file.pem', FOLDER: stage.folder, CERTIFICATE: certificate, KEY: key };
    const set = Object.entries({ 'engine.secret': SECRET, ...settings }).flatMap(([name, value]) => ['--set', `${name}=${files[value] ?? value}`]);
    const { code, output } = await offhook(['serve', '--data', stage.path('data'), '--sip', `127.0.0.1:${await stage.port()}`, ...set]);
    expect(code).toBe(2);
    const bad = Object.values(settings).includes('FOLDER') ? `${stage.folder}: it is a folder` : '/nowhere/file.pem: there is no such file';
    expect(output.split('\n').filter((line) => line.startsWith('offhook'))).toEqual([`offhook: ${setting}: The ${what} cannot be read from ${bad}.`]);
    expect(output).not.toMatch(/ENOENT|\n\s+at /);
  }));
});
