/** The connection's life and where messages go, on a clock that the test moves and channels that only note. */
import { LastingProblem, type Channel, type ChannelEvents, type HostPort, type Protocol, type Target } from '../../../../client/sip/channel';
import { PLACEHOLDER_HOST, SipTransport, type TransportNews } from '../../../../client/sip/transport';
import { FakeClock } from '../../../support/fake-clock';

interface Fake {
  target: Target;
  events: ChannelEvents;
  sent: Array<{ text: string; to: HostPort | undefined }>;
  pings: number;
  closed: boolean;
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function set(protocol: Protocol, server = true) {
  const target: Target | undefined = server ? { protocol, host: 'pbx.test' } : undefined;
  const clock = new FakeClock();
  const channels: Fake[] = [];
  const news: TransportNews[] = [];
  const box = { failWith: undefined as string | Error | undefined, silent: false };
  const transport = new SipTransport(undefined, {
    target,
    clock,
    chance: () => 0.5,
    onState: (one) => void news.push(one),
    open: (to, events) => {
      if (to.protocol === 'TCP' && box.silent) return new Promise<never>(() => undefined);
      if (box.failWith !== undefined) return Promise.reject(box.failWith instanceof Error ? box.failWith : new Error(box.failWith));
      const fake: Fake = { target: to, events, sent: [], pings: 0, closed: false };
      channels.push(fake);
      const reliable = to.protocol !== 'UDP';
      const channel: Channel = {
        protocol: to.protocol,
        reliable,
        local: to.protocol === 'WS' ? undefined : { host: '10.0.0.1', port: 40_000 + channels.length },
        remote: { host: '10.0.0.2', port: to.port ?? 5060 },
        send: (text, where) => void fake.sent.push({ text, to: where }),
        ping: () => void fake.pings++,
        close: () => void (fake.closed = true),
      };
      return Promise.resolve(channel);
    },
  });
  const states: string[] = [];
  transport.stateChange.addListener((state) => void states.push(state));
  return { clock, channels, news, box, transport, states };
}

const request = (method: string, uri: string, branch: string, ...lines: string[]): string =>
  [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP ${PLACEHOLDER_HOST};branch=z9hG4bK${branch}`, `CSeq: 1 ${method}`, 'Call-ID: c', ...lines, 'Content-Length: 0', '', ''].join('\r\n');

test('a lost connection is told, and made again with growing pauses', async () => {
  const { clock, channels, news, box, transport, states } = set('TCP');
  await transport.connect();
  expect(states).toEqual(['Connecting', 'Connected']);
  const told: Array<Error | undefined> = [];
  transport.onDisconnect = (error) => void told.push(error);
  box.failWith = 'refused';
  channels[0]?.events.closed('gone');
  expect(transport.isConnected()).toBe(false);
  expect(told.map(String)).toEqual(['Error: gone']);
  await expect(transport.send(request('OPTIONS', 'sip:x', '1'))).rejects.toThrow('no connection');
  for (const ms of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    expect(news[news.length - 1]).toMatchObject({ event: 'disconnected', retryMs: ms });
    clock.advance(ms - 1);
    await settle();
    expect(transport.state).toBe('Disconnected');
    clock.advance(1);
    await settle();
  }
  box.failWith = undefined;
  clock.advance(30_000);
  await settle();
  expect(news[news.length - 1]).toMatchObject({ event: 'connected', protocol: 'TCP' });
  await transport.disconnect();
  expect(channels.every((channel) => channel.closed)).toBe(true);
  expect(clock.waiting).toBe(0);
});

test('the first attempt fails: told to whoever asked, and others follow until it is given up', async () => {
  const { clock, news, box, transport } = set('TCP');
  box.failWith = 'cannot connect';
  await expect(transport.connect()).rejects.toThrow('cannot connect');
  expect(news).toEqual([{ event: 'disconnected', problem: 'cannot connect', retryMs: 500, lasting: false }]);
  await transport.dispose();
  expect(clock.waiting).toBe(0);
});

test('what will not pass by itself is told as such, and tried again all the same', async () => {
  const { clock, news, box, transport } = set('TLS');
  box.failWith = new LastingProblem('it has expired');
  await expect(transport.connect()).rejects.toThrow('it has expired');
  expect(news).toEqual([{ event: 'disconnected', problem: 'it has expired', retryMs: 500, lasting: true }]);
  box.failWith = undefined;
  clock.advance(500);
  await settle();
  expect(transport.isConnected()).toBe(true);
  await transport.dispose();
});

test.each([
  ['that answered pings before', true],
  ['that never did', false],
])('a server %s and is silent', async (_name, answers) => {
  const { clock, channels, news, transport } = set('TCP');
  await transport.connect();
  clock.advance(1_000);
  expect(channels[0]?.pings).toBe(1);
  if (answers) channels[0]?.events.pong();
  clock.advance(27_500);
  expect(channels[0]?.pings).toBe(2);
  clock.advance(10_000);
  expect(transport.isConnected()).toBe(!answers);
  if (answers) expect(news[news.length - 1]).toMatchObject({ problem: 'the server has stopped answering' });
});

test('another network: a new channel at once, and our new address in what follows', async () => {
  const { clock, channels, transport } = set('TCP');
  await transport.connect();
  transport.replaceChannel();
  expect(channels[0]?.closed).toBe(true);
  clock.advance(0);
  await settle();
  expect(transport.isConnected()).toBe(true);
  await transport.send(request('REGISTER', 'sip:pbx.test', '1', `Contact: <sip:1@${PLACEHOLDER_HOST}>`));
  expect(channels[1]?.sent[0]?.text).toContain('Contact: <sip:1@10.0.0.1:40002;transport=tcp>');
});

test('states may not be asked for while one is told', async () => {
  const { transport } = set('TCP');
  let problem: unknown;
  transport.onConnect = () => {
    try {
      void transport.disconnect();
    } catch (error) {
      problem = error;
    }
  };
  await transport.connect();
  expect(String(problem)).toContain('disconnect()');
});

test('over a WebSocket the placeholder goes out as it is', async () => {
  const { channels, transport } = set('WS');
  await transport.connect();
  await transport.send(request('BYE', 'sip:b@9.9.9.9', '1', 'To: <sip:b>;tag=1', `Contact: <sip:1@${PLACEHOLDER_HOST};transport=ws>`));
  expect(channels[0]?.sent[0]?.text).toContain(`Via: SIP/2.0/WS ${PLACEHOLDER_HOST};branch=z9hG4bK1;rport\r\n`);
  expect(channels[0]?.sent[0]?.text).toContain(`<sip:1@${PLACEHOLDER_HOST};transport=ws>`);
});

describe('where messages go over UDP with a server', () => {
  test.each([
    ['a new request to the server', request('INVITE', 'sip:b@9.9.9.9', '1', 'To: <sip:b>'), undefined],
    ['its Route elsewhere', request('INVITE', 'sip:b@9.9.9.9', '1', 'To: <sip:b>', 'Route: <sip:8.8.8.8:5070;lr>'), { host: '8.8.8.8', port: 5070 }],
    ['in a dialog to the far end itself', request('BYE', 'sip:b@9.9.9.9:5066', '1', 'To: <sip:b>;tag=1'), { host: '9.9.9.9', port: 5066 }],
    ['in a dialog by the server', request('BYE', 'sip:b@9.9.9.9:5066', '1', 'To: <sip:b>;tag=1', 'Route: <sip:pbx.test;lr>'), undefined],
    ['a response to where it came from', 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.1.1.1:5;branch=z9hG4bKx;received=2.2.2.2;rport=77\r\nCSeq: 1 BYE\r\n\r\n', { host: '2.2.2.2', port: 77 }],
    ['without rport to its sent-by', 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.1.1.1:5;branch=z9hG4bKx;received=2.2.2.2\r\nCSeq: 1 BYE\r\n\r\n', { host: '2.2.2.2', port: 5 }],
  ])('%s', async (_name, text, to) => {
    const { channels, transport } = set('UDP');
    await transport.connect();
    await transport.send(text);
    expect(channels[0]?.sent[0]?.to).toEqual(to);
    await transport.disconnect();
  });

  test('the ACK of a refusal goes where its INVITE went', async () => {
    const { channels, transport } = set('UDP');
    await transport.connect();
    await transport.send(request('INVITE', 'sip:b@9.9.9.9', '1', 'To: <sip:b>'));
    await transport.send(request('ACK', 'sip:b@9.9.9.9', '1', 'To: <sip:b>;tag=1'));
    await transport.send(request('ACK', 'sip:b@9.9.9.9', '2', 'To: <sip:b>;tag=1'));
    expect(channels[0]?.sent.map(({ to }) => to)).toEqual([undefined, undefined, { host: '9.9.9.9', port: 5060 }]);
    await transport.disconnect();
  });
});

test('without a server each request goes where its URI leads, over one channel a place', async () => {
  const { channels, transport } = set('UDP', false);
  await transport.connect();
  await transport.send(request('INVITE', 'sip:b@9.9.9.9', '1', 'To: <sip:b>'));
  await transport.send(request('INVITE', 'sip:b@8.8.8.8:5070;transport=tcp', '2', 'To: <sip:b>'));
  await transport.send(request('OPTIONS', 'sip:b@8.8.8.8:5070;transport=tcp', '3', 'To: <sip:b>'));
  expect(channels[0]?.sent.map(({ to }) => to)).toEqual([{ host: '9.9.9.9', port: 5060 }]);
  expect(channels[1]?.target).toEqual({ protocol: 'TCP', host: '8.8.8.8', port: 5070 });
  expect(channels[1]?.sent.map(({ text }) => text.split(' ')[0])).toEqual(['INVITE', 'OPTIONS']);
  expect(channels[1]?.sent[0]?.text).toContain('Via: SIP/2.0/TCP 10.0.0.1:40002;branch=z9hG4bK2;rport');
  expect(channels).toHaveLength(2);
  await expect(transport.send(request('INVITE', 'tel:123', '4', 'To: <sip:b>'))).rejects.toThrow('does not say where to call');
  await transport.disconnect();
  expect(channels.every((channel) => channel.closed)).toBe(true);
});

describe('requests that are too large for UDP (RFC 3261 §18.1.1)', () => {
  const contact = `Contact: <sip:1@${PLACEHOLDER_HOST}>`;
  /** An INVITE that has that many bytes on the wire, by UDP. */
  async function invite(transport: SipTransport, channels: Fake[], bytes: number, branch: string, uri = 'sip:b@9.9.9.9', ...lines: string[]): Promise<string> {
    const of = (length: number): string => request('INVITE', uri, branch, 'To: <sip:b>', contact, ...lines, `Subject: ${'x'.repeat(length)}`);
    const text = of(0);
    const local = `10.0.0.1:40001`;
    const written = text.replaceAll(PLACEHOLDER_HOST, local).replace(`;branch=z9hG4bK${branch}`, `;branch=z9hG4bK${branch};rport`).replace(`${local}>`, `${local};transport=udp>`);
    expect(channels[0]?.target.protocol).toBe('UDP');
    const whole = of(bytes - Buffer.byteLength(written));
    await transport.send(whole);
    return whole;
  }

  test('1,300 bytes go over UDP, 1,301 over TCP to the same place, and what belongs to it after it; we are reached as before', async () => {
    const { channels, transport } = set('UDP');
    await transport.connect();
    await invite(transport, channels, 1300, '1');
    expect(Buffer.byteLength(channels[0]!.sent[0]!.text)).toBe(1300);
    expect(channels).toHaveLength(1);
    await invite(transport, channels, 1301, '2');
    expect(channels[1]?.target).toEqual({ protocol: 'TCP', host: '10.0.0.2', port: 5060 });
    const [sent] = channels[1]!.sent;
    expect(sent?.text).toContain('Via: SIP/2.0/TCP 10.0.0.1:40002;branch=z9hG4bK2;rport\r\n');
    expect(sent?.text).toContain('Contact: <sip:1@10.0.0.1:40001;transport=udp>\r\n');
    const answered: string[] = [];
    transport.onMessage = (text) => void answered.push(text);
    channels[1]!.events.message('SIP/2.0 180 Ringing\r\nVia: SIP/2.0/TCP 10.0.0.1:40002;branch=z9hG4bK2;rport=1\r\nCSeq: 1 INVITE\r\n\r\n');
    expect(answered[0]).toContain(`Via: SIP/2.0/TCP ${PLACEHOLDER_HOST};branch=z9hG4bK2`);
    await transport.send(request('CANCEL', 'sip:b@9.9.9.9', '2', 'To: <sip:b>'));
    await transport.send(request('ACK', 'sip:b@9.9.9.9', '2', 'To: <sip:b>;tag=1'));
    await transport.send(request('INFO', 'sip:b@9.9.9.9', '3', 'To: <sip:b>'));
    await invite(transport, channels, 1400, '4');
    expect(channels.map(({ sent: all }) => all.map(({ text }) => text.split(' ')[0]))).toEqual([['INVITE', 'INFO'], ['INVITE', 'CANCEL', 'ACK', 'INVITE']]);
    await transport.disconnect();
    expect(channels.every(({ closed }) => closed)).toBe(true);
  });

  test('refused over TCP: over UDP at once, and so for ten minutes', async () => {
    const { clock, channels, box, transport } = set('UDP');
    await transport.connect();
    box.failWith = 'connection refused';
    await invite(transport, channels, 1400, '1');
    expect(channels[0]?.sent[0]?.text).toContain('Via: SIP/2.0/UDP 10.0.0.1:40001;branch=z9hG4bK1;rport\r\n');
    await transport.send(request('CANCEL', 'sip:b@9.9.9.9', '1', 'To: <sip:b>'));
    expect(channels[0]?.sent).toHaveLength(2);
    box.failWith = undefined;
    clock.advance(10 * 60_000 - 1);
    await invite(transport, channels, 1400, '2');
    expect(channels).toHaveLength(1);
    clock.advance(1);
    await invite(transport, channels, 1400, '3');
    expect(channels[1]?.sent).toHaveLength(1);
    await transport.disconnect();
  });

  test('nothing is heard over TCP: over UDP after two seconds', async () => {
    const { clock, channels, box, transport } = set('UDP');
    await transport.connect();
    box.silent = true;
    const sent = invite(transport, channels, 1400, '1');
    clock.advance(1_999);
    await settle();
    expect(channels[0]?.sent).toHaveLength(0);
    clock.advance(1);
    await sent;
    expect(channels[0]?.sent).toHaveLength(1);
    await transport.disconnect();
  });

  test('TCP breaks before anything was heard: over UDP at once, and repeated there', async () => {
    const { clock, channels, transport } = set('UDP');
    await transport.connect();
    await invite(transport, channels, 1400, '1');
    expect(channels[0]?.sent).toHaveLength(0);
    channels[1]!.events.closed('closed by the far end');
    expect(channels[0]?.sent.map(({ text }) => text.split('\r\n')[1])).toEqual(['Via: SIP/2.0/UDP 10.0.0.1:40001;branch=z9hG4bK1;rport']);
    clock.advance(500);
    expect(channels[0]?.sent).toHaveLength(2);
    await transport.send(request('CANCEL', 'sip:b@9.9.9.9', '1', 'To: <sip:b>'));
    expect(channels[0]?.sent[2]?.text).toContain('Via: SIP/2.0/UDP 10.0.0.1:40001;branch=z9hG4bK1;rport');
    await transport.disconnect();
  });

  test('TCP breaks when it was heard of: not sent twice', async () => {
    const { channels, transport } = set('UDP');
    await transport.connect();
    await invite(transport, channels, 1400, '1');
    channels[1]!.events.message('SIP/2.0 180 Ringing\r\nVia: SIP/2.0/TCP 10.0.0.1:40002;branch=z9hG4bK1;rport=1\r\nCSeq: 1 INVITE\r\n\r\n');
    channels[1]!.events.closed('closed by the far end');
    expect(channels[0]?.sent).toHaveLength(0);
    await transport.disconnect();
  });

  test('given up meanwhile: not sent', async () => {
    const { clock, channels, box, transport } = set('UDP');
    await transport.connect();
    box.silent = true;
    const sent = invite(transport, channels, 1400, '1');
    const failed = expect(sent).rejects.toThrow('connection was lost');
    await transport.disconnect();
    clock.advance(2_000);
    await failed;
    expect(channels[0]?.sent).toHaveLength(0);
  });

  test('an answer stays on UDP, however large', async () => {
    const { channels, transport } = set('UDP');
    await transport.connect();
    await transport.send(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.1.1.1:5;branch=z9hG4bKx;received=2.2.2.2;rport=77\r\nCSeq: 1 INVITE\r\n\r\n${'x'.repeat(1400)}`);
    expect(channels[0]?.sent[0]?.to).toEqual({ host: '2.2.2.2', port: 77 });
    await transport.disconnect();
  });

  test('without a server: to where its URI leads', async () => {
    const { channels, transport } = set('UDP', false);
    await transport.connect();
    await invite(transport, channels, 1400, '1', 'sip:b@9.9.9.9:5070');
    expect(channels[1]?.target).toEqual({ protocol: 'TCP', host: '9.9.9.9', port: 5070 });
    expect(channels[1]?.sent).toHaveLength(1);
    await transport.disconnect();
  });
});
