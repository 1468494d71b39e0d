/** One call with media between two phones: its record with both of them, and its events over WebSocket, in order. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { join } from 'node:path';
import { need } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { staged } from '../support/stage';
import { eventually } from '../support/wait';

interface Event {
  id: number;
  type: string;
  data: Record<string, unknown>;
}

class Listener {
  readonly heard: Event[] = [];
  closed: number | undefined;

  constructor(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
    const socket = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} });
    socket.on('message', (data: Buffer) => this.heard.push(JSON.parse(data.toString()) as Event));
    socket.on('unexpected-response', (_request, { statusCode }) => void (this.closed = statusCode));
    socket.on('error', () => undefined);
    socket.on('close', (code) => (this.closed ??= code));
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }
}

const ask = async (server: Server, ...args: string[]): Promise<string> => {
  const { code, output } = await offhook([...args, '--data', server.data]);
  if (code !== 0) throw new Error(`offhook ${args.join(' ')}: ${output}`);
  return output;
};

need('sipp')('a call', () => {
  test('is told while it goes on, and kept when it is over', ...staged(async (stage) => {
    const port = await stage.port();
    const server = await Server.start(stage, { settings: { 'http.address': `127.0.0.1:${port}` } });
    const { token } = JSON.parse(await ask(server, 'token', 'add', 'events', '--json')) as { token: string };
    const url = `ws://127.0.0.1:${port}/api/v1/events`;
    // a webhook that is not there at first
    const secret = 'a secret of some length';
    const posts: Array<{ body: string; headers: Record<string, unknown> }> = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        posts.push({ body, headers: request.headers });
        response.writeHead(204).end();
      });
    });
    const receiverPort = await stage.port();
    stage.own({ close: () => new Promise<void>((resolve) => (receiver.closeAllConnections(), receiver.close(() => resolve()))) });
    await ask(server, 'webhook', 'add', 'crm', `url=http://127.0.0.1:${receiverPort}/`, 'events=[call]', `secrets=["${secret}"]`);
    expect(await ask(server, 'webhook', 'show', 'crm')).not.toContain(secret);
    await eventually('the server to know the webhook', async () => (await ask(server, 'webhook', 'status')).includes('crm'));
    const terminal = offhook(['events', '--type', 'call', '--count', '4', '--data', server.data]);
    const all = new Listener(`ws+unix:${join(server.data, 'run', 'operator.sock')}:/api/v1/events`);
    const browser = new Listener(`${url}?type=call`, { protocols: ['offhook.events', `offhook.token.${token}`] });
    const nobody = new Listener(url);
    const wrong = new Listener(`${url}?type=CALLS!`, { headers: { authorization: `Bearer ${token}` } });
    await eventually('listeners to be welcome, or not', () => all.heard.length + browser.heard.length === 2 && nobody.closed !== undefined && wrong.closed !== undefined);
    expect([nobody.closed, wrong.closed]).toEqual([401, 400]);

    const [caller, callee] = [await RtpParty.open(stage, { tone: 600 }), await RtpParty.open(stage, { tone: 900 })];
    const phone = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    const waiting = await phone.expects('callee', { ringMs: 100, sdp: sdp({ port: callee.port }) });
    const calling = await (await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address })).calls('1002', 'caller', { talkMs: 1500, sdp: sdp({ port: caller.port }) });
    await Promise.all([speak(caller, calling), speak(callee, waiting)]);
    expect([(await calling.finished()).code, (await waiting.finished()).code]).toEqual([0, 0]);
    await eventually('the end to be told', () => browser.types.includes('call.ended') && all.types.includes('call.ended'));
    expect(browser.types).toEqual(['hello', 'call.started', 'call.ringing', 'call.answered', 'call.ended']);
    expect(all.types).toEqual(['hello', 'registration.registered', ...browser.types.slice(1)]);
    const { call } = browser.heard[1]!.data as { call: string };
    expect(browser.heard.at(-1)!.data).toMatchObject({ call, from: '1001', to: '1002', answered: true, cause: 'hung-up', q850: 16, endedBy: 'caller' });

    expect((await terminal).output).toMatch(/^\S+Z call\.started +call=\S+ from=1001 to=1002\n\S+Z call\.ringing .*\n\S+Z call\.answered .*\n\S+Z call\.ended .*cause=hung-up/);
    expect(await ask(server, 'webhook', 'status')).toMatch(/crm +failing +4 +0 +\d+ +0 +\S+Z +nobody listens there/);
    await new Promise<void>((resolve) => receiver.listen(receiverPort, '127.0.0.1', resolve));
    expect((receiver.address() as AddressInfo).port).toBe(receiverPort);
    await eventually('the webhook to be told all the same', () => posts.length === 4, 15_000);
    expect(posts.map(({ body }) => (JSON.parse(body) as Event).type)).toEqual(browser.types.slice(1));
    for (const { body, headers } of posts) expect(headers['offhook-signature']).toBe(`v1=${createHmac('sha256', secret).update(`${String(headers['offhook-timestamp'])}.${body}`).digest('hex')}`);
    expect(await ask(server, 'webhook', 'test', 'crm')).toMatch(/^It answered 204 after \d+ ms\.$/m);

    const later = new Listener(`${url}?since=${browser.heard[2]!.id}`, { headers: { authorization: `Bearer ${token}` } });
    await eventually('what was missed', () => later.types.length === 3);
    expect(later.types).toEqual(['hello', 'call.answered', 'call.ended']);

    const response = await fetch(`http://127.0.0.1:${port}/api/v1/records/${call}`, { headers: { authorization: `Bearer ${token}` } });
    const record = (await response.json()) as { legs: Array<{ side: string; codec: string; sound: { received: { packets: number; mos: number } } }> };
    expect(record).toMatchObject({ from: '1001', to: '1002', cause: 'hung-up', q850: 16, status: null, endedBy: 'caller', legs: [{ side: 'caller', party: '1001', cause: 'hung-up' }, { side: 'callee', party: '1002', cause: 'hung-up' }] });
    for (const { codec, sound } of record.legs) expect([codec, sound.received.packets > 30, sound.received.mos > 4]).toEqual(['PCMU/8000', true, true]);
    expect((await ask(server, 'records', 'export')).split('\r\n')[1]).toContain(call);
    await server.stop();
    expect([all.closed, browser.closed, later.closed]).toEqual([1001, 1001, 1001]);
  }, { seconds: 60 }));
});
