/**
 * A call's media: port pairs for its legs, the relay between them, and giving everything back.
 *
 *   phone A ⇄ udp(endpoint of A) ⇄ relay, renumbering ⇄ udp(endpoint of B) ⇄ phone B
 *
 * With direct media there are no endpoints, and each phone is told the other's address.
 */
import { isIP } from 'node:net';
import type { EndpointStats, MediaPlane } from '../../media/plane';
import { sameKeys, type Family, type MediaAddress, type StreamDescription } from '../../media/sdp';
import type { Call } from './call';
import { carryOut, planOf } from './call-bridge';
import type { CallContext } from './context';
import type { Endpoint, Leg } from './leg';

/** The part of the media plane that calls use. */
export type CallMedia = Pick<MediaPlane, 'allocate' | 'setRemote' | 'setCrypto' | 'connect' | 'setAudio' | 'join' | 'detectTones' | 'play' | 'stopPlaying' | 'codecs' | 'describe' | 'release'>;

export class NoMedia extends Error {
  override readonly name = 'NoMedia';
  constructor(
    readonly refusal: 'no-ports' | 'no-address',
    detail: string,
  ) {
    super(detail);
  }
}

/**
 * Takes a port pair for `leg`, in the family of the phone's media when it has said so and we have an address there, else in that of its
 * signaling. Errors: `NoMedia`. When the call has ended meanwhile, the ports go back at once and the leg stays without.
 */
export async function allocate(ctx: CallContext, call: Call, leg: Leg): Promise<void> {
  let failure: string | undefined;
  for (const { family, peer } of places(leg)) {
    const address = ctx.reach.addressFor(peer, family);
    if (address === undefined) continue;
    try {
      const { id, rtpPort, rtcpPort } = await ctx.plane.allocate({ session: call.id, family, label: `${leg.side} ${leg.party}`, ...(call.near !== undefined && { near: call.near }) });
      if (call.over) {
        void ctx.plane.release(id).catch(() => ctx.counters.mediaErrors++);
        return;
      }
      call.endpoints.add(id);
      leg.endpoint = { id, family, address, rtpPort, rtcpPort };
      return;
    } catch (err) {
      ctx.counters.mediaErrors++;
      failure = String(err);
    }
  }
  throw failure === undefined ? new NoMedia('no-address', `no address of ours for ${leg.source}`) : new NoMedia('no-ports', failure);
}

function places(leg: Leg): Array<{ family: Family; peer: string }> {
  const bySignaling: Family = isIP(leg.source) === 6 ? 6 : 4;
  const stream = leg.heard?.stream;
  if (!stream || stream.family === bySignaling) return [{ family: bySignaling, peer: leg.source }];
  return [
    { family: stream.family, peer: stream.remote?.address ?? leg.source },
    { family: bySignaling, peer: leg.source },
  ];
}

/** The address that `leg`'s phone is told to send to. `opposite` is the other phone's stream, which it is told when media goes directly. */
export function mediaAddress(leg: Leg, opposite: StreamDescription | undefined): MediaAddress {
  if (leg.endpoint) return addressOf(leg.endpoint);
  if (!opposite) throw new Error('a leg has no media address');
  const { remote, family, port } = opposite;
  // on hold the old way the other phone has none either
  return remote ?? { family, address: family === 4 ? '0.0.0.0' : '::', port, rtcpPort: port + 1 };
}

const addressOf = ({ family, address, rtpPort, rtcpPort }: Endpoint): MediaAddress => ({ family, address, port: rtpPort, rtcpPort });

/**
 * Makes the plane do what the two legs have agreed to. Only what changed is sent. Errors: what the plane throws.
 */
export async function wire(ctx: CallContext, call: Call, callee: Leg): Promise<void> {
  const { caller } = call;
  ctx.onChanged(call);
  const plan = planOf(ctx, call, caller, callee);
  if (!plan) return;
  const text = JSON.stringify(plan);
  const work = [setRemote(ctx, caller), setRemote(ctx, callee)];
  if (text !== call.wiring) {
    call.wiring = text;
    work.push(carryOut(ctx, call, plan));
  }
  ctx.onWired(call);
  await Promise.all(work);
}

