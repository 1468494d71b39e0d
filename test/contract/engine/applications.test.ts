/** Applications on the control port: tags, turns, TLS, going away and coming back, falling behind, and what they are told of calls (CDRs). */
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import Srf from 'drachtio-srf';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { SipPeer, PeerDialog, sdp } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { problems, secret, socketOf, startApp, startServer, strictly, type AppUnderTest, type ServerUnderTest, type TestDialog, type TestMessage, type TestSrf } from './harness';

const stage = new Stage();
let server: ServerUnderTest;
let peer: SipPeer;
const apps: AppUnderTest[] = [];

async function serve(control: object = {}): Promise<void> {
  server = await startServer({ control: { port: 0, secret, ...control } });
  peer = await SipPeer.udp(server.udp);
}

/** An application with these settings of `srf.connect`. */
async function join(settings: object, prepare: (srf: TestSrf) => void): Promise<AppUnderTest> {
  const app = await startApp({ ...server, control: { ...server.control, ...settings } }, prepare);
  apps.push(app);
  return app;
}

afterEach(async () => {
  for (const app of apps.splice(0)) app.close();
  await peer.close();
  await server.close();
  expect(problems).toEqual([]);
});

afterAll(() => stage.close());

const own = (): string => `sip:bob@127.0.0.1:${server.udp.port}`;

/** A call that an application answers, as the caller has it. */
async function call(): Promise<PeerDialog> {
  const invite = peer.request('INVITE', own(), { body: sdp() });
  peer.send(invite);
  const dialog = PeerDialog.caller(peer, invite, await peer.getResponse(200, 'INVITE'));
  dialog.ack();
  return dialog;
}

/** Answers calls; what becomes of their dialogs is noted. */
function answering(notes: string[], name: string): (srf: TestSrf) => void {
  return (srf) =>
    srf.invite((req, res) => {
      notes.push(`${name} answers`);
      void srf.createUAS(req, res, { localSdp: sdp(40002) }).then((dialog) => noteDialog(dialog, notes, name));
    });
}

function noteDialog(dialog: TestDialog, notes: string[], name: string): void {
  notes.push(`${name} has the dialog`);
  dialog.on('info', (_req: TestMessage, res: { send(status: number): void }) => {
    notes.push(`${name} hears INFO`);
    res.send(200);
  });
  dialog.on('destroy', () => notes.push(`${name} hears the end`));
}

describe('turns', () => {
  test('requests go round among those that want the method; a dialog stays where it was made', async () => {
    await serve();
    const notes: string[] = [];
    await join({}, answering(notes, 'first'));
    await join({}, answering(notes, 'second'));
    await join({}, (srf) => srf.options((_req, res) => res.send(200)));
    for (let i = 0; i < 4; i++) {
      const dialog = await call();
      dialog.send('INFO');
      await peer.getResponse(200, 'INFO');
      dialog.send('BYE');
      await peer.getResponse(200, 'BYE');
    }
    await eventually('every end', () => notes.filter((note) => note.endsWith('the end')).length === 4);
    const makers = notes.filter((note) => note.endsWith('answers')).map((note) => note.split(' ')[0]!);
    expect(makers[0]).not.toBe(makers[1]);
    expect([makers[2], makers[3]]).toEqual([makers[0], makers[1]]);
    expect(notes.filter((note) => note.endsWith('INFO'))).toEqual(makers.map((name) => `${name} hears INFO`));
  });

  strictly('a verb that is taken back is not asked for any more, the others are', async () => {
    await serve();
    const asked: string[] = [];
    const app = await join({}, (srf) => {
      srf.options((_req, res) => (asked.push('options'), res.send(200)));
      srf.message((_req, res) => (asked.push('message'), res.send(200)));
    });
    (app.srf as unknown as { _app: { client: { removeRoute(verb: string): void } } })._app.client.removeRoute('message');
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(200, 'OPTIONS');
    peer.send(peer.request('MESSAGE', own()));
    await peer.getResponse(503, 'MESSAGE');
    expect(asked).toEqual(['options']);
  });
});

