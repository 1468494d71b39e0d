/**
 * The phone system run by a program: people come with `offhook apply` while the server runs, and a call between their phones is made, listed, muted,
 * recorded, spoken into and ended over HTTP, by ear.
 */
import { writeFileSync } from 'node:fs';
import { Baresip } from '../support/baresip';
import { hearEachOther, marks } from '../support/conversation';
import { hears, hearsNothing, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { staged } from '../support/stage';
import { eventually } from '../support/wait';

need('linphone', 'baresip')('a program', () => {
  test('has phones added, and makes, mutes, records, fills and ends a call', ...staged(async (stage) => {
    const http = await stage.port();
    const server = await Server.start(stage, { extensions: ['1009'], settings: { 'http.address': `127.0.0.1:${http}` } });
    const command = async (...args: string[]): Promise<string> => {
      const { code, output } = await offhook([...args, '--data', server.data]);
      if (code !== 0) throw new Error(`offhook ${args.join(' ')}: ${output}`);
      return output;
    };
    const { token } = JSON.parse(await command('token', 'add', 'a program', '--scope', 'write', '--json')) as { token: string };
    const ask = async <T = unknown>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> => {
      const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
      const response = await fetch(`http://127.0.0.1:${http}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const text = await response.text();
      return { status: response.status, body: (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text) as T };
    };

    const file = stage.path('people.yaml');
    writeFileSync(file, 'extensions:\n  - { number: 1101, password: first-secret }\n');
    expect(await command('apply', file)).toContain('+ extension 1101\n');
    expect((await ask('POST', '/extensions', { number: '1102', password: 'other-secret' })).status).toBe(201);
    const common = { server: server.address };
    const [linphone, baresip] = await Promise.all([
      Linphone.start(stage, { ...common, user: '1101', password: 'first-secret', tone: 600 }),
      Baresip.start(stage, { ...common, user: '1102', password: 'other-secret', tone: 900 }),
    ]);
    await Promise.all([linphone.registered(), baresip.registered()]);
    const contacts = (await ask<{ contacts: Array<{ id: string; extension: string; userAgent: string }> }>('GET', '/contacts')).body.contacts;
    expect(contacts.map(({ extension, userAgent }) => [extension, /^\w+/.exec(userAgent)?.[0]?.toLowerCase()])).toEqual([['1101', 'linphonec'], ['1102', 'baresip']]);

    const { body: { id }, status } = await ask<{ id: string }>('POST', '/calls', { from: '1101', to: '1102' });
    expect(status).toBe(201);
    await linphone.ringing();
    await linphone.answer();
    await baresip.ringing();
    await baresip.answer();
    await Promise.all([linphone.inCall(), baresip.inCall()]);
    const [one, other] = [{ phone: linphone, tone: 600 }, { phone: baresip, tone: 900 }];
    const from = marks(one, other);
    await hearEachOther(one, other, { from });
    const calls = (await ask<{ calls: Array<{ id: string; state: string; originatedBy: string }> }>('GET', '/calls')).body.calls;
    expect(calls).toEqual([expect.objectContaining({ id, from: '1101', to: '1102', state: 'up', originatedBy: 'the token “a program”' })]);

    expect((await ask('POST', `/calls/${id}/record`, { on: true })).status).toBe(204);
    expect((await ask('POST', `/calls/${id}/record`, { on: true })).status).toBe(409);
    expect((await ask('POST', `/calls/${id}/mute`, { leg: 'caller', on: true })).status).toBe(204);
    expect((await ask<{ muted: string[] }>('GET', `/calls/${id}`)).body.muted).toEqual(['caller']);
    await hearsNothing(baresip, 0.5);
    await hears(linphone, 900, { not: [600], from: mark(linphone), seconds: 0.5 });
    expect((await ask('POST', `/calls/${id}/dtmf`, { to: 'callee', digits: '7' })).status).toBe(204);
    await baresip.pressed('7');

    expect((await ask('DELETE', `/calls/${id}`)).status).toBe(204);
    await Promise.all([linphone.ended(), baresip.ended()]);
    expect((await ask('DELETE', `/calls/${id}`)).status).toBe(404);
    const recordings = async () => (await ask<{ recordings: Array<{ id: string; state: string; bytes: number }> }>('GET', '/recordings')).body.recordings;
    await eventually('the recording is whole', async () => (await recordings())[0]?.state === 'done', 10_000);
    const [recording] = await recordings();
    expect((await ask<string>('GET', `/recordings/${recording?.id}/sound`)).body.slice(0, 4)).toBe('RIFF');

    expect((await ask('DELETE', `/contacts/1102/${contacts[1]?.id}`)).status).toBe(204);
    expect(await ask<{ code: string }>('POST', '/calls', { from: '1102', to: '1101' })).toMatchObject({ status: 409, body: { code: 'call.no-phone' } });
  }, { seconds: 60 }));
});
