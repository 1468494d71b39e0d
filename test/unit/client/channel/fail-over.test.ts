/** Which server is spoken to when there are several, and over IPv6: real sockets on loopback. */
import { createSocket, type Socket } from 'node:dgram';
import type { ChannelEvents } from '../../../../client/sip/channel';
import { channelOpener } from '../../../../client/node/channel/open';
import { FailedPlaces } from '../../../../client/node/channel/failed-places';
import { staged, type Stage } from '../../../support/stage';
import { eventually } from '../../../support/wait';

const TEXT = 'OPTIONS sip:b SIP/2.0\r\nContent-Length: 0\r\n\r\n';
const never = new AbortController().signal;

function listener(): ChannelEvents & { messages: string[]; problems: string[] } {
  const [messages, problems]: [string[], string[]] = [[], []];
  return { messages, problems, message: (text) => void messages.push(text), pong: () => undefined, closed: (problem) => void problems.push(problem) };
}

/** Says back what it hears. */
async function echo(stage: Stage, address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (data, from) => socket.send(data, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  stage.own({ close: () => new Promise<void>((resolve) => socket.close(() => resolve())) });
  return socket;
}

test('over UDP the second server of the SRV records is taken when nobody listens at the first', ...staged(async (stage) => {
  const second = (await echo(stage, '127.0.0.1')).address().port;
  const gone = createSocket('udp4');
  await new Promise<void>((resolve) => gone.bind(0, '127.0.0.1', resolve));
  const first = gone.address().port;
  await new Promise<void>((resolve) => gone.close(() => resolve()));
  const opener = channelOpener({
    names: {
      srv: () => Promise.resolve([{ name: 'a.test', port: first, priority: 1, weight: 0 }, { name: 'b.test', port: second, priority: 2, weight: 0 }]),
      addresses: () => Promise.resolve(['127.0.0.1']),
    },
  });
  const open = async () => {
    const events = listener();
    const channel = await opener({ protocol: 'UDP', host: 'pbx.test' }, events, never);
    stage.own({ close: () => channel.close() });
    channel.send(TEXT);
    return { channel, events };
  };
  const before = await open();
  expect(before.channel.remote.port).toBe(first);
  await eventually('the loss to be told', () => before.events.problems.length === 1);
  const after = await open();
  expect(after.channel.remote.port).toBe(second);
  await eventually('an answer', () => after.events.messages.length === 1);
}));

test('when all have failed, the first is tried again', () => {
  const [a, b] = [{ host: '192.0.2.1', port: 5060 }, { host: '192.0.2.2', port: 5060 }];
  const failed = new FailedPlaces();
  failed.add(a);
  expect(failed.inOrder([a, b])).toEqual([b, a]);
  failed.add(b);
  expect(failed.inOrder([a, b])).toEqual([a, b]);
});

test('UDP over IPv6', ...staged(async (stage) => {
  const { port } = (await echo(stage, '::1')).address();
  const events = listener();
  const channel = await channelOpener()({ protocol: 'UDP', host: '::1', port }, events, never);
  stage.own({ close: () => channel.close() });
  expect(channel.local?.host).toBe('::1');
  channel.send(TEXT);
  await eventually('an answer', () => events.messages.length === 1);
}));
