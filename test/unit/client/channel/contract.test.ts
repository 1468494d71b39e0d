/** What every channel does, whatever it runs over: real sockets on loopback. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { WebSocketServer } from 'ws';
import { LastingProblem, type Channel, type ChannelEvents, type HostPort, type Protocol } from '../../../../client/sip/channel';
import { channelOpener } from '../../../../client/node/channel/open';
import type { Names } from '../../../../client/node/channel/resolve';
import { Stage, staged } from '../../../support/stage';
import { eventually } from '../../../support/wait';

const MESSAGE = 'OPTIONS sip:ä@b SIP/2.0\r\nVia: SIP/2.0/X c;branch=z9hG4bK1\r\nContent-Length: 3\r\n\r\nä\n';

/** The other end: says back what it hears, and notes it. */
interface Far {
  port: number;
  heard: string[];
  /** The ports that it was spoken to from, one a connection or datagram. */
  callers: Array<number | undefined>;
  say(text: string): void;
  /** Everybody is cut off, nobody new is taken. */
  end(): Promise<void>;
}

function certificate(stage: Stage): { key: Buffer; cert: Buffer; file: string } {
  const folder = stage.path('certificate');
  mkdirSync(folder);
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert), file: cert };
}

async function udp(stage: Stage, port = 0): Promise<Far> {
  const socket = createSocket('udp4');
  const heard: string[] = [];
  const callers: Far['callers'] = [];
  let peer: HostPort | undefined;
  socket.on('message', (data, from) => {
    callers.push(from.port);
    peer = { host: from.address, port: from.port };
    heard.push(String(data));
    if (data.length > 4) socket.send(data, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  let open = true;
  const end = (): Promise<void> => new Promise((resolve) => (open ? ((open = false), socket.close(() => resolve())) : resolve()));
  stage.own({ close: end });
  return { port: socket.address().port, heard, callers, say: (text) => peer && socket.send(text, peer.port, peer.host), end };
}

async function stream(stage: Stage, tls: { key: Buffer; cert: Buffer } | undefined, port = 0): Promise<Far> {
  const sockets = new Set<Socket>();
  const heard: string[] = [];
  const callers: Far['callers'] = [];
  const accept = (socket: Socket): void => {
    callers.push(socket.remotePort);
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      heard.push(String(data));
      socket.write(String(data) === '\r\n\r\n' ? '\r\n' : data);
    });
  };
  const server = tls ? createTls(tls, accept) : createTcp(accept);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const end = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  stage.own({ close: end });
  return { port: (server.address() as AddressInfo).port, heard, callers, say: (text) => sockets.forEach((socket) => socket.write(text)), end };
}

async function webSocket(stage: Stage, tls: { key: Buffer; cert: Buffer } | undefined, port = 0): Promise<Far> {
  const heard: string[] = [];
  const callers: Far['callers'] = [];
  const http = tls ? createHttps(tls) : (await import('node:http')).createServer();
  const server = new WebSocketServer({ server: http, handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false), path: '/sip' });
  server.on('connection', (socket, request) => {
    callers.push(request.socket.remotePort);
    socket.on('message', (data) => {
      heard.push(String(data));
      socket.send(String(data));
    });
    socket.on('ping', () => heard.push('ping'));
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const end = (): Promise<void> =>
    new Promise((resolve) => {
      http.close(() => resolve());
      for (const client of server.clients) client.terminate();
      http.closeAllConnections();
    });
  stage.own({ close: end });
  return { port: (http.address() as AddressInfo).port, heard, callers, say: (text) => server.clients.forEach((client) => client.send(text)), end };
}

function listener(): ChannelEvents & { messages: string[]; pongs: number; problems: string[] } {
  const events = {
    messages: [] as string[],
    pongs: 0,
    problems: [] as string[],
    message: (text: string) => void events.messages.push(text),
    pong: () => void events.pongs++,
    closed: (problem: string) => void events.problems.push(problem),
  };
  return events;
}

const never = new AbortController().signal;

/** Resolves when one of so many attempts does; rejects as the last one did. */
async function oneOf(attempts: number, attempt: () => Promise<void>): Promise<void> {
  for (let left = attempts; left > 1; left--) {
    try {
      return await attempt();
    } catch {
      // the next one
    }
  }
  return attempt();
}


describe.each(['UDP', 'TCP', 'TLS', 'WS', 'WSS'] as const)('%s', (protocol: Protocol) => {
  const secure = protocol === 'TLS' || protocol === 'WSS';
  const serve = (stage: Stage, made: { key: Buffer; cert: Buffer } | undefined, port = 0): Promise<Far> =>
    protocol === 'UDP' ? udp(stage, port) : protocol === 'TCP' || protocol === 'TLS' ? stream(stage, made, port) : webSocket(stage, made, port);
  const far = async (stage: Stage): Promise<{ far: Far; caFile: string | undefined }> => {
    const made = secure ? certificate(stage) : undefined;
    return { far: await serve(stage, made), caFile: made?.file };
  };
  const open = async (stage: Stage, port: number, caFile: string | undefined, events: ChannelEvents, host = '127.0.0.1', names?: Names): Promise<Channel> => {
    const channel = await channelOpener({ tls: { caFile }, names, chance: () => 0 })({ protocol, host, port: port || undefined, path: '/sip' }, events, never);
    return stage.own(channel as Channel & { close(): void });
  };

  test(
    'carries messages both ways, whole, and knows both addresses',
    ...staged(async (stage) => {
      const { far: server, caFile } = await far(stage);
      const events = listener();
      const channel = await open(stage, server.port, caFile, events);
      channel.send(MESSAGE);
      channel.send(MESSAGE);
      await eventually('both came back', () => events.messages.length === 2);
      expect(events.messages).toEqual([MESSAGE, MESSAGE]);
      expect(channel).toMatchObject({ protocol, reliable: protocol !== 'UDP', remote: { host: '127.0.0.1', port: server.port } });
      if (protocol.startsWith('WS')) expect(channel.local).toBeUndefined();
      else expect(channel.local).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) as number });
    }),
  );

  test(
    'when the server was gone and is back, it hears us from the same port as before',
    // between the two the port is anybody's: another program on this machine may have taken it, and then another one is right
    ...staged((stage) => oneOf(3, async () => {
      const made = secure ? certificate(stage) : undefined;
      const opener = channelOpener({ tls: { caFile: made?.file } });
      const say = async (to: Far): Promise<{ channel: Channel; problems: string[] }> => {
        const events = listener();
        const channel = await opener({ protocol, host: '127.0.0.1', port: to.port, path: '/sip' }, events, never);
        stage.own({ close: () => channel.close() });
        channel.send(MESSAGE);
        await eventually('an answer', () => events.messages.length === 1);
        return { channel, problems: events.problems };
      };
      const before = await serve(stage, made);
      const { channel, problems } = await say(before);
      await before.end();
      if (protocol === 'UDP') channel.send(MESSAGE);
      await eventually('the loss to be told', () => problems.length === 1);
      const port = before.callers[0];
      if (protocol !== 'UDP') await expect(opener({ protocol, host: '127.0.0.1', port: before.port, path: '/sip' }, listener(), never)).rejects.toThrow('connection refused');
      const after = await serve(stage, made, before.port);
      await say(after);
      expect(after.callers).toEqual([port]);
      // a second one beside it has another
      await say(after);
      expect(after.callers[1]).not.toBe(port);
    })),
  );

  test(
    'pings, and hears the answer where there is one',
    ...staged(async (stage) => {
      const { far: server, caFile } = await far(stage);
      const events = listener();
      (await open(stage, server.port, caFile, events)).ping();
      await eventually('the ping', () => server.heard.length > 0);
      expect(server.heard[0]).toBe(protocol.startsWith('WS') ? 'ping' : '\r\n\r\n');
      if (protocol !== 'UDP') await eventually('the pong', () => events.pongs === 1);
    }),
  );

  test(
    'says once, in a sentence, that the far end has gone; and nothing when it was closed here',
    ...staged(async (stage) => {
      const { far: server, caFile } = await far(stage);
      const [lost, closed] = [listener(), listener()];
      const channel = await open(stage, server.port, caFile, lost);
      const other = await open(stage, server.port, caFile, closed);
      channel.send(MESSAGE);
      await eventually('it works', () => lost.messages.length === 1);
      other.close();
      other.close();
      other.send(MESSAGE);
      await server.end();
      // UDP learns it from the system, when something is sent to where nobody listens.
      await eventually('the loss', () => {
        channel.send(MESSAGE);
        return lost.problems.length === 1;
      });
      expect(lost.problems).toEqual([expect.stringMatching(new RegExp(`^the connection to 127\\.0\\.0\\.1:${server.port} over ${protocol} was lost: [a-z]`))]);
      expect(closed.problems).toEqual([]);
    }),
  );

  test(
    'a name leads to the next place when the first does not answer',
    ...staged(async (stage) => {
      const { far: server, caFile } = await far(stage);
      const events = listener();
      const dead = await stage.port();
      const asked: string[] = [];
      const names: Names = {
        srv: (name) => {
          asked.push(name);
          return Promise.resolve([
            { name: 'localhost.', port: server.port, priority: 2, weight: 0 },
            { name: 'localhost', port: dead, priority: 1, weight: 0 },
          ] as never);
        },
        addresses: (name) => (name.startsWith('localhost') ? Promise.resolve(['127.0.0.1']) : Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))),
      };
      if (protocol === 'WS' || protocol === 'WSS') {
        await expect(open(stage, 0, caFile, events, 'pbx.test', names)).rejects.toThrow(/^cannot connect to pbx\.test over WSS?: that name is not known/);
        return;
      }
      // The certificate is for localhost, not for the domain that was asked for: TLS says so rather than connect (RFC 5922 §4).
      if (protocol === 'TLS') {
        const refused = open(stage, 0, caFile, events, 'pbx.test', names);
        await expect(refused).rejects.toThrow(/certificate is not trusted, as it is for another name \(127\.0\.0\.1, localhost, not pbx\.test\): use a name that it is for/);
        // At the other place nobody listens, which may pass.
        await expect(refused).rejects.not.toBeInstanceOf(LastingProblem);
      } else {
        const channel = await open(stage, 0, caFile, events, 'pbx.test', names);
        // UDP cannot know before it sends.
        expect(channel.remote.port).toBe(protocol === 'UDP' ? dead : server.port);
      }
      expect(asked).toEqual([{ UDP: '_sip._udp.pbx.test', TCP: '_sip._tcp.pbx.test', TLS: '_sips._tcp.pbx.test' }[protocol]]);
    }),
  );

  if (protocol === 'UDP') {
    test(
      'hears from anybody, and answers to anybody',
      ...staged(async (stage) => {
        const { far: server } = await far(stage);
        const stranger = await udp(stage);
        const events = listener();
        const channel = await open(stage, server.port, undefined, events);
        channel.send(MESSAGE, { host: '127.0.0.1', port: stranger.port });
        await eventually('the stranger', () => events.messages.length === 1);
        expect([stranger.heard.length, server.heard.length]).toEqual([1, 0]);
        channel.send('x'.repeat(70_000));
        channel.send(MESSAGE);
        await eventually('too long a message was not sent, and harmed nothing', () => server.heard.length === 1);
        expect(server.heard).toEqual([MESSAGE]);
        expect(events.problems).toEqual([]);
      }),
    );
    return;
  }

  test(
    'nobody listens: a sentence',
    ...staged(async (stage) => {
      const made = secure ? certificate(stage) : undefined;
      const port = await stage.port();
      await expect(open(stage, port, made?.file, listener())).rejects.toThrow(`cannot connect to 127.0.0.1:${port} over ${protocol}: connection refused, so nothing listens there; check that the server runs and that the port is right`);
    }),
  );

  test(
    'whoever waits no longer gets its own reason',
    ...staged(async (stage) => {
      // Takes connections and says nothing; for plain TCP the look-up of a name never ends.
      const silent = createTcp(() => undefined);
      const held: Socket[] = [];
      silent.on('connection', (socket) => void held.push(socket));
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      stage.own({
        close: () => {
          held.forEach((socket) => socket.destroy());
          silent.close();
        },
      });
      const abort = new AbortController();
      const names: Names = { srv: () => new Promise(() => undefined), addresses: () => new Promise(() => undefined) };
      const host = protocol === 'TCP' ? 'slow.test' : '127.0.0.1';
      const work = channelOpener({ names })({ protocol, host, port: (silent.address() as AddressInfo).port }, listener(), abort.signal);
      work.catch(() => undefined);
      if (protocol !== 'TCP') await eventually('connected', () => held.length > 0);
      abort.abort(new Error('no answer within 10 seconds'));
      await expect(work).rejects.toThrow(/^cannot connect to .+ over .+: no answer within 10 seconds$/);
    }),
  );

  if (!secure) return;
  test(
    'a certificate that nobody vouches for is refused, with what to do; unless it is to be taken',
    ...staged(async (stage) => {
      const { far: server } = await far(stage);
      await expect(open(stage, server.port, undefined, listener())).rejects.toThrow(/certificate is not trusted, as it is self-signed: name the file of that certificate as one to trust \(--ca/);
      const channel = await channelOpener({ tls: { insecure: true } })({ protocol, host: '127.0.0.1', port: server.port, path: '/sip' }, listener(), never);
      channel.close();
    }),
  );
});
