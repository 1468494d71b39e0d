/** Asking a running server what it does: counters, calls, and the messages of a call between two phones; also after it was killed. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../../signaling/engine';
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { staged } from '../support/stage';
import { eventually } from '../support/wait';

const ask = async (server: Server, ...args: string[]): Promise<string> => {
  const { code, output } = await offhook([...args, '--data', server.data]);
  if (code !== 0) throw new Error(`offhook ${args.join(' ')}: ${output}`);
  return output;
};
interface Counted {
  messages: Record<'received' | 'sent', Record<string, Record<string, Record<string, number>>>>;
  dialogs: number;
}
const counted = async (server: Server): Promise<Counted> => JSON.parse(await ask(server, 'stats', '--json')) as Counted;

need('sipp')('the operator', () => {
  test('sees the messages of a call counted and drawn, without secrets; also from a server that was killed before', ...staged(async (stage) => {
    const server = await Server.start(stage);
    const callee = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const keys = '\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: `${sdp({ port: await stage.port() })}${keys}`, talkMs: 200 });
    expect([(await calling.finished()).code, (await called.finished()).code]).toEqual([0, 0]);

    const { messages, dialogs } = await counted(server);
    // the caller's, and again with its password; ours to the callee
    expect(messages.received.udp!.INVITE).toMatchObject({ requests: 2, '1xx': 1, '2xx': 1 });
    expect(messages.sent.udp!.INVITE).toMatchObject({ requests: 1, '2xx': 1, '4xx': 1 });
    expect(messages.received.udp!.BYE).toEqual({ requests: 1, '2xx': 1 });
    expect(messages.sent.udp!.BYE).toEqual({ requests: 1, '2xx': 1 });
    expect(dialogs).toBe(0);
    expect(await ask(server, 'stats')).toMatch(/^received {2}udp {3}INVITE +2 /m);

    const list = await ask(server, 'ladder');
    expect(list.split('\n').filter((line) => / INVITE +1001 +1002 +200 /.test(line))).toHaveLength(2);
    const { diagram, messages: passed } = JSON.parse(await ask(server, 'ladder', '1001', '--json')) as { diagram: string; messages: Array<{ callId: string; text: string }> };
    expect(await ask(server, 'ladder', '1001', '--columns', '100')).toBe(diagram);
    expect(new Set(passed.map(({ callId }) => callId)).size).toBe(2);
    const steps = ['1 .*├─ INVITE sdp ─+▶│', '1 .*│◀─ 407', '1 .*├─ INVITE sdp ─+▶│', '2 .*├─ INVITE sdp ─+▶│', '2 .*│◀─ 200 OK', '1 .*│◀─ 200 OK', '1 .*├─ BYE ─+▶│', '2 .*├─ BYE ─+▶│'];
    expect(diagram).toMatch(new RegExp(steps.join('[^]*')));
    const said = passed.map(({ text }) => text).join('\n');
    expect(said).toMatch(/^Proxy-Authorization: Digest .*response="\*\*\*"/im);
    expect(said).toMatch(/inline:\*\*\*/);
    expect(said).not.toMatch(/response="?[0-9a-f]{32}|inline:[A-Za-z0-9+/]{20}/);

    const socket = join(server.data, 'run', 'operator.sock');
    expect(statSync(join(server.data, 'run')).mode & 0o777).toBe(0o700);
    const second = await offhook(['serve', '--data', server.data, '--sip', `127.0.0.1:${await stage.port()}`]);
    expect([second.code, second.output]).toEqual([2, expect.stringContaining(`A server runs on the data folder ${server.data} already.`)]);

    await server.kill();
    expect(existsSync(socket)).toBe(true);
    expect(await offhook(['stats', '--data', server.data])).toMatchObject({ code: 2, output: expect.stringContaining('No server runs') as unknown });
    const again = await Server.start(stage, { successorOf: server });
    expect((await counted(again)).messages.received.udp ?? {}).not.toHaveProperty('INVITE');
    await again.stop();
    expect(existsSync(socket)).toBe(false);
  }, { seconds: 60 }));

  test('over TCP it is told whether calls can be made, also while the last ones end; the rest takes a token', ...staged(async (stage) => {
    const port = await stage.port();
    const server = await Server.start(stage, { settings: { 'http.address': `127.0.0.1:${port}`, 'call.drainSeconds': 20 } });
    expect(server.ready).toMatchObject({ http: `http://127.0.0.1:${port}` });
    const get = async (path: string, token = ''): Promise<[number, { status?: unknown; detail?: string }]> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
      return [response.status, (await response.json()) as { status?: unknown; detail?: string }];
    };
    expect([await get('/healthz'), await get('/readyz')]).toEqual([[200, { status: 'ok' }], [200, { status: 'ready' }]]);
    const { token } = JSON.parse(await ask(server, 'token', 'add', 'a program', '--json')) as { token: string };
    expect([(await get('/api/v1/calls'))[0], await get('/api/v1/calls', token), (await get('/api/v1/calls', `${token.slice(0, -1)}_`))[0]]).toEqual([401, [200, { calls: [] }], 401]);
    await ask(server, 'token', 'remove', 'a program');
    expect((await get('/api/v1/calls', token))[0]).toBe(401);

    const another = await offhook(['serve', '--data', stage.path('other'), '--sip', `127.0.0.1:${await stage.port()}`, '--http', `127.0.0.1:${port}`]);
    expect([another.code, another.output]).toEqual([2, expect.stringMatching(new RegExp(`^offhook: http.address: TCP port ${port} on 127.0.0.1 is taken\\. .*\n$`))]);

    const callee = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: server.address });
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: sdp({ port: await stage.port() }), talkMs: 4000 });
    await eventually('the call to be up', async () => ((JSON.parse(await ask(server, 'ladder', '--json')) as Array<{ status: number }>).some(({ status }) => status === 200)));
    const { token: scraper } = JSON.parse(await ask(server, 'token', 'add', 'prometheus', '--json')) as { token: string };
    const scraped = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${scraper}` } })).text();
    const up = await scraped();
    for (const line of ['offhook_calls{state="up"} 1', 'offhook_registered_contacts 1', 'offhook_media_port_pairs{state="in_use"} 2', 'offhook_post_dial_delay_seconds_count 1', 'offhook_sip_dialogs 2']) expect(up.split('\n')).toContain(line);
    expect(up).toMatch(/^offhook_sip_messages_total\{direction="received",transport="udp",method="INVITE",kind="requests"\} 2$/m);
    const stopped = server.stop();
    await eventually('no more calls to be wanted', async () => (await get('/readyz'))[1].detail === 'Calls cannot be made just now: the server is stopping.');
    expect(await get('/healthz')).toEqual([200, { status: 'ok' }]);
    expect(existsSync(join(server.data, 'run', 'operator.sock'))).toBe(false);
    expect([(await calling.finished()).code, (await called.finished()).code, (await stopped).code]).toEqual([0, 0, 0]);
    await expect(get('/healthz')).rejects.toThrow();
  }, { seconds: 60 }));
});

test('where the engine is a server of its own, it is said that there is nothing to ask here', ...staged(async (stage) => {
  const port = await stage.port();
  const engine = new Engine({ listen: [{ protocol: 'udp', address: '127.0.0.1', port }], control: { port: 0, secret: 'elsewhere' } });
  const { control } = await engine.start();
  stage.own({ close: () => engine.close() });
  const server = await Server.start(stage, { settings: { 'drachtio.address': `127.0.0.1:${control.port}`, 'drachtio.secret': 'elsewhere' } });
  for (const words of [['stats'], ['ladder'], ['ladder', '1001']]) {
    expect(await offhook([...words, '--data', server.data])).toMatchObject({ code: 1, output: expect.stringContaining('This server runs on a drachtio-server') as unknown });
  }
}, { seconds: 30 }));
