/** The feed: what is sent where, and what becomes of it when nobody takes it. On sockets of this machine. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Capture, type CaptureOptions } from '../../../../signaling/engine/observe/capture';
import { FakeClock } from '../../../support/fake-clock';
import { eventually } from '../../../support/wait';
import { readHep } from './hep-decoder';
import { flow, message } from './support';

const open: Array<() => void> = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

async function collector(): Promise<{ port: number; got: Buffer[]; socket: Socket }> {
  const socket = createSocket('udp4');
  const got: Buffer[] = [];
  socket.on('message', (data) => void got.push(data));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push(() => socket.close());
  return { port: (socket.address() as AddressInfo).port, got, socket };
}

function feed(options: CaptureOptions): { capture: Capture; clock: FakeClock; warnings: string[] } {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const log = { debug: () => undefined, info: () => undefined, warn: (_: object, text: string) => void warnings.push(text), error: () => undefined };
  const capture = new Capture(options, { clock, log, localAddress: ({ local }) => local.address });
  open.push(() => capture.close());
  return { capture, clock, warnings };
}

const options = message('OPTIONS sip:a SIP/2.0', '1 OPTIONS');

/** The feed knows its collector once it has asked the system for the address. */
async function ready(capture: Capture): Promise<void> {
  await eventually('the feed', () => {
    capture.copy('probe', options, flow(), false, 0);
    return capture.stats().sent > 0;
  });
}

test('received and sent, with both ends the right way round', async () => {
  const { port, got } = await collector();
  const { capture } = feed({ host: '127.0.0.1', port, id: 7, key: 'sesame' });
  await ready(capture);
  await eventually('the first', () => got.length > 0);
  got.length = 0;
  capture.copy('c1', options, flow('udp'), false, 1000.25);
  capture.copy('c1', options, flow('wss', { address: '2001:db8::7', port: 9 }, { address: '2001:db8::1', port: 443 }), true, 2000.5);
  await eventually('two datagrams', () => got.length === 2);
  expect(got.map(readHep)).toMatchObject([
    { family: 2, ipProtocol: 17, source: '192.0.2.7 5062', destination: '192.0.2.1 5060', at: 1000.25, captureId: 7, key: 'sesame', callId: 'c1', text: options.toString() },
    { family: 10, ipProtocol: 6, source: '2001:0db8:0000:0000:0000:0000:0000:0001 443', destination: '2001:0db8:0000:0000:0000:0000:0000:0007 9', at: 2000.5 },
  ]);
});

test('before the address is known copies are dropped and counted', async () => {
  const { port } = await collector();
  const { capture } = feed({ host: '127.0.0.1', port });
  capture.copy('c', options, flow(), false, 0);
  expect(capture.stats()).toMatchObject({ sent: 0, droppedWithoutAddress: 1 });
  await ready(capture);
});

test('a name that leads nowhere is said once and tried again', async () => {
  const { capture, clock, warnings } = feed({ host: 'collector.invalid', port: 9060 });
  await eventually('the complaint', () => warnings.length === 1, 15_000);
  expect(warnings[0]).toContain('every 30 s');
  capture.copy('c', options, flow(), false, 0);
  expect(capture.stats()).toMatchObject({ sent: 0, droppedWithoutAddress: 1 });
  clock.advance(30_000);
  await eventually('the next complaint', () => warnings.length === 2, 15_000);
  capture.close();
  expect(clock.waiting).toBe(0);
});

test('a collector that is away costs nothing but a count, and is served when it is back', async () => {
  const { port, socket, got } = await collector();
  open.pop();
  const { capture } = feed({ host: '127.0.0.1', port });
  await ready(capture);
  await eventually('the first', () => got.length > 0);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  await eventually('a refusal', () => {
    capture.copy('c', options, flow(), false, 0);
    return capture.stats().failed > 0;
  });
  const back = createSocket('udp4');
  open.push(() => back.close());
  let heard = 0;
  back.on('message', () => heard++);
  back.bind(port, '127.0.0.1');
  await once(back, 'listening');
  await eventually('the feed again', () => {
    capture.copy('c', options, flow(), false, 0);
    return heard > 0;
  });
});

test('what no datagram carries is dropped and counted, and so is everything after the end', async () => {
  const { port } = await collector();
  const { capture } = feed({ host: '127.0.0.1', port });
  await ready(capture);
  for (const bytes of [65_400, 65_500, 70_000]) capture.copy('c', Buffer.alloc(bytes, 0x61), flow('tcp'), false, 0);
  expect(capture.stats().droppedTooLarge).toBe(2);
  capture.close();
  capture.close();
  capture.copy('c', options, flow(), false, 0);
  expect(capture.stats().droppedWithoutAddress).toBeGreaterThan(0);
});
