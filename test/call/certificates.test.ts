/** Certificates of the built server's TLS and WSS, of its control port, and of those that connect: who gets in, and what changes when files do. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import Srf from 'drachtio-srf';
import { WebSocket } from 'ws';
import { makeCertificate, type Certificate } from '../support/certificate';
import { connectCall, hearEachOther, marks, type Speaker } from '../support/conversation';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { SipPeer } from '../support/sip-peer';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const HOST = '127.0.0.1';
/** The server looks at its files every 15 s. */
const LOOKED_AT_MS = 25_000;

/** Of what the server shows, whether it lets us in or not. */
function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** The certificate and key of one are from now on in the files of the other. */
function install({ certificate, key }: Certificate, files: Certificate): void {
  copyFileSync(key, files.key);
  copyFileSync(certificate, files.certificate);
}

need('openssl')('sip.tlsClients=require', () => {
  const stage = new Stage();
  const peers: SipPeer[] = [];
  /** The server's, with its authority; another one that nobody trusts yet. */
  let ours: Certificate;
  let other: Certificate;
  let files: Certificate;
  let server: Server;
  let ports: { tls: number; wss: number };

  const use = (one: Certificate): void => {
    install(one, files);
    copyFileSync(one.ca, files.ca);
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

  test('a client with a certificate of a trusted authority gets in over TLS and WSS; one of another, or without, does not', async () => {
    expect([await isServed(await dial(ours)), await isServed(await dial(other)), await isServed(await dial())]).toEqual([true, false, false]);
    expect([await isOpened(ours), await isOpened(other), await isOpened()]).toEqual([true, false, false]);
  });

  test('renewed by SIGHUP, authorities too: new connections are held to the new ones, one that is up works on', async () => {
    const before = await dial(ours);
    expect(await isServed(before)).toBe(true);
    const old = await fingerprint(ports.tls);
    use(other);
    process.kill(server.pid!, 'SIGHUP');
    await eventually('the renewed certificate', async () => (await fingerprint(ports.tls)) !== old);
    expect([await isServed(await dial(ours)), await isServed(await dial(other))]).toEqual([false, true]);
    expect([await isOpened(ours), await isOpened(other)]).toEqual([false, true]);
    expect(await isServed(before)).toBe(true);
  });
});

need('openssl')('while a call is up', () => {
  test('certificates are renewed by themselves and by SIGHUP, and bad files change nothing: both hear each other, an application stays', ...staged(async (stage) => {
    const files = await makeCertificate(stage);
    const { first } = await stage.ports(3);
    const [tls, wss, control] = [first, first + 1, first + 2];
    const secret = 'the-secret-of-the-port';
    const settings = {
      'sip.tls': `${HOST}:${tls}`, 'sip.wss': `${HOST}:${wss}`, 'sip.tlsCertificates': files.certificate, 'sip.tlsKeys': files.key,
      'engine.secret': secret, 'engine.tlsPort': control, 'engine.tlsCertificate': files.certificate, 'engine.tlsKey': files.key,
    };
    const server = await Server.start(stage, { settings });
    const srf = new Srf();
    let lost = 0;
    srf.on('error', () => lost++);
    stage.own({ close: () => void srf.disconnect() });
    const connected = new Promise<void>((resolve, reject) => srf.once('connect', (error: Error | null) => (error ? reject(error) : resolve())));
    srf.connect({ host: HOST, port: control, secret, tls: { ca: readFileSync(files.ca) } } as never);
    await connected;

    const speaker = async (number: string, transport: 'tls' | 'wss', port: number, tone: number): Promise<Speaker> => {
      const phone = await OurPhone.start(stage, { server: `${HOST}:${port}`, transport, ca: files.ca, ...server.account(number), tone });
      await phone.registered();
      return { phone, tone };
    };
    const [one, two] = await Promise.all([speaker('1001', 'tls', tls, 600), speaker('1002', 'wss', wss, 900)]);
    await connectCall(one.phone, '1002', two.phone);
    await hearEachOther(one, two);

    const shown = (): Promise<string[]> => Promise.all([tls, wss, control].map(fingerprint));
    const other = async (before: string[], ms?: number): Promise<string[]> => {
      await eventually('all of them to be others', async () => (await shown()).every((now, index) => now !== before[index]), ms);
      return shown();
    };
    const [renewed, again] = [await makeCertificate(stage), await makeCertificate(stage)];
    const old = await shown();
    install(renewed, files);
    const second = await other(old, LOOKED_AT_MS);
    await hearEachOther(one, two, { from: marks(one, two) });

    install({ ...again, key: renewed.key }, files);
    process.kill(server.pid!, 'SIGHUP');
    await eventually('both to complain', () => server.output.includes('The certificates stay as they were') && server.output.includes('The certificate of the control port and its key stay as they were'));
    expect(await shown()).toEqual(second);
    install(again, files);
    process.kill(server.pid!, 'SIGHUP');
    await other(second);
    await hearEachOther(one, two, { from: marks(one, two) });

    // What has to be said within the call goes over the connections that have stayed, and so do an application's requests.
    await one.phone.hangUp();
    await Promise.all([one.phone.ended(), two.phone.ended()]);
    const peer = stage.own(await SipPeer.udp());
    const asked = srf.request(peer.uri, { method: 'OPTIONS' } as never, undefined as never, undefined as never);
    peer.reply(await peer.getRequest('OPTIONS'), 200);
    await asked;
    expect(lost).toBe(0);
  }, { seconds: 120 }));
});
