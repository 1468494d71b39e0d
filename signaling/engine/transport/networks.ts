/** Lists of networks in CIDR form. */
import { BlockList, isIP } from 'node:net';
import { familyOf } from './listener';
import { TransportError } from './types';

/** @throws TransportError code 'bad-net' */
export function networkList(nets: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const net of nets) add(list, net);
  return (address) => {
    const bare = address.split('%')[0] ?? address;
    return list.check(bare, familyOf(bare) === 6 ? 'ipv6' : 'ipv4');
  };
}

function add(list: BlockList, net: string): void {
  const [address = '', bits] = net.split('/');
  const version = isIP(address);
  const prefix = bits === undefined ? (version === 6 ? 128 : 32) : /^\d+$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (version === 6 ? 128 : 32)) {
    throw new TransportError('bad-net', `${net} is not a network like 192.168.0.0/16`);
  }
  list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
}
