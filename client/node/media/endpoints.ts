/** Sockets for calls: which pair of ports, in which family of addresses, under which address of ours the far end finds them. */
import { errorText } from '../../error-text';
import { PortPool } from '../../../media/net/port-pool';
import { Endpoint } from '../../../media/net/endpoint';
import { UdpError, type UdpNet } from '../../../media/net/udp';
import type { Family } from '../../../media/sdp';
import { isIP } from 'node:net';
import { MediaFault } from '../../media';
import type { MediaSettings } from './hub-types';
import { bindAddressFor, localAddressTowards, type LocalAddress } from './local-address';

/** Below where systems take the ports that nobody asked for. */
const DEFAULT_PORTS = { min: 16_384, max: 32_767 };
/** So long packets of a call that has ended may still come. */
const DRAIN_MS = 1000;
/** Ports that others have are passed over, so many times. */
const TRIES = 100;

export interface EndpointsDeps {
  net: UdpNet;
  now(): number;
  random(length: number): Buffer;
  /** As the system would choose; tests have no system. */
  towards?: ((host: string, family?: Family) => Promise<LocalAddress | undefined>) | undefined;
}

export class Endpoints {
  private readonly pool: PortPool;
  private readonly range: string;
  private readonly towards: NonNullable<EndpointsDeps['towards']>;
  private opened = 0;

  /** Errors: RangeError for ports or an address that cannot be, a sentence. */
  constructor(
    private readonly settings: Pick<MediaSettings, 'portMin' | 'portMax' | 'address'>,
    private readonly deps: EndpointsDeps,
  ) {
    const { portMin: min = DEFAULT_PORTS.min, portMax: max = Math.max(DEFAULT_PORTS.max, min + 199), address } = settings;
    this.range = `${min} to ${max}`;
    if (!(Number.isInteger(min) && Number.isInteger(max) && min >= 1 && max <= 65_535)) throw new RangeError(`RTP cannot use the ports ${this.range}: 1 to 65535 can be used.`);
    if (address !== undefined && isIP(address) === 0) throw new RangeError(`${address} is not an IP address that RTP can be received at.`);
    const { now, random } = deps;
    this.pool = new PortPool({ min, max, drainMs: DRAIN_MS, now, random });
    if (this.pool.size === 0) throw new RangeError(`The ports ${this.range} hold no pair for RTP: an even one and the next are needed.`);
    this.towards = deps.towards ?? localAddressTowards;
  }

  /** Errors: MediaFault 'unavailable'. */
  async addressTowards(host: string, family: Family): Promise<string> {
    return (await this.local(host, family)).address;
  }

  private async local(host: string, family?: Family): Promise<LocalAddress> {
    const { address } = this.settings;
    const own: LocalAddress | undefined = address === undefined ? undefined : { address, family: isIP(address) === 6 ? 6 : 4 };
    if (own && (family === undefined || own.family === family)) return own;
    const local = await this.towards(host, family);
    if (!local) throw new MediaFault('unavailable', `This machine has no ${family === undefined ? '' : `IPv${family} `}address that ${host} could send sound to: check the network.`);
    return local;
  }

  /** Errors: MediaFault 'unavailable', with nothing left open. */
  async open(host: string, label: string, family?: Family): Promise<Endpoint> {
    const local = await this.local(host, family);
    // an address that is the router's and not ours can be told, but not bound to
    const bindAddress = bindAddressFor(local);
    const passedOver: number[] = [];
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const port = this.pool.take();
        if (port === undefined) break;
        const id = `phone-${++this.opened}`;
        const endpoint = new Endpoint(id, id, local.family, label, this.deps.now);
        try {
          await endpoint.open(this.deps.net, bindAddress, port);
          return endpoint;
        } catch (err) {
          passedOver.push(port);
          if (!(err instanceof UdpError && err.code === 'in-use')) throw new MediaFault('unavailable', errorText(err));
        }
      }
    } finally {
      for (const port of passedOver) this.pool.release(port);
    }
    throw new MediaFault('unavailable', `None of the ports ${this.range} is free for another call's sound: give it more with a wider range.`);
  }

  /** Once. Its ports rest before they are used again. */
  close(endpoint: Endpoint): void {
    const { rtpPort } = endpoint;
    endpoint.close();
    this.pool.release(rtpPort);
  }
}
