/**
 * The built server on all its transports: our own phone registers over TLS, WS and WSS, calls and is called, each hears the other. A certificate
 * is renewed without a restart; a bad one is refused by name.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { connect, type PeerCertificate } from 'node:tls';
import { makeCertificate, type Certificate } from '../support/certificate';
import { wholeCall, type Speaker } from '../support/conversation';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
const HOST = '127.0.0.1';
type Secure = 'tls' | 'ws' | 'wss';

let suite: Stage;
let server: Server;
let certificate: Certificate;
let ports: Record<Secure, number>;

const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

async function phone(stage: Stage, number: string, transport: 'udp' | Secure, tone: number, host = HOST): Promise<Speaker> {
  const port = transport === 'udp' ? server.port : ports[transport];
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const made = await OurPhone.start(stage, { server: address, transport, ca: certificate.ca, ...server.account(number), tone });
  await made.registered();
  return { phone: made, tone };
}

/** The common name of what the server shows. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
      const { subject } = socket.getPeerCertificate() as PeerCertificate;
      socket.end();
      resolve(String(subject.CN));
    });
    socket.once('error', reject);
  });
}

need('openssl')('our phone and our server', () => {
  beforeAll(async () => {
    suite = new Stage();
    const { first } = await suite.ports(3);
    ports = { tls: first, ws: first + 1, wss: first + 2 };
    certificate = await makeCertificate(suite, { names: [HOST, 'localhost', '::1'] });
    const both = (port: number): string => (hasIPv6 ? `${HOST}:${port},[::1]:${port}` : `${HOST}:${port}`);
    server = await Server.start(suite, {
      extensions: ['1001', '1002'],
      settings: { 'sip.tls': both(ports.tls), 'sip.ws': both(ports.ws), 'sip.wss': both(ports.wss), 'sip.tlsCertificates': certificate.certificate, 'sip.tlsKeys': certificate.key },
    });
  }, 60_000);
  afterAll(() => suite.close());

  test('it says where it listens', () => {
    expect(server.ready['sip']).toMatchObject({ tls: expect.arrayContaining([`${HOST}:${ports.tls}`]), ws: expect.arrayContaining([`${HOST}:${ports.ws}`]), wss: expect.arrayContaining([`${HOST}:${ports.wss}`]) });
  });

  test.each(['tls', 'ws', 'wss'] as const)('over %s: either calls', ...shared(async (stage, transport: Secure) => {
    const [one, two] = await Promise.all([phone(stage, '1001', transport, 600), phone(stage, '1002', transport, 900)]);
    await wholeCall(one, '1002', two);
    await wholeCall(two, '1001', one, 'callee');
  }));

  test('from one transport to another', ...shared(async (stage) => {
    const [one, two] = await Promise.all([phone(stage, '1001', 'wss', 600), phone(stage, '1002', 'udp', 900)]);
    await wholeCall(one, '1002', two);
    await wholeCall(two, '1001', one, 'callee');
  }));

  (hasIPv6 ? test : test.skip)('over IPv6', ...shared(async (stage) => {
    const [one, two] = await Promise.all([phone(stage, '1001', 'tls', 600, '::1'), phone(stage, '1002', 'ws', 900, '::1')]);
    await wholeCall(one, '1002', two);
  }));

  test('a certificate is renewed on SIGHUP, while a phone stays registered', ...shared(async (stage) => {
    const [one, two] = await Promise.all([phone(stage, '1001', 'tls', 600), phone(stage, '1002', 'tls', 900)]);
    expect(await shown(ports.tls)).toBe(HOST);
    const renewed = await makeCertificate(stage, { names: ['renewed.test', HOST] });
    copyFileSync(renewed.key, certificate.key);
    copyFileSync(renewed.certificate, certificate.certificate);
    process.kill(server.pid ?? 0, 'SIGHUP');
    await eventually('the new certificate to be shown', async () => (await shown(ports.tls)) === 'renewed.test');
    await wholeCall(one, '1002', two);
    // What is no certificate changes nothing.
    writeFileSync(certificate.certificate, 'nothing');
    process.kill(server.pid ?? 0, 'SIGHUP');
    await eventually('the complaint', () => server.output.includes('stay as they were'));
    expect(await shown(ports.tls)).toBe('renewed.test');
  }));
});

need('openssl')('what serve refuses', () => {
  test('certificates, by name', ...staged(async (stage) => {
    const [good, other] = [await makeCertificate(stage), await makeCertificate(stage)];
    const serve = async (cert: string, key: string): Promise<string> => {
      const { code, output } = await offhook(['serve', '--data', stage.path('data'), '--sip', '127.0.0.1:0', '--tls', '127.0.0.1:0', '--cert', cert, '--key', key]);
      expect(code).toBe(2);
      return output;
    };
    expect(await serve('/nowhere/cert.pem', good.key)).toContain('sip.tlsCertificates: The certificate cannot be read from /nowhere/cert.pem: there is no such file.');
    expect(await serve(good.key, good.key)).toContain(`sip.tlsCertificates: There is no certificate in PEM in ${good.key}`);
    expect(await serve(good.certificate, good.certificate)).toContain(`sip.tlsKeys: There is no private key in PEM in ${good.certificate}.`);
    expect(await serve(good.certificate, other.key)).toContain(`sip.tlsKeys: The key in ${other.key} does not belong to the certificate in ${good.certificate}.`);
  }, { seconds: 60 }));
});
