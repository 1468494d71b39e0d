/**
 * Three network namespaces made from nothing: a public network, a router that translates addresses, and a private network behind
 * it. The machine's own network is not touched, no address in here exists outside, and everything goes when it is closed.
 *
 *     [private] 10.77.0.2 ── 10.77.0.1 [router: NAT] 198.51.100.1 ── 198.51.100.2 [public: server, other phones]
 *
 * The router is unfriendly, as many are: it gives every flow a port other than the phone's own, lets in only what answers to
 * something sent out, and forwards nothing to the private network by itself.
 */
import { existsSync } from 'node:fs';
import { run } from './child';
import type { Stage } from './stage';

export const PUBLIC_ADDRESS = '198.51.100.2';
export const ROUTER_ADDRESS = '198.51.100.1';
export const PRIVATE_ADDRESS = '10.77.0.2';

const RULES = `
table ip offhook {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "public" masquerade random
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "private" accept
    ct state established,related accept
  }
}
`;

let made = 0;

export class NatNetwork {
  private constructor(
    readonly publicSide: string,
    readonly router: string,
    readonly privateSide: string,
  ) {}

  static async make(stage: Stage): Promise<NatNetwork> {
    await removeOrphans();
    const prefix = `ofh-${process.pid}-${++made}`;
    const network = stage.own(new NatNetwork(`${prefix}-pub`, `${prefix}-nat`, `${prefix}-prv`));
    const { publicSide, router, privateSide } = network;
    for (const name of [publicSide, router, privateSide]) await ip('netns', 'add', name);
    await ip('link', 'add', 'eth0', 'netns', publicSide, 'type', 'veth', 'peer', 'name', 'public', 'netns', router);
    await ip('link', 'add', 'eth0', 'netns', privateSide, 'type', 'veth', 'peer', 'name', 'private', 'netns', router);
    for (const [name, device, address] of [
      [publicSide, 'eth0', `${PUBLIC_ADDRESS}/24`],
      [router, 'public', `${ROUTER_ADDRESS}/24`],
      [router, 'private', '10.77.0.1/24'],
      [privateSide, 'eth0', `${PRIVATE_ADDRESS}/24`],
    ] as const) {
      await ip('-n', name, 'address', 'add', address, 'dev', device);
      await ip('-n', name, 'link', 'set', device, 'up');
    }
    for (const name of [publicSide, router, privateSide]) await ip('-n', name, 'link', 'set', 'lo', 'up');
    for (const [name, device] of [[publicSide, 'eth0'], [router, 'public'], [router, 'private'], [privateSide, 'eth0']] as const) await carries(name, device);
    await ip('-n', privateSide, 'route', 'add', 'default', 'via', '10.77.0.1');
    await inside(router, 'sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1']);
    await inside(router, 'nft', [RULES]);
    return network;
  }

  async close(): Promise<void> {
    for (const name of [this.publicSide, this.router, this.privateSide]) await run('ip', ['netns', 'delete', name]);
  }
}

/**
 * Two hosts on one cable, of which one changes its address, as a laptop does that moves from cable to Wi-Fi.
 *
 *     [near] 198.51.100.10, then another ──── 198.51.100.2 [far: server, other phones]
 */
export class TwoHosts {
  private constructor(
    readonly near: string,
    readonly far: string,
    private address: string,
  ) {}

  static async make(stage: Stage, address = '198.51.100.10'): Promise<TwoHosts> {
    await removeOrphans();
    const prefix = `ofh-${process.pid}-${++made}`;
    const hosts = stage.own(new TwoHosts(`${prefix}-near`, `${prefix}-far`, address));
    const { near, far } = hosts;
    for (const name of [near, far]) await ip('netns', 'add', name);
    await ip('link', 'add', 'eth0', 'netns', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far);
    for (const [name, own] of [[near, address], [far, PUBLIC_ADDRESS]] as const) {
      await ip('-n', name, 'address', 'add', `${own}/24`, 'dev', 'eth0');
      for (const device of ['eth0', 'lo']) await ip('-n', name, 'link', 'set', device, 'up');
    }
    for (const name of [near, far]) await carries(name, 'eth0');
    return hosts;
  }

  /** The near host has this address from now on, and the old one no more. */
  async moveTo(address: string): Promise<void> {
    await ip('-n', this.near, 'address', 'delete', `${this.address}/24`, 'dev', 'eth0');
    await ip('-n', this.near, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    this.address = address;
  }

  async close(): Promise<void> {
    for (const name of [this.near, this.far]) await run('ip', ['netns', 'delete', name]);
  }
}

/** Namespaces of test runs that were killed before they could tidy up: their names carry the pid. */
async function removeOrphans(): Promise<void> {
  const { output } = await run('ip', ['netns', 'list']);
  for (const [name, pid] of output.matchAll(/^ofh-(\d+)-\S+/gm)) {
    if (!existsSync(`/proc/${pid}`)) await run('ip', ['netns', 'delete', name]);
  }
}

/**
 * The kernel says at most once a second that cables were plugged in, and `os.networkInterfaces()` knows no device before; being asked about
 * that very device, it looks at once.
 */
async function carries(netns: string, device: string): Promise<void> {
  const { output } = await run('ip', ['-n', netns, 'link', 'show', 'dev', device]);
  if (!output.includes('state UP')) throw new Error(`${device} of ${netns} carries nothing: ${output}`);
}

async function ip(...args: string[]): Promise<void> {
  await checked('ip', args);
}

async function inside(netns: string, command: string, args: string[]): Promise<void> {
  await checked(command, args, netns);
}

async function checked(command: string, args: string[], netns?: string): Promise<void> {
  const result = await run(command, args, { netns, timeoutMs: 10_000 });
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.output.trim()}`);
}