/** Whether the sound of a call between phones is to be made here for that reason. The plane is asked in this turn, so that what is played next finds it so. */
export async function aloud(ctx: CallContext, call: Call, why: string, on: boolean): Promise<void> {
  if (call.aloud.has(why) === on) return;
  if (on) call.aloud.add(why);
  else call.aloud.delete(why);
  if (call.callee && bridged(call)) await wire(ctx, call, call.callee);
}

/** Two phones talk through us. */
export const bridged = (call: Call): boolean => call.state === 'up' && call.anchored && !call.service && call.callee !== undefined && call.wiring !== undefined;

/** Where the phone is, and its keys: those go first, so that no packet of the new session is taken for one of the old. */
export async function setRemote(ctx: CallContext, leg: Leg): Promise<void> {
  await Promise.all([setCrypto(ctx, leg), setAddress(ctx, leg)]);
}

async function setCrypto(ctx: CallContext, { endpoint, keys }: Leg): Promise<void> {
  if (!endpoint || sameKeys(keys.current, keys.given)) return;
  keys.given = keys.current;
  await ctx.plane.setCrypto(endpoint.id, keys.current);
}

/** After the first time, another address in the phone's SDP means that it moved: the plane then waits for its packets from anywhere again. */
async function setAddress(ctx: CallContext, leg: Leg): Promise<void> {
  const { endpoint, heard, remoteKey } = leg;
  const remote = heard?.stream.remote;
  if (!endpoint || !heard) return;
  // held the old way, the phone is still where it was
  if (!remote && remoteKey !== undefined) return;
  // an address of the other family cannot be sent to; the source of its packets can
  const usable = remote && remote.family === endpoint.family ? remote : null;
  const rtcpPort = leg.rtcpMux ? usable?.port : usable?.rtcpPort;
  const key = usable ? `${usable.address} ${usable.port} ${rtcpPort} ${leg.source}` : `none ${leg.source}`;
  if (key === remoteKey) return;
  leg.remoteKey = key;
  await ctx.plane.setRemote(endpoint.id, usable && { address: usable.address, port: usable.port, rtcpPort: rtcpPort ?? usable.rtcpPort }, { relatch: remoteKey !== undefined });
}

/** Gives a leg's ports back while the call goes on (a phone that did not win, or went elsewhere). */
export function releaseLeg(ctx: CallContext, call: Call, leg: Leg): void {
  const id = leg.endpoint?.id;
  leg.endpoint = undefined;
  if (id === undefined || !call.endpoints.delete(id)) return;
  leg.report = ctx.plane.release(id).catch(() => {
    ctx.counters.mediaErrors++;
    return undefined;
  });
}

export interface MediaReport {
  pipeline: string | undefined;
  caller: EndpointStats | undefined;
  callee: EndpointStats | undefined;
}

/** Gives back everything and tells how it was. Never fails. */
export async function releaseAll(ctx: CallContext, call: Call): Promise<MediaReport> {
  const ids = [...call.endpoints];
  call.endpoints.clear();
  const a = call.caller.endpoint?.id;
  const b = call.callee?.endpoint?.id;
  const failed = () => {
    ctx.counters.mediaErrors++;
    return undefined;
  };
  // asked before the release is sent, answered in that order
  const pipeline = call.wiring !== undefined && a !== undefined ? ctx.plane.describe(a).catch(failed) : undefined;
  const released = new Map<string, EndpointStats | undefined>();
  await Promise.all(ids.map(async (id) => released.set(id, await ctx.plane.release(id).catch(failed))));
  const counts = async (id: string | undefined, leg: Leg | undefined) => (id === undefined ? leg?.report : released.get(id));
  return { pipeline: await pipeline, caller: await counts(a, call.caller), callee: await counts(b, call.callee) };
}