describe('over TLS', () => {
  let certificate: Certificate;
  beforeAll(async () => {
    certificate = await makeCertificate(stage);
  });
  const secure = (): number => (server.control as unknown as { tls: { port: number } }).tls.port;

  strictly('an application connects with srf.connect({ tls }), and is served as any other', async () => {
    await serve({ tls: { port: 0, certificate: certificate.certificate, key: certificate.key } });
    await join({ port: secure(), tls: { ca: readFileSync(certificate.ca) } }, (srf) => srf.options((_req, res) => res.send(200)));
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(200, 'OPTIONS');
  });

  strictly('an application without a certificate is turned away where one is asked for', async () => {
    await serve({ tls: { port: 0, certificate: certificate.certificate, key: certificate.key, authorities: certificate.ca } });
    const bare = connectTls({ port: secure(), host: '127.0.0.1', ca: readFileSync(certificate.ca) });
    bare.on('error', () => undefined);
    await new Promise<void>((resolve) => bare.once('close', () => resolve()));
    expect(server.stats().control).toMatchObject({ connections: 0, counters: { handshakeFailures: 1 } });
    const { cert, key } = { cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) };
    await join({ port: secure(), tls: { ca: readFileSync(certificate.ca), cert, key } }, (srf) => srf.options((_req, res) => res.send(200)));
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(200, 'OPTIONS');
  });

  strictly('plain text and old TLS are no way in', async () => {
    await serve({ tls: { port: 0, certificate: certificate.certificate, key: certificate.key } });
    const srf = new Srf() as unknown as TestSrf;
    srf.on('error', () => undefined);
    srf.connect({ ...server.control, tls: undefined, port: secure(), reconnect: { maxAttempts: 1 } });
    await eventually('plain text to fail', () => server.stats().control.counters.handshakeFailures === 1);
    const old = connectTls({ port: secure(), host: '127.0.0.1', ca: readFileSync(certificate.ca), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const refused = await new Promise<boolean>((resolve) => {
      old.once('error', () => resolve(true));
      old.once('secureConnect', () => resolve(false));
    });
    expect(refused).toBe(true);
    await eventually('old TLS to be counted', () => server.stats().control.counters.handshakeFailures === 2);
  });

  strictly('a certificate that cannot be read keeps the engine from starting, and says which file', async () => {
    await serve();
    await expect(startServer({ control: { port: 0, secret, tls: { port: 0, certificate: '/nowhere/cert.pem', key: certificate.key } } })).rejects.toMatchObject({
      name: 'EngineStartError',
      setting: 'engine.tlsCertificate',
      message: expect.stringContaining('/nowhere/cert.pem') as string,
    });
  });
});

describe('going away and coming back', () => {
  strictly('under the same tags: dialogs are handed back, and requests in them delivered', async () => {
    await serve({ graceSeconds: 5 });
    const notes: string[] = [];
    const app = await join({ tags: ['blue'] }, answering(notes, 'blue'));
    await join({ tags: ['red'] }, (srf) => srf.options((_req, res) => res.send(200)));
    const dialog = await call();
    await eventually('the dialog', () => notes.includes('blue has the dialog'));

    // drachtio-srf comes back by itself a quarter of a second after its connection was lost.
    lose(app);
    await eventually('the loss to be seen', () => server.stats().core.counters.orphanedDialogs === 1);
    dialog.send('INFO');
    const { message } = await peer.getResponse(503, 'INFO');
    expect(Number(message.headers.get('retry-after'))).toBeGreaterThan(0);
    await eventually('the application to be back', () => server.stats().core.counters.returnedDialogs === 1);
    dialog.send('INFO');
    await peer.getResponse(200, 'INFO');
    dialog.send('BYE');
    await peer.getResponse(200, 'BYE');
    await eventually('the end', () => notes.length === 4);
    expect(notes).toEqual(['blue answers', 'blue has the dialog', 'blue hears INFO', 'blue hears the end']);
    expect(peer.countRequests('BYE')).toBe(0);
  });

  strictly('a BYE in the meantime is answered, and the application learns of it', async () => {
    await serve({ graceSeconds: 5 });
    const notes: string[] = [];
    const app = await join({ tags: ['blue'] }, answering(notes, 'blue'));
    const dialog = await call();
    await eventually('the dialog', () => notes.includes('blue has the dialog'));
    lose(app);
    await eventually('the loss to be seen', () => server.stats().core.counters.orphanedDialogs === 1);
    dialog.send('BYE');
    await peer.getResponse(200, 'BYE');
    await eventually('the application to hear of it', () => notes.includes('blue hears the end'));
  });

  strictly('whoever does not come back has its calls ended with BYE, its INVITE answered', async () => {
    await serve({ graceSeconds: 0.3 });
    const notes: string[] = [];
    const app = await join({ tags: ['blue'] }, answering(notes, 'blue'));
    await call();
    await eventually('the dialog', () => notes.includes('blue has the dialog'));
    app.close();
    const bye = await peer.getRequest('BYE');
    expect(bye.message.headers.get('reason')).toContain('the application is gone');
    peer.reply(bye, 200);
    expect(server.stats().core).toMatchObject({ dialogs: 0, counters: { orphanedDialogs: 1, orphansEnded: 1, returnedDialogs: 0 } });
  });
});

describe('call records', () => {
  /** Every record as `event source detail METHOD-or-status`. */
  function recording(records: string[]): (srf: TestSrf) => void {
    return (srf) => {
      const note =
        (event: string) =>
        (source: string, time: string, ...rest: unknown[]): void => {
          const message = rest.at(-1) as { method?: string; status?: number; get(name: string): string };
          expect(time).toMatch(/^\d\d:\d\d:\d\d\.\d{6}$/);
          expect(message.get('call-id')).toBeTruthy();
          const detail = rest.length > 1 ? `${String(rest[0])} ` : '';
          records.push(`${event} ${source} ${detail}${message.method ?? message.status}`);
        };
      for (const event of ['attempt', 'start', 'stop']) srf.on(`cdr:${event}`, note(event));
    };
  }

  strictly('of calls to us: answered, refused, cancelled, refused for want of an application', async () => {
    await serve();
    const records: string[] = [];
    await join({}, recording(records));
    const expected = (...lines: string[]): Promise<void> =>
      eventually(`${lines.join(', ')}; there are: ${records.join(', ')}`, () => records.length >= lines.length).then(() => expect(records.splice(0)).toEqual(lines));
    peer.send(peer.request('INVITE', own(), { body: sdp() }));
    await peer.getResponse(503, 'INVITE');
    await expected('attempt network INVITE', 'stop application call-rejected 503');

    let answer = 200;
    const app = await join({}, (srf) =>
      srf.invite((req, res) => {
        if (answer === 200) void srf.createUAS(req, res, { localSdp: sdp(40002) });
        else if (answer > 100) res.send(answer);
      }),
    );
    const dialog = await call();
    await expected('attempt network INVITE', 'start application uas 200');
    dialog.send('BYE');
    await peer.getResponse(200, 'BYE');
    await expected('stop network normal-release BYE');

    answer = 486;
    peer.send(peer.request('INVITE', own(), { body: sdp() }));
    await peer.getResponse(486, 'INVITE');
    await expected('attempt network INVITE', 'stop application call-rejected 486');

    answer = 180;
    const invite = peer.request('INVITE', own(), { body: sdp() });
    peer.send(invite);
    await peer.getResponse(180, 'INVITE');
    const { headers } = invite;
    peer.send(peer.request('CANCEL', own(), { from: headers.get('from')!, to: headers.get('to')!, callId: invite.callId, headers: { Via: headers.get('via')! } }));
    await peer.getResponse(487, 'INVITE');
    await expected('attempt network INVITE', 'stop network call-canceled INVITE');

    answer = 100;
    const open = peer.request('INVITE', own(), { body: sdp() });
    peer.send(open);
    await eventually('the INVITE', () => records.length === 1);
    app.close();
    await peer.getResponse(503, 'INVITE');
    await expected('attempt network INVITE', 'stop application call-rejected 503');
  });

  strictly('of calls that the application makes', async () => {
    await serve();
    const records: string[] = [];
    const app = await join({}, recording(records));
    const expected = (...lines: string[]): Promise<void> =>
      eventually(`${lines.join(', ')}; there are: ${records.join(', ')}`, () => records.length >= lines.length).then(() => expect(records.splice(0)).toEqual(lines));
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    peer.reply(await peer.getRequest('INVITE'), 200, { body: sdp() });
    const dialog = await made;
    await expected('attempt application INVITE', 'start network uac 200');
    const ended = dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
    await ended;
    await expected('stop application normal-release BYE');

    const refused = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    peer.reply(await peer.getRequest('INVITE'), 603);
    await expect(refused).rejects.toMatchObject({ status: 603 });
    await expected('attempt application INVITE', 'stop network call-rejected 603');
  });
});

strictly('an application that does not read is behind, is passed over, and is given up when too much waits for it', async () => {
  await server?.close().catch(() => undefined);
  server = await startServer({ control: { port: 0, secret, behindBytes: 20_000 }, limits: { maxControlBufferBytes: 400_000 } });
  peer = await SipPeer.udp(server.udp);
  const busy = await join({}, (srf) => srf.options((_req, res) => res.send(200)));
  socketOf(busy).pause();
  const padding = 'x'.repeat(8_000);
  const flood = async (until: () => boolean): Promise<void> => {
    for (let i = 0; !until(); i++) {
      peer.send(peer.request('OPTIONS', own(), { body: padding }));
      if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
      if (i > 20_000) throw new Error('it is never behind');
    }
  };
  await flood(() => server.stats().control.behind === 1);
  expect(server.stats().control).toMatchObject({ counters: { fellBehind: 1 } });
  expect(server.stats().control.waitingBytes).toBeGreaterThan(20_000);

  // One that reads is asked instead, every time.
  let served = 0;
  await join({}, (srf) => srf.options((_req, res) => (served++, res.send(200))));
  for (let i = 0; i < 5; i++) {
    const options = peer.request('OPTIONS', own(), { headers: { 'X-Wanted': 'yes' } });
    peer.send(options);
    await eventually('its answer', () => served > i);
  }
  apps.at(-1)!.close();
  await flood(() => server.stats().control.counters.slowReaders === 1);
  expect(problems.splice(0).join()).toContain('the application does not read');
});

/** The connection breaks, and drachtio-srf does not know why. */
function lose(app: AppUnderTest): void {
  socketOf(app).destroy();
}
