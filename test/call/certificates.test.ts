/** Certificates of the built server's TLS and WSS, and of those that connect: who gets in, and what changes when files do. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { makeCertificate, type Certificate } from '../support/certificate';
import { need } from '../support/peers';
import { SipPeer } from '../support/sip-peer';
import { Server } from '../support/server';
import { Stage } from '../support/stage';
import { eventually } from '../support/wait';

const HOST = '127.0.0.1';

need('openssl')('sip.tlsClients=require', () => {
  const stage = new Stage();
  const peers: SipPeer[] = [];
  /** The server's, with its authority; another one that nobody trusts yet. */
  let ours: Certificate;
  let other: Certificate;
  let files: Certificate;
  let server: Server;
  let ports: { tls: number; wss: number };

  const use = ({ certificate, key, ca }: Certificate): void => {
    copyFileSync(key, files.key);
    copyFileSync(certificate, files.certificate);
    copyFileSync(ca, files.ca);
  };

  beforeAll(async () => {
    [ours, other] = [await makeCertificate(stage), await makeCertificate(stage)];
    files = { certificate: join(stage.folder, 'sip.pem'), key: join(stage.folder, 'sip.key'), ca: join(stage.folder, 'authorities.pem') };
    use(ours);
    ports = { tls: await stage.port(), wss: await stage.port() };
    const settings = { 'sip.tls': `${HOST}:${ports.tls}`, 'sip.wss': `${HOST}:${ports.wss}`, 'sip.tlsCertificates': files.certificate, 'sip.tlsKeys': files.key, 'sip.tlsClients': 'require', 'sip.tlsAuthorities': files.ca };
    server = await Server.start(stage, { extensions: [], settings });
  }, 60_000);
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.close()));
    await stage.close();
  });

  async function dial(identity?: Certificate): Promise<SipPeer> {
    const peer = await SipPeer.tls({ host: HOST, port: ports.tls }, identity);
    peers.push(peer);
    return peer;
  }

  /** Whether it is answered. With TLS 1.3 a client that is refused learns of it after its own handshake. */
  async function isServed(peer: SipPeer): Promise<boolean> {
    const before = peer.countResponses(200);
    peer.send(peer.request('OPTIONS', `sip:${HOST}:${ports.tls};transport=tls`));
    await eventually('an answer, or the end', () => peer.closedByOther || peer.countResponses(200) > before);
    return !peer.closedByOther;
  }

  function isOpened(identity?: Certificate): Promise<boolean> {
    const shown = identity && { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) };
    const socket = new WebSocket(`wss://${HOST}:${ports.wss}`, 'sip', { rejectUnauthorized: false, ...shown });
    return new Promise((resolve) => {
      socket.once('open', () => (resolve(true), socket.terminate()));
      socket.once('error', () => resolve(false));
    });
  }

  /** The serial number of what the server shows; one that is refused sees it as well. */
  function shown(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: HOST, port: ports.tls, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
        socket.destroy();
      });
      socket.on('error', reject);
    });
  }

  test('a client with a certificate of a trusted authority gets in over TLS and WSS; one of another, or without, does not', async () => {
    expect([await isServed(await dial(ours)), await isServed(await dial(other)), await isServed(await dial())]).toEqual([true, false, false]);
    expect([await isOpened(ours), await isOpened(other), await isOpened()]).toEqual([true, false, false]);
  });

  test('renewed by SIGHUP, authorities too: new connections are held to the new ones, one that is up works on', async () => {
    const before = await dial(ours);
    expect(await isServed(before)).toBe(true);
    const old = await shown();
    use(other);
    process.kill(server.pid!, 'SIGHUP');
    await eventually('the renewed certificate', async () => (await shown()) !== old);
    expect([await isServed(await dial(ours)), await isServed(await dial(other))]).toEqual([false, true]);
    expect([await isOpened(ours), await isOpened(other)]).toEqual([false, true]);
    expect(await isServed(before)).toBe(true);
  });
});
