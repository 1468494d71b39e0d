import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseMessage } from '../../../signaling/engine/wire/parser';
import { node, ROOT } from './in-node';

const ping = (port: number) => node([join(ROOT, 'docker', 'ping.mjs'), '127.0.0.1', String(port)]);

describe("the container's health check", () => {
  it('asks in valid SIP and is content with an answer', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const asked = new Promise<Buffer>((resolve) =>
      server.once('message', (data: Buffer, from) => {
        resolve(data);
        server.send('SIP/2.0 200 OK\r\n\r\n', from.port, from.address);
      }),
    );
    const ended = await ping((server.address() as AddressInfo).port);
    expect([ended.status, ended.out]).toEqual([0, 'SIP/2.0 200 OK\n']);
    const request = parseMessage(await asked, { maxMessageBytes: 65_535, maxHeaders: 100 });
    expect(request.cseq).toEqual({ seq: 1, method: 'OPTIONS' });
    server.close();
  });

  it('is not content where nobody listens', async () => {
    const closed = createSocket('udp4');
    closed.bind(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const ended = await ping(port);
    expect([ended.status, ended.out]).toEqual([1, '']);
    expect(ended.err).not.toBe('');
  });
});
