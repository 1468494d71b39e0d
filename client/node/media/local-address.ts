/** Which of this machine's addresses a far end can send its media to: the one that the system would send from to get there. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Family } from '../../../media/sdp';

export interface LocalAddress {
  address: string;
  family: Family;
}

/** Any port: nothing is sent to it. */
const NOWHERE = 9;

/**
 * `host`: where the signaling goes, a name or an address, with or without brackets. `family`: when only that will do. undefined: this machine
 * has no address (of that family) to get there from. Connecting a UDP socket makes the system choose the way, and sends nothing.
 */
export async function localAddressTowards(host: string, family?: Family): Promise<LocalAddress | undefined> {
  const name = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  const target = isIP(name) === 0 ? await found(name, family) : name;
  if (target !== undefined && (family === undefined || isIP(target) === family)) {
    const chosen = await chosenFor(target);
    if (chosen !== undefined) return chosen;
  }
  return outermost(family);
}

async function found(name: string, family: Family | undefined): Promise<string | undefined> {
  try {
    return (await lookup(name, { family: family ?? 0 })).address;
  } catch {
    return undefined;
  }
}

function chosenFor(target: string): Promise<LocalAddress | undefined> {
  const family = isIP(target) === 6 ? 6 : 4;
  return new Promise((resolve) => {
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' });
    const end = (chosen: LocalAddress | undefined): void => {
      socket.close();
      resolve(chosen);
    };
    socket.once('error', () => end(undefined));
    socket.connect(NOWHERE, target, () => {
      const { address } = socket.address();
      // a link-local address needs a zone, which SDP cannot carry
      end(address.includes('%') || /^fe[89ab][0-9a-f]:/i.test(address) ? undefined : { address, family });
    });
  });
}

/** When there is no way there just now: an address that others might reach, else the machine's own. */
function outermost(family: Family | undefined): LocalAddress | undefined {
  const mine = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.includes('%') && !/^fe[89ab][0-9a-f]:/i.test(address))
    .map(({ address, internal }) => ({ address, internal, family: (isIP(address) === 6 ? 6 : 4) as Family }))
    .filter((each) => family === undefined || each.family === family)
    .sort((a, b) => Number(a.internal) - Number(b.internal) || a.family - b.family);
  return mine[0] && { address: mine[0].address, family: mine[0].family };
}

/** What a socket has to be bound to in order to receive there: loopback alone for loopback, for nobody else needs to get in; else every address, since they change. */
export function bindAddressFor({ address, family }: LocalAddress): string {
  if (address === '::1' || address.startsWith('127.')) return address;
  return family === 6 ? '::' : '0.0.0.0';
}
