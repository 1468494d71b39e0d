/** Music on hold by ear, with tones in place of music: who hears it, who does not, and what happens without it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Baresip } from '../support/baresip';
import { hears, hearsNothing, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec, Phone } from '../support/phone';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { Server } from '../support/server';
import { staged, type Stage } from '../support/stage';
import { cutOut, judge, writeTone } from '../support/tone';
import { eventually } from '../support/wait';

const LINPHONE_TONE = 600;
const BARESIP_TONE = 900;
const MUSIC = 1300;
const MORE_MUSIC = 1700;

interface Cast {
  server: Server;
  linphone: Phone;
  baresip: Phone;
}

async function cast(stage: Stage, music: string, codecs?: { linphone: Codec[]; baresip: Codec[] }): Promise<Cast> {
  const server = await Server.start(stage, { extensions: ['1001', '1002', '1003', '1004'], settings: { 'media.holdMusic': music } });
  const [linphone, baresip] = await Promise.all([
    Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE, ...(codecs && { codecs: codecs.linphone }) }),
    Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE, ...(codecs && { codecs: codecs.baresip }) }),
  ]);
  await Promise.all([linphone.registered(), baresip.registered()]);
  return { server, linphone, baresip };
}

/** A file of this tone; its length is whole periods, so that the loop has no seam. */
function toneFile(stage: Stage, hz: number, seconds = 2, folder = stage.folder, name = `${hz}.wav`): string {
  const file = join(folder, name);
  writeTone(file, hz, seconds, 16_000);
  return file;
}

async function call(caller: Phone, number: string, callee: Phone): Promise<void> {
  await caller.dial(number);
  await callee.ringing();
  await callee.answer();
  await Promise.all([caller.inCall(), callee.inCall()]);
}

async function hearEachOther({ linphone, baresip }: Cast, from = { linphone: 0, baresip: 0 }): Promise<void> {
  await Promise.all([
    hears(linphone, BARESIP_TONE, { not: [LINPHONE_TONE, MUSIC], from: from.linphone }),
    hears(baresip, LINPHONE_TONE, { not: [BARESIP_TONE, MUSIC], from: from.baresip }),
  ]);
}

/** Half a second of what was on its way is let through. */
const now = ({ linphone, baresip }: Cast) => ({ linphone: mark(linphone) + 0.5, baresip: mark(baresip) + 0.5 });

/** From a moment on in which what was on its way is through. */
async function hearsMusicNow(phone: Phone): Promise<void> {
  await eventually('the music', () => judge(cutOut(phone.heard(), mark(phone) - 0.3)).share(MUSIC) > 0.9, 10_000, 100);
  await hears(phone, MUSIC, { not: [LINPHONE_TONE, BARESIP_TONE], from: mark(phone), seconds: 2.5 });
}

async function hangUp(phone: Phone, { linphone, baresip }: Cast): Promise<void> {
  await phone.hangUp();
  await Promise.all([linphone.ended(), baresip.ended()]);
}

const held = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { seconds: 90 });

need('linphone', 'baresip')('music on hold', () => {
  test('Linphone holds, and resumes', ...held(async (stage) => {
    const all = await cast(stage, toneFile(stage, MUSIC));
    await call(all.baresip, '1001', all.linphone);
    await hearEachOther(all);
    await all.linphone.hold();
    await Promise.all([hearsMusicNow(all.baresip), hearsNothing(all.linphone, 2)]);
    await all.linphone.resume();
    await hearEachOther(all, now(all));
    await hangUp(all.baresip, all);
  }));

  test('baresip holds, and resumes, in a call that is transcoded', ...held(async (stage) => {
    const all = await cast(stage, toneFile(stage, MUSIC), { linphone: ['opus'], baresip: ['PCMU'] });
    await call(all.linphone, '1002', all.baresip);
    await hearEachOther(all);
    await all.baresip.hold();
    await Promise.all([hearsMusicNow(all.linphone), hearsNothing(all.baresip, 2)]);
    await all.baresip.resume();
    await hearEachOther(all, now(all));
    await hangUp(all.linphone, all);
  }));

  test('the files of a folder, in turn', ...held(async (stage) => {
    const folder = join(stage.folder, 'music');
    mkdirSync(folder);
    toneFile(stage, MUSIC, 1, folder, 'a.wav');
    toneFile(stage, MORE_MUSIC, 1, folder, 'b.WAV');
    const all = await cast(stage, folder);
    await call(all.linphone, '1002', all.baresip);
    await hearEachOther(all);
    const from = mark(all.baresip);
    await all.linphone.hold();
    await eventually('both pieces, twice', () => {
      const { secondsOf } = judge(cutOut(all.baresip.heard(), from));
      return secondsOf(MUSIC) > 1.5 && secondsOf(MORE_MUSIC) > 1.5;
    }, 15_000, 200);
    await hangUp(all.linphone, all);
  }));

  test('a file that is not there: silence, a line in the log, and the call goes on', ...held(async (stage) => {
    const all = await cast(stage, join(stage.folder, 'gone.wav'));
    await call(all.linphone, '1002', all.baresip);
    await hearEachOther(all);
    await all.linphone.hold();
    await Promise.all([hearsNothing(all.baresip, 1.5), hearsNothing(all.linphone, 1.5)]);
    expect(all.server.output).toMatch(/gone\.wav.*no music for a held party/);
    await all.linphone.resume();
    await hearEachOther(all, now(all));
    await hangUp(all.linphone, all);
  }));
});

need('linphone', 'baresip', 'sipp')('music on hold', () => {
  test('is heard in no other call', ...held(async (stage) => {
    const all = await cast(stage, toneFile(stage, MUSIC));
    const { server } = all;
    const others = await Promise.all(['1003', '1004'].map(async (number, i) => {
      const voice = await RtpParty.open(stage, { tone: i === 0 ? 400 : 500 });
      return { voice, phone: await ScriptedPhone.registered(stage, { ...server.account(number), server: server.address }), sdp: sdp({ port: voice.port }) };
    }));
    const [carl, dora] = [others[0]!, others[1]!];
    const waiting = await dora.phone.expects('callee', { ringMs: 0, sdp: dora.sdp }, { seconds: 60 });
    await call(all.linphone, '1002', all.baresip);
    const calling = await carl.phone.calls('1004', 'caller', { talkMs: 12_000, sdp: carl.sdp }, { seconds: 60 });
    await Promise.all([speak(carl.voice, calling), speak(dora.voice, waiting)]);
    await hears(dora.voice, 400, { not: [500] });
    await all.linphone.hold();
    await Promise.all([
      hearsMusicNow(all.baresip),
      hears(dora.voice, 400, { not: [500, MUSIC], seconds: 4 }),
      hears(carl.voice, 500, { not: [400, MUSIC], seconds: 4 }),
    ]);
    await hangUp(all.baresip, all);
    expect([(await calling.finished()).code, (await waiting.finished()).code]).toEqual([0, 0]);
  }));
});
