/** TLS below SIP: which certificate for which name, who may come in, what is dialled, renewal, slow handshakes, RFC 5923. */
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Flow, ListenSpec, TlsOptions } from '../../../../signaling/engine/transport/types';
import { makeCertificate, type Certificate } from '../../../support/certificate';
import { need } from '../../../support/peers';
import { Stage } from '../../../support/stage';
import { FakeNames } from '../resolve/fake-names';
import { closeAll, options, quiet, Rig, TcpPeer, until } from './support';

const tls4: ListenSpec = { protocol: 'tls', address: '127.0.0.1', port: 0 };
const message = (n = 1, via = '127.0.0.1', more = ''): string => options(`SIP/2.0/TLS ${via};branch=z9hG4bK${n}${more}`);

let stage: Stage;
let first: Certificate;
let second: Certificate;
const opened: TLSSocket[] = [];

const pair = ({ certificate, key }: Certificate): TlsOptions['certificates'][number] => ({ certificate, key });
const start = (tls: Partial<TlsOptions> = {}, rig: ConstructorParameters<typeof Rig>[1] = {}, deps: ConstructorParameters<typeof Rig>[2] = {}): Promise<Rig> =>
  Rig.start([tls4], { tls: { certificates: [pair(first), pair(second)], ...tls }, ...rig }, deps);

async function client(port: number, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...more });
  opened.push(socket);
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

const closed = (socket: TLSSocket): Promise<void> => until(() => socket.destroyed);
const nameShown = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

