/** More than can be done: who is turned away, and who is not. */
import { buildAck, buildCancel } from '../../../signaling/engine/transaction/client-requests';
import { PeerDialog, SipPeer, sdp } from '../../support/sip-peer';
import { eventually, pause } from '../../support/wait';
import { once, problems, secret, socketOf, startApp, startServer, strictly, type AppUnderTest, type ServerUnderTest, type TestDialog, type TestRequest, type TestResponse } from './harness';

let server: ServerUnderTest;
let peer: SipPeer;
const apps: AppUnderTest[] = [];

afterEach(async () => {
  peer.close();
  for (const app of apps.splice(0)) app.close();
  await server.close();
  expect(problems.splice(0)).toEqual([]);
});

const own = (): string => `sip:bob@127.0.0.1:${server.udp.port}`;

/** New requests, one after the other, until one is refused: the refusal. */
async function untilRefused(method: string): Promise<{ request: ReturnType<SipPeer['request']>; refusal: Awaited<ReturnType<SipPeer['getFinal']>> }> {
  for (let tries = 0; tries < 300; tries++) {
    const request = peer.request(method, own(), method === 'INVITE' ? { body: sdp() } : {});
    peer.send(request);
    const answer = await peer.getFinal(request);
    if (method === 'INVITE') peer.send(buildAck(request, answer));
    if (answer.status === 503) return { request, refusal: answer };
    await pause(20);
  }
  throw new Error('nothing was refused');
}

strictly('a thread that is at work without a pause: new requests get 503, calls that are up are served, and afterwards everything is', async () => {
  let busy = 0;
  server = await startServer({ overload: { busyMs: 300 } }, { busy: () => busy, waited: () => 600 * busy });
  peer = await SipPeer.udp(server.udp);
  const made = once<[TestDialog]>();
  const told: string[] = [];
  let onInvite = (req: TestRequest, res: TestResponse): void => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
  const app = await startApp(server, (srf) => {
    srf.invite((req, res) => (told.push('INVITE'), onInvite(req, res)));
    srf.options((_req, res) => (told.push('OPTIONS'), res.send(200)));
  });
  apps.push(app);
  const first = peer.request('INVITE', own(), { body: sdp() });
  peer.send(first);
  const call = PeerDialog.caller(peer, first, await peer.getResponse(200, 'INVITE'));
  call.ack();
  const [dialog] = await made.called;
  dialog.on('info', (_req: TestRequest, res: TestResponse) => res.send(200));

  busy = 1;
  onInvite = (_req, res) => res.send(486);
  const { request, refusal } = await untilRefused('INVITE');
  expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThanOrEqual(3);
  expect(refusal.toTag).toBeDefined();

  // The same again is refused again, with the same tag; its ACK and a CANCEL reach nobody.
  const asked = told.length;
  peer.send(request);
  const again = await peer.getFinal(request);
  expect([again.status, again.toTag]).toEqual([503, refusal.toTag]);
  peer.send(buildAck(request, refusal));
  peer.send(buildCancel(request, []));
  await peer.getResponse(481, 'CANCEL');
  expect(told).toHaveLength(asked);

  // What belongs to the call that is up.
  for (let i = 0; i < 5; i++) {
    call.send('INFO');
    await peer.getResponse(200, 'INFO');
  }
  expect(server.stats().overload).toMatchObject({ began: 1, busy: 1 });
  expect(server.stats().overload!.refused).toBeGreaterThan(0);
  expect(server.stats().transactions.overload).toBe(0);

  busy = 0;
  const served = async (): Promise<boolean> => {
    const options = peer.request('OPTIONS', own());
    peer.send(options);
    return (await peer.getFinal(options)).status === 200;
  };
  await eventually('room again', () => (server.stats().overload!.share === 0 ? true : undefined), 10_000);
  for (let i = 0; i < 10; i++) expect(await served()).toBe(true);
  const ended = new Promise((resolve) => dialog.once('destroy', resolve));
  call.send('BYE');
  await peer.getResponse(200, 'BYE');
  await ended;
});

strictly('an application that does not read: half of the requests for it are turned away at once, those for others are not', async () => {
  server = await startServer({ overload: {}, control: { port: 0, secret, behindBytes: 20_000 } });
  peer = await SipPeer.udp(server.udp);
  const stuck = await startApp(server, (srf) => srf.options((_req, res) => res.send(200)));
  const well = await startApp(server, (srf) => srf.message((_req, res) => res.send(202)));
  apps.push(stuck, well);
  socketOf(stuck).pause();
  const padding = 'x'.repeat(8_000);
  for (let i = 0; server.stats().control.behind === 0; i++) {
    peer.send(peer.request('OPTIONS', own(), { body: padding }));
    await pause(0);
    if (i > 20_000) throw new Error('it is never behind');
  }
  const asked = Array.from({ length: 4 }, () => peer.request('OPTIONS', own()));
  for (const request of asked) peer.send(request);
  const { message } = await peer.getResponse(503, 'OPTIONS');
  expect(Number(message.headers.get('retry-after'))).toBeGreaterThanOrEqual(3);
  for (let i = 0; i < 20; i++) {
    const request = peer.request('MESSAGE', own());
    peer.send(request);
    expect((await peer.getFinal(request)).status).toBe(202);
  }
  expect(server.stats().overload).toMatchObject({ share: 0, refused: 0 });
  expect(server.stats().overload!.refusedForApplications).toBeGreaterThanOrEqual(2);

  // It reads again: what waited is served, and so is what comes.
  socketOf(stuck).resume();
  await eventually('room again', () => (server.stats().overload!.applicationShare === 0 ? true : undefined), 10_000);
  const request = peer.request('OPTIONS', own());
  peer.send(request);
  expect((await peer.getFinal(request)).status).toBe(200);
});

strictly('not switched on, nothing is refused', async () => {
  server = await startServer({}, { busy: () => 1, waited: () => 600 });
  peer = await SipPeer.udp(server.udp);
  apps.push(await startApp(server, (srf) => srf.options((_req, res) => res.send(200))));
  for (let i = 0; i < 30; i++) {
    const request = peer.request('OPTIONS', own());
    peer.send(request);
    expect((await peer.getFinal(request)).status).toBe(200);
    await pause(10);
  }
  expect(server.stats().overload).toBeUndefined();
});
