/** Voicemail by script and by ear: a message that the server was killed in the middle of, who may listen, and e-mail. */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../signaling/store/store';
import { need } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { staged, type Stage } from '../support/stage';
import { judge } from '../support/tone';
import { eventually } from '../support/wait';

interface Talker {
  phone: ScriptedPhone;
  voice: RtpParty;
  sdp: string;
}

interface Listed {
  id: number;
  state: string;
  from: string;
  durationMs: number;
  file: string;
}

async function talker(stage: Stage, server: Server, number: string, tone: number): Promise<Talker> {
  const phone = await ScriptedPhone.make(stage, { ...server.account(number), server: server.address });
  const voice = await RtpParty.open(stage, { tone });
  return { phone, voice, sdp: sdp({ port: voice.port }) };
}

const messages = async ({ data }: Server): Promise<Listed[]> => JSON.parse((await offhook(['voicemail', 'list', '1002', '--json', '--data', data])).output) as Listed[];

/** `who` dials 1002, who has no phone, and begins to speak after the tone. */
async function leaves(who: Talker, server: Server, talkMs: number): Promise<{ finished(): Promise<{ code: number | null }> }> {
  // a key skips the greeting
  const call = await who.phone.calls('1002', 'caller-presses', { sdp: who.sdp, waitMs: 1500, key: 1, talkMs }, { seconds: 60 });
  await speak(who.voice, call);
  await eventually('the recording', async () => (await messages(server)).some(({ state }) => state === 'recording'), 20_000, 300);
  return call;
}

const settings = { 'voicemail.enabled': 'on' };

