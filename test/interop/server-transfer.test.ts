/** Real phones press their transfer key: through our server, the far ends hear each other afterwards and the transferor is out. */
import { Baresip } from '../support/baresip';
import { hears, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec, Phone } from '../support/phone';
import { Server } from '../support/server';
import { staged, type Stage } from '../support/stage';
import { call } from '../support/two-phones';

const ANN = 600;
const BOB = 900;
const CAT = 1300;

interface Cast {
  server: Server;
  /** 1001, Linphone */
  ann: Linphone;
  /** 1002 and 1003, baresip */
  bob: Baresip;
  cat: Baresip;
}

async function cast(stage: Stage, codecs: { ann?: Codec[]; bob?: Codec[]; cat?: Codec[] } = {}): Promise<Cast> {
  const server = await Server.start(stage, { extensions: ['1001', '1002', '1003'], settings: { 'call.ringSeconds': 20 } });
  const account = (number: string, tone: number, own: Codec[] | undefined) => ({ server: server.address, ...server.account(number), tone, ...(own && { codecs: own }) });
  const [ann, bob, cat] = await Promise.all([
    Linphone.start(stage, account('1001', ANN, codecs.ann)),
    Baresip.start(stage, account('1002', BOB, codecs.bob)),
    Baresip.start(stage, account('1003', CAT, codecs.cat)),
  ]);
  await Promise.all([ann.registered(), bob.registered(), cat.registered()]);
  return { server, ann, bob, cat };
}

/** From now on; half a second of what was on its way is let through. */
async function hearEachOther(a: Phone, toneOfA: number, b: Phone, toneOfB: number): Promise<void> {
  const others = (hz: number): number[] => [ANN, BOB, CAT].filter((tone) => tone !== hz);
  const [from, fromB] = [mark(a) + 0.5, mark(b) + 0.5];
  await Promise.all([hears(a, toneOfB, { not: others(toneOfB), from }), hears(b, toneOfA, { not: others(toneOfA), from: fromB })]);
}

const acted = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { seconds: 110 });

need('linphone', 'baresip')('transfer', () => {
  test('blind, by Linphone', ...acted(async (stage) => {
    const { server, ann, bob, cat } = await cast(stage);
    await call(ann, '1002', bob);
    await hearEachOther(ann, ANN, bob, BOB);
    ann.command(`transfer sip:1003@${server.address}`);
    await cat.ringing();
    await cat.answer();
    await Promise.all([cat.inCall(), ann.ended()]);
    await hearEachOther(bob, BOB, cat, CAT);
    await bob.hangUp();
    await cat.ended();
  }));

  test('blind, by baresip, to one with another codec', ...acted(async (stage) => {
    const { server, ann, bob, cat } = await cast(stage, { ann: ['PCMU'], bob: ['PCMU'], cat: ['opus'] });
    await call(bob, '1001', ann);
    await hearEachOther(ann, ANN, bob, BOB);
    await bob.command('transfer', `sip:1003@${server.address}`);
    await cat.ringing();
    await cat.answer();
    await Promise.all([cat.inCall(), bob.ended()]);
    await hearEachOther(ann, ANN, cat, CAT);
    await ann.hangUp();
    await cat.ended();
  }));

  test('attended, by Linphone: it asks first', ...acted(async (stage) => {
    const { ann, bob, cat } = await cast(stage);
    await call(ann, '1002', bob);
    await hearEachOther(ann, ANN, bob, BOB);
    await ann.hold();
    await call(ann, '1003', cat);
    ann.command('transfer 1 --to-call 2');
    await ann.ended();
    await hearEachOther(bob, BOB, cat, CAT);
    await cat.hangUp();
    await bob.ended();
  }));

  test('blind, by Linphone, to one who declines: the two go on', ...acted(async (stage) => {
    const { server, ann, bob, cat } = await cast(stage);
    await call(ann, '1002', bob);
    await hearEachOther(ann, ANN, bob, BOB);
    ann.command(`transfer sip:1003@${server.address}`);
    await cat.ringing();
    await cat.hangUp();
    await cat.ended();
    await hearEachOther(ann, ANN, bob, BOB);
    await bob.hangUp();
    await ann.ended();
  }));
});
