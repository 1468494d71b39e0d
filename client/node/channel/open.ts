/** Opens channels over UDP, TCP, TLS, WS and WSS: looks names up and tries one place after the other (RFC 3263 §4.3). */
import type { Chance } from '../../clock';
import { LastingProblem, type Channel, type ChannelEvents, type HostPort, type OpenChannel, type Target } from '../../sip/channel';
import { readAuthorities } from './authorities';
import { FailedPlaces } from './failed-places';
import { LocalPorts } from './local-ports';
import { cannotConnect, reasonOf } from './problems';
import { candidates, systemNames, type Names } from './resolve';
import { openStream, type TlsTrust } from './stream';
import { openUdp } from './udp';
import { openWebSocket } from './websocket';

export interface ChannelOptions {
  tls?:
    | {
        /** PEM: the authorities that are trusted, in place of Node's own. */
        caFile?: string | undefined;
        /** Any certificate will do. */
        insecure?: boolean | undefined;
      }
    | undefined;
  /** Default: what the system would use towards the server. */
  localAddress?: string | undefined;
  /** Default: any free one, and the same one again when the way is made anew. Over UDP only: which port a connection has is nobody's business. */
  localPort?: number | undefined;
  names?: Names | undefined;
  /** Among SRV records of one priority. */
  chance?: Chance | undefined;
}

/** Of several places each but the last gets this long. */
const NEXT_CANDIDATE_MS = 3_000;

export function channelOpener(options: ChannelOptions = {}): OpenChannel {
  const names = options.names ?? systemNames;
  const chance = options.chance ?? Math.random;
  const ports = new LocalPorts();
  const failed = new FailedPlaces();
  return async (target, events, signal) => {
    const { protocol, host, port } = target;
    const trust = protocol === 'TLS' || protocol === 'WSS' ? await trustOf(options) : undefined;
    const find = async (name: string, of: number | undefined): Promise<HostPort[]> => {
      try {
        return await candidates(protocol, name, of, names, chance);
      } catch (error) {
        throw cannotConnect({ host: name, port: of }, protocol, error);
      }
    };
    if (protocol === 'UDP' && host === '') {
      return openUdp(undefined, { ...options, resolve: find }, events).catch((error: unknown) => {
        throw new Error(`cannot receive calls over UDP: ${reasonOf(error)}`);
      });
    }
    const found = await unlessAborted(find(host, port), signal, () => cannotConnect({ host, port }, protocol, signal.reason));
    const places = failed.inOrder(found);
    let failure: Error | undefined;
    for (const [index, place] of places.entries()) {
      const noted: ChannelEvents = {
        ...events,
        closed: (problem) => {
          failed.add(place);
          events.closed(problem);
        },
      };
      const patience = index < places.length - 1 ? AbortSignal.any([signal, AbortSignal.timeout(NEXT_CANDIDATE_MS)]) : signal;
      try {
        return await ports.again(target, (localPort, opened) => openOne(target, place, trust, { ...options, localPort }, opened, find, noted, patience), options.localPort);
      } catch (error) {
        const before = failure;
        failure = cannotConnect(place, protocol, error);
        // As long as one of the places may do later on, trying again is of use.
        if (before && !(before instanceof LastingProblem)) failure = new Error(failure.message);
        if (signal.aborted) break;
      }
    }
    throw failure ?? cannotConnect({ host, port }, protocol, new Error('it has no address'));
  };
}

/** `opened` hears of the local port. */
async function openOne(target: Target, place: HostPort, trust: TlsTrust | undefined, options: ChannelOptions, opened: (localPort: number | undefined) => void, resolve: (host: string, port: number | undefined) => Promise<HostPort[]>, events: ChannelEvents, signal: AbortSignal): Promise<Channel> {
  const { localAddress, localPort } = options;
  if (target.protocol === 'WS' || target.protocol === 'WSS') {
    return openWebSocket(place, { tls: trust, serverName: target.host, path: target.path ?? '/', localAddress, localPort, opened }, events, signal);
  }
  const channel = target.protocol === 'UDP' ? await openUdp(place, { localAddress, localPort, resolve }, events) : await openStream(place, { tls: trust, serverName: target.host, localAddress, localPort }, events, signal);
  opened(channel.local?.port);
  return channel;
}

async function trustOf({ tls }: ChannelOptions): Promise<TlsTrust> {
  return { insecure: tls?.insecure, ...(tls?.caFile !== undefined && { ca: await readAuthorities(tls.caFile) }) };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, problem: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(problem());
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

export const openChannel: OpenChannel = channelOpener();
