/**
 * Who is in a call, and how far it has come for each of them (RFC 4235 §3.7.1): what lamps show.
 *
 *   caller   trying ─▶ proceeding ─▶ early ─▶ confirmed       (early: it rings somewhere)
 *   callee                            early ─▶ confirmed       once its own phone rings, so that no lamp blinks for a phone that is off
 */
import type { Call, Fork } from './call';
import type { Leg, Side } from './leg';

export interface CallParty {
  /** Its id. */
  readonly call: string;
  readonly side: Side;
  readonly number: string;
  readonly name: string | null;
  readonly state: 'trying' | 'proceeding' | 'early' | 'confirmed';
  /** It has put the other one on hold. */
  readonly holding: boolean;
  readonly other: { readonly number: string; readonly name: string | null };
}

type Who = Pick<CallParty, 'number' | 'name'>;

/** None when the call is over. Of a group every phone that rings, and the group; of a service its number, when that was dialled. */
export function partiesOf(call: Call): CallParty[] {
  if (call.over) return [];
  const { id, caller, callee } = call;
  const from: Who = { number: call.from.number, name: call.from.name };
  const other: Who = { number: call.to.number, name: call.to.name };
  const talking = call.state === 'up' || call.state === 'answering';
  const parties: CallParty[] = [];
  // whom the system calls first, and has not answered yet, is shown when it rings
  if (call.originatedBy === undefined || caller.dialog || call.rangAt !== undefined) {
    parties.push({ call: id, side: 'caller', ...from, state: talking || caller.dialog ? 'confirmed' : triesTo(call), holding: holds(call, caller), other });
  }
  for (const who of called(call, talking)) {
    if (who.number !== from.number) parties.push({ call: id, side: 'callee', ...who, state: talking ? 'confirmed' : 'early', holding: holds(call, callee), other: from });
  }
  return parties;
}

const triesTo = ({ rangAt, state }: Call): CallParty['state'] => (rangAt !== undefined ? 'early' : state === 'routing' ? 'trying' : 'proceeding');

const holds = ({ state }: Call, leg: Leg | undefined): boolean => state === 'up' && leg !== undefined && (leg.wants === 'sendonly' || leg.wants === 'inactive');

function called({ to, service, forks }: Call, talking: boolean): Who[] {
  // whoever has a message left is not on the phone
  if (talking) return service && !to.phoneless ? [] : [{ number: to.number, name: to.name }];
  const ringing = new Map(forks.filter(rings).map(({ callee: { number, name } }) => [number, { number, name }]));
  if (ringing.size > 0) ringing.set(to.number, { number: to.number, name: to.name });
  return [...ringing.values()];
}

const rings = ({ rang, ended }: Fork): boolean => rang && ended === undefined;