need('sipp')('voicemail', () => {
  test('a message that the server was killed in the middle of is heard through *97 after the restart', ...staged(async (stage) => {
    const server = await Server.start(stage, { settings });
    const ann = await talker(stage, server, '1001', 600);
    await leaves(ann, server, 20_000);
    const [begun] = await messages(server);
    // 16-bit samples at 8 kHz, or more
    await eventually('four seconds on the disk', () => (statSync(begun?.file ?? '', { throwIfNoEntry: false })?.size ?? 0) > 64_000, 20_000, 200);
    await server.kill();

    const next = await Server.start(stage, { settings, successorOf: server });
    const [message] = await messages(next);
    expect(message).toMatchObject({ id: 1, state: 'new', from: '1001' });
    expect(message?.durationMs).toBeGreaterThan(3000);
    expect(statSync(message?.file ?? '').mode & 0o777).toBe(0o600);
    expect(statSync(join(server.data, 'voicemail', '1002')).mode & 0o777).toBe(0o700);

    const bob = await talker(stage, next, '1002', 900);
    const call = await bob.phone.calls('*97', 'caller-presses', { sdp: bob.sdp, waitMs: 1500, key: 1, talkMs: 13_000 }, { seconds: 60 });
    await speak(bob.voice, call);
    await eventually('two seconds of the message', () => judge(bob.voice.heard()).secondsOf(600) > 2, 20_000, 200);
    expect(judge(bob.voice.heard()).secondsOf(900)).toBeLessThan(0.1);
    expect((await call.finished()).code).toBe(0);
    expect(await messages(next)).toMatchObject([{ id: 1, state: 'saved' }]);
  }, { seconds: 120 }));

  test('whoever hangs up at the tone has left nothing', ...staged(async (stage) => {
    const server = await Server.start(stage, { settings });
    const ann = await talker(stage, server, '1001', 600);
    const call = await leaves(ann, server, 900);
    expect((await call.finished()).code).toBe(0);
    await eventually('the message to be dropped', async () => (await messages(server)).length === 0, 10_000, 200);
    expect(readdirSync(join(server.data, 'voicemail', '1002'))).toEqual([]);
  }, { seconds: 60 }));

  test('a message goes by e-mail, with what was said attached; a mail server that is away loses none', ...staged(async (stage) => {
    const smtp = await MailServer.open(stage);
    const more = { 'smtp.host': '127.0.0.1', 'smtp.port': smtp.port, 'smtp.secure': 'none', 'smtp.from': 'pbx@example.com' };
    smtp.busy = true;
    const server = await Server.start(stage, { settings: { ...settings, ...more } });
    expect((await offhook(['extension', 'set', '1002', '--email', 'bob@example.com', '--data', server.data])).code).toBe(0);
    const ann = await talker(stage, server, '1001', 600);
    const call = await leaves(ann, server, 4000);
    expect((await call.finished()).code).toBe(0);
    await eventually('an attempt', () => smtp.refused > 0, 15_000, 100);
    await server.stop();

    // the next attempt would be a minute away
    smtp.busy = false;
    const store = await openStore({ dataDir: server.data });
    const [queued] = await store.voicemail.list();
    expect([queued?.mailTries, (queued?.mailAt ?? 0) - Date.now() > 30_000]).toEqual([1, true]);
    await store.voicemail.update('1002', 1, { mailAt: Date.now() });
    await store.close();
    const next = await Server.start(stage, { settings: { ...settings, ...more }, successorOf: server });
    const mail = await eventually('the e-mail', () => smtp.mails[0], 20_000, 200);
    expect(mail.to).toEqual(['bob@example.com']);
    expect(mail.data).toMatch(/^Subject: Voice message from 1001\r$/m);
    const base64 = /Content-Type: audio\/wav[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(mail.data)?.[1] ?? '';
    const wav = Buffer.from(base64.replace(/\r\n/g, ''), 'base64');
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF');
    expect(wav.length).toBe(statSync((await messages(next))[0]?.file ?? '').size);
  }, { seconds: 90 }));
});

need('sipp', 'netns')('voicemail on a disk that is full', () => {
  test('the caller is told, what was written is a message, and the call ends by itself', ...staged(async (stage) => {
    const server = await Server.start(stage, { settings });
    const folder = join(server.data, 'voicemail', '1002');
    mkdirSync(folder, { recursive: true });
    // 64 KB: four seconds of 16 bits at 8 kHz
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    stage.own({ close: () => void execFileSync('umount', ['-l', folder]) });
    const ann = await talker(stage, server, '1001', 600);
    const call = await ann.phone.calls('1002', 'caller-is-hung-up-on', { sdp: ann.sdp }, { seconds: 60 });
    await speak(ann.voice, call);
    expect((await call.finished()).code).toBe(0);
    const [message] = await messages(server);
    expect(message).toMatchObject({ state: 'new', from: '1001' });
    expect(message?.durationMs).toBeGreaterThan(2000);
    expect(message?.durationMs).toBeLessThan(4500);
    expect(server.output).toContain('the disk is full');
  }, { seconds: 90 }));
});

/** As much of RFC 5321 as a client needs to get rid of a message. */
class MailServer {
  readonly mails: Array<{ to: string[]; data: string }> = [];
  refused = 0;
  /** Tells clients to come again later. */
  busy = false;

  private constructor(
    private readonly server: NetServer,
    readonly port: number,
  ) {}

  static async open(stage: Stage): Promise<MailServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const made = new MailServer(server, typeof address === 'object' && address ? address.port : 0);
    server.on('connection', (socket) => made.serve(socket));
    return stage.own(made);
  }

  close(): void {
    this.server.close();
  }

  private serve(socket: Socket): void {
    const mail = { to: [] as string[], data: '' };
    let inData = false;
    let pending = '';
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    socket.on('error', () => undefined);
    if (this.busy) {
      this.refused++;
      socket.end('421 come again later\r\n');
      return;
    }
    say('220 mail.test');
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      for (;;) {
        const end = pending.indexOf(inData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = pending.slice(0, end);
        pending = pending.slice(end + (inData ? 5 : 2));
        if (inData) {
          inData = false;
          this.mails.push({ ...mail, data: line });
          say('250 taken');
        } else if (/^EHLO/i.test(line)) say('250 mail.test');
        else if (/^RCPT TO:/i.test(line)) {
          mail.to.push(/<([^>]*)>/.exec(line)?.[1] ?? '');
          say('250 ok');
        } else if (/^DATA/i.test(line)) {
          inData = true;
          say('354 go on');
        } else if (/^QUIT/i.test(line)) {
          say('221 bye');
          socket.end();
        } else say('250 ok');
      }
    });
  }
}