need('openssl')('TLS', () => {
  beforeAll(async () => {
    stage = new Stage();
    [first, second] = [await makeCertificate(stage, { names: ['one.test', '127.0.0.1'] }), await makeCertificate(stage, { names: ['two.test', '*.wild.test'] })];
  }, 30_000);
  afterEach(async () => {
    for (const socket of opened.splice(0)) socket.destroy();
    await closeAll();
  });
  afterAll(() => stage.close());

  test('a message comes in and is answered over the same connection', async () => {
    const rig = await start();
    const socket = await client(rig.port());
    socket.write(message());
    const { flow } = await rig.message();
    expect(flow).toMatchObject({ protocol: 'tls', reliable: true, remote: { address: '127.0.0.1', port: socket.localPort } });
    flow.send(Buffer.from('answer'));
    expect(String((await once(socket, 'data'))[0])).toBe('answer');
    expect(rig.stats).toMatchObject({ connectionsByProtocol: { tls: 1 }, halfOpen: 0 });
    expect(rig.layer.flowTo({ protocol: 'tls', host: '127.0.0.1', port: socket.localPort as number })).toBe(flow);
    expect(rig.layer.flowTo({ secure: true, host: '127.0.0.1', port: socket.localPort as number })).toBe(flow);
  });

  test.each([
    ['two.test', 'two.test'],
    ['a.wild.test', 'two.test'],
    ['one.test', 'one.test'],
    ['unknown.test', 'one.test'],
    [undefined, 'one.test'],
  ])('who asks for %s is shown %s', async (servername, name) => {
    const rig = await start();
    expect(nameShown(await client(rig.port(), servername === undefined ? {} : { servername }))).toBe(name);
  });

  test('TLS 1.1 is refused, TLS 1.2 is not', async () => {
    const rig = await start();
    await expect(client(rig.port(), { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).rejects.toThrow();
    expect((await client(rig.port(), { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
    await until(() => rig.stats.handshakesFailed === 1);
    expect(rig.stats.halfOpen).toBe(0);
  });

  test('certificates of clients: needed', async () => {
    const rig = await start({ clients: 'require', authorities: second.ca });
    const good = await client(rig.port(), { cert: readFileSync(second.certificate), key: readFileSync(second.key) });
    good.write(message(1));
    await rig.message();
    const bare = await client(rig.port(), {});
    bare.write(message(2));
    await closed(bare);
    const stranger = await client(rig.port(), { cert: readFileSync(first.certificate), key: readFileSync(first.key) });
    stranger.write(message(3));
    await closed(stranger);
    expect(rig.received).toHaveLength(1);
    expect(rig.stats.handshakesFailed).toBe(2);
  });

  test('certificates of clients: asked for, not needed', async () => {
    const rig = await start({ clients: 'request', authorities: second.ca });
    (await client(rig.port())).write(message(1));
    await rig.message();
  });

  test('a handshake that does not go on is cut off, and counts as a connection until then', async () => {
    const rig = await start({}, { limits: { handshakeMs: 10_000, maxConnectionsPerSource: 2 } });
    const silent = await TcpPeer.open(rig.port());
    const babbling = await TcpPeer.open(rig.port());
    babbling.write('\x16\x03\x01');
    await until(() => rig.stats.halfOpen === 2);
    const third = await TcpPeer.open(rig.port());
    await third.end();
    expect(rig.stats.refusedPerSource).toBe(1);
    rig.clock.advance(9_000);
    expect(rig.stats.halfOpen).toBe(2);
    rig.clock.advance(1_000);
    await silent.end();
    await babbling.end();
    await until(() => rig.stats.halfOpen === 0);
    expect(rig.stats).toMatchObject({ handshakesTimedOut: 2, handshakesFailed: 0, connections: 0 });
    (await client(rig.port())).write(message());
    await rig.message();
  });

  test('what is no TLS is a failed handshake', async () => {
    const rig = await start();
    const socket = connectTcp(rig.port(), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(message());
    await once(socket, 'close');
    expect(rig.stats).toMatchObject({ handshakesFailed: 1, connections: 0, halfOpen: 0 });
  });

  test('renewed files are taken by themselves; connections that are up stay; bad files change nothing', async () => {
    const [cert, key] = [stage.path('renewed.pem'), stage.path('renewed.key')];
    const put = (from: Certificate): void => {
      copyFileSync(from.certificate, cert);
      copyFileSync(from.key, key);
    };
    put(first);
    const told: string[] = [];
    const log = { ...quiet, error: (_fields: object, text: string) => void told.push(text) };
    const rig = await start({ certificates: [{ certificate: cert, key }] }, {}, { log });
    const old = await client(rig.port());
    old.write(message(0));
    await rig.message();
    put(second);
    rig.clock.advance(15_000);
    expect(nameShown(await client(rig.port()))).toBe('two.test');
    old.write(message(1));
    await rig.message(1);
    rmSync(key);
    rig.clock.advance(15_000);
    expect(told).toEqual([`The certificates stay as they were: The key cannot be read from ${key}: there is no such file.`]);
    rig.clock.advance(60_000);
    expect(told).toHaveLength(1);
    writeFileSync(key, 'nothing');
    expect(rig.layer.reloadCertificates()).toBe(`The certificates stay as they were: There is no private key in PEM in ${key}.`);
    expect(nameShown(await client(rig.port()))).toBe('two.test');
    expect(rig.stats).toMatchObject({ certificateReloads: 1, certificateReloadsFailed: 2 });
  });

  describe('dialling', () => {
    const far = async (certificate: Certificate, clients: TlsOptions['clients'] = 'none', authorities = certificate.ca): Promise<Rig> =>
      Rig.start([tls4], { tls: { certificates: [pair(certificate)], clients, ...(clients === 'none' ? {} : { authorities }) } });

    test('the certificate has to be for the name, and of an authority that is trusted', async () => {
      const other = await far(second);
      const names = new FakeNames().hasAddress('two.test', '127.0.0.1').hasAddress('three.test', '127.0.0.1');
      const ours = await start({ authorities: second.ca }, {}, { names });
      const flow = await ours.layer.flowTo({ secure: true, host: 'two.test', port: other.port() });
      flow.send(Buffer.from(message()));
      await other.message();
      // It has proved to be two.test, not three.test, and another connection would not do better.
      await expect(Promise.resolve(ours.layer.flowTo({ protocol: 'tls', host: 'three.test', port: other.port() }))).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
      expect(await ours.layer.flowTo({ protocol: 'tls', host: 'two.test', port: other.port() })).toBe(flow);
      const trusting = await start({}, {}, { names });
      await expect(Promise.resolve(trusting.layer.flowTo({ protocol: 'tls', host: 'two.test', port: other.port() }))).rejects.toMatchObject({ name: 'TransportError', protocol: 'tls' });
      const careless = await start({ verify: false }, {}, { names });
      expect((await careless.layer.flowTo({ protocol: 'tls', host: 'three.test', port: other.port() })).protocol).toBe('tls');
    });

    test('RFC 5923: with certificates on both sides the far end reaches us over our connection, at the port we name', async () => {
      const [theirs, ours] = [await far(first, 'request', second.ca), await start({ certificates: [pair(second)], authorities: first.ca })];
      const flow = (await ours.layer.flowTo({ protocol: 'tls', host: '127.0.0.1', port: theirs.port() })) as Flow;
      expect(flow.alias).toBe(true);
      flow.send(Buffer.from(message(1, 'two.test:7061', ';alias')));
      const received = await theirs.message();
      expect(theirs.layer.flowTo({ protocol: 'tls', host: '127.0.0.1', port: 7061 })).toBe(received.flow);
      expect(theirs.stats.aliases).toBe(1);
      await ours.layer.close();
      await until(() => !received.flow.open);
      await expect(Promise.resolve(theirs.layer.flowTo({ protocol: 'tls', host: '127.0.0.1', port: 7061 }))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });

    test('RFC 5923: not for a name that the certificate is not for, and not without one', async () => {
      const theirs = await far(first, 'request', second.ca);
      const good = await client(theirs.port(), { cert: readFileSync(second.certificate), key: readFileSync(second.key) });
      good.write(message(1, 'victim.test:7061', ';alias'));
      const bare = await client(theirs.port());
      bare.write(message(2, 'two.test:7062', ';alias'));
      await theirs.message(1);
      expect(theirs.stats.aliases).toBe(0);
    });
  });
});
