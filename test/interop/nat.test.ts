/**
 * A phone behind address translation: what it says of itself (10.77.0.2, in Via, Contact and SDP) is an address that nobody on the
 * outside can reach. It registers, is called and calls, hears and is heard all the same: requests go back the way the phone
 * came (RFC 3581, the flow of its REGISTER), sound goes where its packets come from.
 */
import { Baresip } from '../support/baresip';
import { run } from '../support/child';
import { hears } from '../support/ears';
import { NatNetwork, PRIVATE_ADDRESS, PUBLIC_ADDRESS, ROUTER_ADDRESS } from '../support/netns';
import { need } from '../support/peers';
import type { Phone } from '../support/phone';
import { Server } from '../support/server';
import { staged, type Stage } from '../support/stage';
import { Child } from '../support/child';

const INSIDE_TONE = 600;
const OUTSIDE_TONE = 900;

interface Scene {
  server: Server;
  /** 1001, in the private network */
  inside: Phone;
  /** 1002, in the public network */
  outside: Phone;
}

async function scene(stage: Stage, transport: 'udp' | 'tcp'): Promise<Scene> {
  const network = await NatNetwork.make(stage);
  const server = await Server.start(stage, { host: PUBLIC_ADDRESS, netns: network.publicSide });
  const common = { server: server.address, transport };
  const [inside, outside] = await Promise.all([
    Baresip.start(stage, { ...common, ...server.account('1001'), tone: INSIDE_TONE, address: PRIVATE_ADDRESS, netns: network.privateSide }),
    Baresip.start(stage, { ...common, ...server.account('1002'), tone: OUTSIDE_TONE, address: PUBLIC_ADDRESS, netns: network.publicSide }),
  ]);
  await Promise.all([inside.registered(), outside.registered()]);
  return { server, inside, outside };
}

async function talk(caller: Phone, number: string, callee: Phone, { inside, outside }: Scene): Promise<void> {
  await caller.dial(number);
  await callee.ringing();
  await callee.answer();
  await Promise.all([caller.inCall(), callee.inCall()]);
  await Promise.all([hears(inside, OUTSIDE_TONE, { not: [INSIDE_TONE] }), hears(outside, INSIDE_TONE, { not: [OUTSIDE_TONE] })]);
}

need('netns', 'nft')('the network these tests stand on', () => {
  test('hides the phone: other address, other port, nothing in from outside', ...staged(async (stage) => {
    const network = await NatNetwork.make(stage);
    const unreachable = await run('ip', ['-n', network.publicSide, 'route', 'get', PRIVATE_ADDRESS]);
    expect(unreachable.output).toMatch(/unreachable/i);
    // A socket outside prints who sent it something, and sends it back.
    const echo = stage.own(new Echo(network.publicSide));
    await echo.ready();
    const script = `const s=require('dgram').createSocket('udp4');s.bind(5060,()=>s.send('x',7777,'${PUBLIC_ADDRESS}'));s.on('message',()=>{console.log('answered');process.exit()})`;
    const sent = await run(process.execPath, ['-e', script], { netns: network.privateSide, timeoutMs: 10_000 });
    expect(sent.output).toContain('answered');
    const [, address, port] = await echo.peer();
    expect(address).toBe(ROUTER_ADDRESS);
    expect(port).not.toBe('5060');
  }));
});

need('baresip', 'netns', 'nft')('a phone behind address translation', () => {
  test.each(['udp', 'tcp'] as const)('over %s is called, hears and is heard, and the other hangs up', ...staged(async (stage, transport: 'udp' | 'tcp') => {
    const all = await scene(stage, transport);
    await talk(all.outside, '1001', all.inside, all);
    await all.outside.hangUp();
    await Promise.all([all.inside.ended(), all.outside.ended()]);
  }, { seconds: 60 }));

  test('calls, hears and is heard, and hangs up', ...staged(async (stage) => {
    const all = await scene(stage, 'udp');
    await talk(all.inside, '1002', all.outside, all);
    await all.inside.hangUp();
    await Promise.all([all.inside.ended(), all.outside.ended()]);
  }, { seconds: 60 }));
});

class Echo {
  private readonly child: Child;

  constructor(netns: string) {
    const script = `const s=require('dgram').createSocket('udp4');s.bind(7777,'${PUBLIC_ADDRESS}',()=>console.log('ready'));s.on('message',(m,p)=>{console.log('from',p.address,p.port);s.send(m,p.port,p.address)})`;
    this.child = new Child('echo', process.execPath, ['-e', script], { netns });
  }

  async ready(): Promise<void> {
    await this.child.waitFor(/ready/, 10_000);
  }

  peer(): Promise<RegExpExecArray> {
    return this.child.waitFor(/from (\S+) (\d+)/, 10_000);
  }

  report(): string {
    return this.child.tail();
  }

  async close(): Promise<void> {
    await this.child.stop('SIGKILL');
  }
}
