/**
 * What the plane is to do for two legs that are one call, from what each has agreed to: relay their packets, or make a room of two; and who
 * hears music because the other one holds. A plan is plain data, so that only a changed one is sent.
 *
 *   relay    phone ⇄ udp ⇄ renumbering ⇄ udp ⇄ phone
 *   room     phone ⇄ udp ⇄ codec ⇄ 'call:<id>' ⇄ codec ⇄ udp ⇄ phone
 *   music    the room, with the held party listening to files instead of the other one
 */
import type { CodecName } from '../../media/frame';
import type { AudioSetup, RelayDirection } from '../../media/plane';
import { audioOf, bridgeOf, codecKey, codecNameOf, events, flows, payloadMap, receives, spoken, type Agreement, type Bridge } from '../../media/sdp';
import type { Call, Transferring, Tune } from './call';
import type { CallContext } from './context';
import { playMusic, playRingback } from './hold-music';
import type { Leg, Side } from './leg';

/** What `sound` may be made of for calls between phones; none when transcoding is switched off. */
export const codecsFor = (ctx: CallContext): readonly CodecName[] => (ctx.media.transcode ? ctx.plane.codecs : []);

interface Party {
  id: string;
  audio: AudioSetup;
  tones: boolean;
}

export type Plan =
  | { kind: 'relay'; ids: readonly [string, string]; aToB: RelayDirection; bToA: RelayDirection }
  | { kind: 'room'; caller: Party; callee: Party; music: Side | undefined; tune?: Tune; transcoded: boolean };

/** undefined: one of them has nothing agreed yet. */
export function planOf(ctx: CallContext, call: Pick<Call, 'aloud' | 'muted' | 'transfer'>, caller: Leg, callee: Leg): Plan | undefined {
  const [a, b] = [agreementOf(caller), agreementOf(callee)];
  if (!a || !b || !caller.endpoint || !callee.endpoint) return undefined;
  const [idOfA, idOfB] = [caller.endpoint.id, callee.endpoint.id];
  const waiting = call.transfer && transferee(call.transfer, caller, callee);
  const held = waiting ?? (ctx.media.holdMusic === null ? undefined : heldSide(caller, callee));
  if (held !== undefined && canHear(ctx, held === 'caller' ? a : b)) {
    return {
      kind: 'room',
      caller: { id: idOfA, audio: held === 'caller' ? listening(a) : silent, tones: false },
      callee: { id: idOfB, audio: held === 'callee' ? listening(b) : silent, tones: false },
      music: held,
      tune: waiting === undefined ? 'music' : 'ringback',
      transcoded: false,
    };
  }
  const aloud = call.aloud.size > 0;
  const bridge: Bridge = bridgeOf(a, b, aloud ? ctx.plane.codecs : codecsFor(ctx), aloud);
  if (bridge.kind === 'mix') {
    return {
      kind: 'room',
      caller: { id: idOfA, audio: unless(call.muted.has('caller'), bridge.a), tones: bridge.tones.a },
      callee: { id: idOfB, audio: unless(call.muted.has('callee'), bridge.b), tones: bridge.tones.b },
      music: undefined,
      transcoded: bridge.why !== 'asked',
    };
  }
  return { kind: 'relay', ids: [idOfA, idOfB], aToB: relayed(a, b, call.muted.has('caller')), bToA: relayed(b, a, call.muted.has('callee')) };
}

export function agreementOf({ told, heard, agreed, answer }: Leg): Agreement | undefined {
  return heard && { told, heard, agreed, answer };
}

/** The codec that keeps a call from being recorded, since it cannot be decoded here; undefined: nothing does. */
export function undecodable(ctx: CallContext, call: Call): string | undefined {
  for (const leg of [call.caller, call.callee]) {
    const agreement = leg && agreementOf(leg);
    const voice = agreement && spoken(agreement);
    if (agreement && !canHear(ctx, agreement)) return voice?.name ?? 'no codec of ours';
  }
  return undefined;
}

