/**
 * The phone's core over real sockets with our server: registration with a digest, calls, hold, transfers with Replaces and who is shown
 * afterwards, messages, voicemail's lamp, another network in the middle of a call, and a server that is gone without a word while nothing is heard.
 * How it sounds, and servers that are killed and come back, are judged elsewhere (`test/interop/phone-*.test.ts`).
 */
import { systemClock, type Clock } from '../../client/clock';
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
  /** All that it has sent, as on the wire. */
  sent: string[];
  /** From now on it is at this address. */
  move(address: string): void;
  hears<N extends PhoneEventName>(name: N, test?: (event: PhoneEventOf<N>) => boolean): Promise<PhoneEventOf<N>>;
}

/** `options.clock`: for waits that nobody has the time for. */
async function party(stage: Stage, user: string, protocol: 'UDP' | 'TCP' = 'UDP', { at = server, clock = systemClock }: { at?: Server; clock?: Clock } = {}): Promise<Party> {
  const [host, port] = at.address.split(':') as [string, string];
  const { password } = at.account(user);
  const media = new FakeMediaFactory();
  const account = { user, domain: host, password, server: { protocol, host, port: Number(port) } };
  const sent: string[] = [];
  let open = channelOpener({});
  const phone = createPhone<FakeMedia>(
    { account, qualityMs: 0 },
    { sip: await loadSip(), openChannel: (...args) => open(...args), media, clock, chance: Math.random, trace: ({ out, text }) => void (out && sent.push(text)) },
  );
  const events: PhoneEvent[] = [];
  phone.on('*', (event) => events.push(event));
  stage.own({ close: () => phone.close() });
  await phone.register();
  const of = <N extends PhoneEventName>(name: N) => events.filter((event): event is PhoneEventOf<N> => event.event === name);
  return {
    phone, media, events, sent,
    move: (localAddress) => {
      open = channelOpener({ localAddress });
      phone.networkChanged();
    },
    hears: async (name, test = () => true) => {
      await eventually(`${user} to hear ${name}, after ${JSON.stringify(events)}`, () => of(name).some(test), 20_000, 10);
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
    // their calls are the same as before, and whom they are with is not
    expect([two, three].map(({ phone }) => phone.calls[0]!.info.party.user)).toEqual(['1003', '1002']);
    await two.phone.calls[0]!.hangUp();
    await eventually('all is quiet', () => three.phone.calls.length === 0, 10_000, 10);
  }));

  test('messages, and the lamp of a mailbox', ...test_(async (stage) => {
    const [one, two] = await Promise.all([party(stage, '1001'), party(stage, '1002', 'TCP')]);
    await one.phone.message('1002', 'Grüße');
    expect(await two.hears('message')).toMatchObject({ from: { user: '1001' }, text: 'Grüße' });
    await expect(one.phone.message('4999', 'anybody?')).rejects.toMatchObject({ status: 404 });
    // asked for by itself as soon as it is registered
    expect(await one.hears('voicemail')).toMatchObject({ waiting: false, newMessages: 0 });
  }));

  test.each(['UDP', 'TCP'] as const)('over %s: another network in the middle of a call; both can go on with it, and new calls find us there', ...test_(async (stage, protocol: 'UDP' | 'TCP') => {
    const [one, two] = await Promise.all([party(stage, '1001', protocol), party(stage, '1002')]);
    const { out, incoming } = await talk(one, two, '1002');
    const before = one.sent.length;
    one.move('127.0.0.2');
    const said = (method: string): string[] => one.sent.slice(before).filter((text) => text.startsWith(`${method} `));
    await eventually('it registers and tells the far end', () => said('REGISTER').length > 0 && said('INVITE').length > 0, 10_000, 10);
    for (const text of [said('REGISTER').at(-1)!, said('INVITE').at(-1)!]) {
      expect(text).toMatch(/^Contact: <sip:1001@127\.0\.0\.2:\d+;/m);
      expect(text).toMatch(/^Via: SIP\/2\.0\/\w+ 127\.0\.0\.2:\d+;/m);
    }
    // its description was made anew, for an address that may be another one; the sound was never closed
    await eventually('it is agreed', () => one.media.all[0]!.said.filter((text) => text.startsWith('accept')).length >= 2, 10_000, 10);
    expect([out.info.state, incoming.info.state, one.media.all[0]!.closed]).toEqual(['up', 'up', false]);
    // what the far end asks arrives at the new place
    await incoming.hold();
    await one.hears('held', ({ by }) => by === 'remote');
    await incoming.resume();
    await out.hold();
    await out.resume();
    await incoming.hangUp();
    await one.hears('ended', ({ by }) => by === 'remote');
    const back = await two.phone.dial('1001');
    await one.hears('incoming');
    await one.phone.calls[0]!.answer();
    await back.answered;
    await back.hangUp();
  }));

  /** Minutes pass in seconds: everything that waits does so for a twentieth of the time. */
  const hasty: Clock = { ...systemClock, now: () => systemClock.now() * 20, after: (ms, fn) => systemClock.after(ms / 20, fn) };

  test.each(['UDP', 'TCP'] as const)('over %s: the server is gone without a word, nothing is heard any more: the call ends by itself, and says why', ...test_(async (stage, protocol: 'UDP' | 'TCP') => {
    const at = await Server.start(stage, { extensions: ['1001', '1002'] });
    const [one, two] = await Promise.all([party(stage, '1001', protocol, { at, clock: hasty }), party(stage, '1002', 'UDP', { at })]);
    const { out } = await talk(one, two, '1002');
    await at.kill();
    // as the sound of a call tells when its packets stop
    one.media.all[0]!.events.silent(5000);
    expect(await one.hears('silent')).toMatchObject({ call: out.id });
    expect(out.info.state).toBe('up');
    expect(await one.hears('ended')).toMatchObject({ call: out.id, by: 'network', answered: true, problem: expect.stringMatching(/^nothing is heard of the far end any more/) as string });
    expect(one.media.left).toBe(0);
  }));

  test('the server is killed and another one, which knows nothing, takes its place, while nothing is heard: the call ends with what that one says', ...test_(async (stage) => {
    const at = await Server.start(stage, { extensions: ['1001', '1002'] });
    const [one, two] = await Promise.all([party(stage, '1001', 'UDP', { at, clock: hasty }), party(stage, '1002', 'UDP', { at })]);
    await talk(one, two, '1002');
    await at.kill();
    await Server.start(stage, { successorOf: at });
    one.media.all[0]!.events.silent(5000);
    expect(await one.hears('ended')).toMatchObject({ by: 'network', status: 481, problem: 'the far end does not know of this call any more' });
  }));
});
