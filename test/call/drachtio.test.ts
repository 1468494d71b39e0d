/**
 * `--drachtio`: the application in its own process on a SIP server that it reaches over the control protocol only. Our engine stands in for
 * the C++ daemon here (DESIGN: nothing in the application may know the difference); with DRACHTIO_HOST a real one is used by test/contract.
 */
import { join } from 'node:path';
import { Engine } from '../../signaling/engine';
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';

const SECRET = 'a-secret-of-its-own';

async function sipServer(stage: Stage): Promise<{ sip: string; control: string }> {
  const port = await stage.port();
  const engine = new Engine({
    listen: (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address: '127.0.0.1', port })),
    control: { port: 0, secret: SECRET },
  });
  const { control } = await engine.start();
  stage.own({ close: () => engine.close() });
  return { sip: `127.0.0.1:${port}`, control: `127.0.0.1:${control.port}` };
}

need('sipp')('the application on a SIP server of another process', () => {
  test('phones register there and call each other', ...staged(async (stage) => {
    const { sip, control } = await sipServer(stage);
    const server = await Server.start(stage, { settings: { 'drachtio.address': control, 'drachtio.secret': SECRET } });
    expect(server.ready).toMatchObject({ engine: 'drachtio-server', sip: { udp: [sip], tcp: [sip] } });
    const callee = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: sip });
    const caller = await ScriptedPhone.make(stage, { ...server.account('1001'), server: sip });
    const called = await callee.expects('callee', { sdp: sdp({ port: await stage.port() }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: sdp({ port: await stage.port() }), talkMs: 200 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }, { seconds: 30 }));
});

describe('a SIP server that cannot be used is said in one sentence, with exit code 2', () => {
  const start = async (stage: Stage, control: string, secret: string) => {
    const { code, output } = await offhook(['serve', '--data', join(stage.folder, 'data'), '--drachtio', control, '--drachtio-secret', secret], { cwd: stage.folder });
    return { code, lines: output.trim().split('\n').filter((line) => !line.startsWith('{')) };
  };

  test('it has another secret', ...staged(async (stage) => {
    const { control } = await sipServer(stage);
    expect(await start(stage, control, 'not-the-secret')).toEqual({ code: 2, lines: [expect.stringMatching(/^offhook: drachtio\.secret.*does not accept it/)] });
  }));

  test('nothing is there', ...staged(async (stage) => {
    const control = `127.0.0.1:${await stage.port()}`;
    expect(await start(stage, control, SECRET)).toEqual({ code: 2, lines: [expect.stringMatching(/^offhook: drachtio\.address.*no drachtio-server can be reached/)] });
  }));
});