/** Who is being transferred, and can hear how it gets on. */
function transferee({ by }: Transferring, caller: Leg, callee: Leg): Side | undefined {
  const other = by === 'caller' ? callee : caller;
  return receives(other.agreed) ? other.side : undefined;
}

/** Who is on hold: its phone still listens, and the other one wants nothing to be sent to it. */
function heldSide(caller: Leg, callee: Leg): Side | undefined {
  if (!receives(callee.wants) && receives(caller.agreed)) return 'caller';
  if (!receives(caller.wants) && receives(callee.agreed)) return 'callee';
  return undefined;
}

function canHear(ctx: CallContext, party: Agreement): boolean {
  const voice = spoken(party);
  return voice !== undefined && ctx.plane.codecs.includes(codecNameOf(voice) as CodecName);
}

/** Whoever holds is neither heard nor spoken to. */
const silent: AudioSetup = { send: null, receive: [], telephoneEvent: null, comfortNoise: null };

/** Whoever is held hears, and is not heard. */
function listening(party: Agreement): AudioSetup {
  return { ...audioOf({ ...party, agreed: 'recvonly' }), receive: [] };
}

/** One who is muted hears, and its keys pass. */
const unless = (muted: boolean, audio: AudioSetup): AudioSetup => (muted ? { ...audio, receive: [] } : audio);

function relayed(from: Agreement, to: Agreement, muted: boolean): RelayDirection {
  const formats = [...from.heard.codecs, ...from.told];
  const known = events(from, 8000)?.receive ?? [];
  const keys = formats.filter((codec) => known.some((c) => codecKey(c) === codecKey(codec)));
  const sendEvents = events(to, spoken(to)?.clockRate ?? 8000)?.send;
  return {
    flow: flows(from.agreed, to.agreed),
    payloadMap: { ...payloadMap({ told: from.told, heard: from.heard.codecs }, { told: to.told, heard: to.heard.codecs }), ...(muted && dropped(formats.filter((codec) => !keys.includes(codec)))) },
    clockRates: clocks(formats),
    ...(keys.length > 0 && { telephoneEvents: clocks(keys) }),
    ...(sendEvents && { sendEvents: { payloadType: sendEvents.payloadType, clockRate: sendEvents.clockRate } }),
    formats: audioOf({ ...from, agreed: 'sendrecv' }).receive,
  };
}

const dropped = (formats: ReadonlyArray<{ payloadType: number }>): Record<number, number> => Object.fromEntries(formats.map(({ payloadType }) => [payloadType, -1]));

const clocks = (formats: ReadonlyArray<{ payloadType: number; clockRate: number }>): Record<number, number> =>
  Object.fromEntries(formats.map(({ payloadType, clockRate }) => [payloadType, clockRate]));

/** The requests go out in this order in one turn; the plane carries them out in it. Errors: what the plane throws. */
export async function carryOut(ctx: CallContext, call: Call, plan: Plan): Promise<void> {
  if (plan.kind === 'relay') {
    call.music = undefined;
    call.tune = undefined;
    call.mixed = false;
    return ctx.plane.connect(...plan.ids, { aToB: plan.aToB, bToA: plan.bToA });
  }
  const { plane } = ctx;
  const parties = [plan.caller, plan.callee];
  const work: Array<Promise<unknown>> = parties.map(({ id, audio }) => plane.setAudio(id, audio));
  for (const { id, tones } of parties) {
    work.push(plane.join(id, `call:${call.id}`, { passDigits: true }));
    work.push(plane.detectTones(id, tones));
  }
  if (call.music !== plan.music || call.tune !== plan.tune) {
    if (call.music !== undefined) work.push(plane.stopPlaying({ endpoint: plan[call.music].id }));
    call.music = plan.music;
    call.tune = plan.tune;
    if (plan.music !== undefined && plan.tune === 'ringback') playRingback(ctx, call, plan[plan.music].id);
    else if (plan.music !== undefined) playMusic(ctx, call, plan.music, plan[plan.music].id);
  }
  if (plan.transcoded && !call.mixed) {
    call.mixed = true;
    ctx.counters.mixed++;
  }
  await Promise.all(work);
}
