/**
 * The phone's core over real sockets with our server: registration with a digest, calls, hold, transfers with Replaces, messages, a lamp, and a
 * server that is killed in the middle of a call. How it sounds is judged elsewhere (`test/interop/phone-*.test.ts`).
 */
import { systemClock } from '../../client/clock';
import type { PhoneEvent, PhoneEventName, PhoneEventOf } from '../../client/events';
import { channelOpener } from '../../client/node/channel/open';
import { createPhone } from '../../client/phone';
import type { Phone } from '../../client/phone-types';
import { loadSip } from '../../client/sip/sip-js';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';
import { FakeMediaFactory, type FakeMedia } from '../unit/client/core/fake-media';

let suite: Stage;
let server: Server;
const test_ = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 40 });

interface Party {
  phone: Phone<FakeMedia>;
  media: FakeMediaFactory;
  events: PhoneEvent[];
  hears<N extends PhoneEventName>(name: N, test?: (event: PhoneEventOf<N>) => boolean): Promise<PhoneEventOf<N>>;
}

async function party(stage: Stage, user: string, protocol: 'UDP' | 'TCP' = 'UDP', at = server): Promise<Party> {
  const [host, port] = at.address.split(':') as [string, string];
  const { password } = at.account(user);
  const media = new FakeMediaFactory();
  const account = { user, domain: host, password, server: { protocol, host, port: Number(port) } };
  const phone = createPhone<FakeMedia>({ account, qualityMs: 0 }, { sip: await loadSip(), openChannel: channelOpener({}), media, clock: systemClock, chance: Math.random });
  const events: PhoneEvent[] = [];
  phone.on('*', (event) => events.push(event));
  stage.own({ close: () => phone.close() });
  await phone.register();
  const of = <N extends PhoneEventName>(name: N) => events.filter((event): event is PhoneEventOf<N> => event.event === name);
  return {
    phone, media, events,
    hears: async (name, test = () => true) => {
      await eventually(`${user} to hear ${name}, after ${JSON.stringify(events)}`, () => of(name).some(test), 10_000, 10);
      return of(name).find(test)!;
    },
  };
}

async function talk(from: Party, to: Party, number: string) {
  const out = await from.phone.dial(number);
  const known = new Set(to.phone.calls.map(({ id }) => id));
  await eventually('it rings', () => to.phone.calls.some(({ id, info }) => !known.has(id) || info.state === 'incoming'), 10_000, 10);
  const incoming = to.phone.calls.at(-1)!;
  await incoming.answer();
  await out.answered;
  return { out, incoming };
}

describe('the core of our phone with our server', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003'] });
  }, 30_000);
  afterAll(() => suite.close());

  test.each(['UDP', 'TCP'] as const)('over %s: a call is held, resumed and ended', ...test_(async (stage, protocol: 'UDP' | 'TCP') => {
    const [one, two] = await Promise.all([party(stage, '1001', protocol), party(stage, '1002', protocol)]);
    const { out, incoming } = await talk(one, two, '1002');
    await out.hold();
    await two.hears('held', ({ by }) => by === 'remote');
    await out.resume();
    await two.hears('resumed', ({ by }) => by === 'remote');
    await incoming.hangUp();
    expect(await one.hears('ended')).toMatchObject({ by: 'remote', answered: true });
    expect([one.media.left, two.media.left]).toEqual([0, 0]);
  }));

  test('rejected, given up, nobody there', ...test_(async (stage) => {
    const [one, two] = await Promise.all([party(stage, '1001'), party(stage, '1002')]);
    const given = await one.phone.dial('1002');
    await two.hears('incoming');
    await given.hangUp();
    expect(await two.hears('ended')).toMatchObject({ answered: false, by: 'remote' });
    const nobody = await one.phone.dial('4999');
    await expect(nobody.answered).rejects.toMatchObject({ status: 404 });
  }));

  test('blind and attended transfer', ...test_(async (stage) => {
    const [one, two, three] = await Promise.all([party(stage, '1001'), party(stage, '1002', 'TCP'), party(stage, '1003')]);
    const blind = await talk(one, two, '1002');
    const done = blind.out.transfer('1003');
    await three.hears('incoming');
    await three.phone.calls[0]!.answer();
    await done;
    await eventually('only the others speak', () => one.phone.calls.length === 0 && three.phone.calls[0]?.info.state === 'up', 10_000, 10);
    await three.phone.calls[0]!.hangUp();
    await eventually('all is quiet', () => two.phone.calls.length === 0 && three.phone.calls.length === 0, 10_000, 10);

    const first = await talk(one, two, '1002');
    const second = await talk(one, three, '1003');
    await second.out.transferTo(first.out);
    await eventually('only the others speak', () => one.phone.calls.length === 0 && two.phone.calls.length === 1 && three.phone.calls.length === 1, 10_000, 10);
    await two.phone.calls[0]!.hangUp();
    await eventually('all is quiet', () => three.phone.calls.length === 0, 10_000, 10);
  }));
});
