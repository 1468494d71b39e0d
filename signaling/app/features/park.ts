/**
 * Parking: a call waits, with music, until somebody dials its slot.
 *
 *   transfer to 700           the first free slot of 701 … 720; who transfers after having dialled 700 hears which
 *   transfer to 701 … 720     that one
 *   dial 701 … 720            takes the call that waits there
 *
 * After a while it rings at whoever parked it, and goes on waiting when that one does not answer. Each tenant has slots of its own.
 */
import { shown, tenantOf, within } from '../../tenants';
import { exactly, type Feature, type ServiceCall } from '../feature';
import { refuse } from '../reasons';

const PARK = '700';
const SLOTS: readonly string[] = Array.from({ length: 20 }, (_, i) => String(701 + i));
/** Whoever has dialled 700 hears it so often, and may then transfer for a while. */
const TOLD = 2;
const TOLD_PAUSE_MS = 1500;
const RESERVED_MS = 60_000;
/** How long it rings at whoever parked it, and how often; then nobody wants it. */
const RETURN_SECONDS = 30;
const RETURNS = 10;
const BREATH_MS = 300;

export interface ParkDeps {
  /** Until it rings back. */
  seconds: number;
  /** Music for whoever waits. */
  music(): Promise<readonly string[]>;
  sayDigits: (number: string) => readonly string[];
  /** Text for the phones of an extension, as from another number; nobody may be there. */
  tell(extension: string, from: string, text: string): void;
}

interface Slot {
  /** Somebody has dialled 700 and is about to transfer. */
  reserved?: { number: string; /** Of that call. */ call: string };
  waiting?: Waiting;
}

interface Waiting {
  call: ServiceCall;
  /** Somebody has dialled the slot. */
  taken: boolean;
  /** It rings back. */
  ringing: AbortController | undefined;
}

export function park(deps: ParkDeps): Feature {
  /** By id: of slots that are in use, or spoken for. */
  const slots = new Map<string, Slot>();
  const free = (tenant: string): string | undefined => SLOTS.map((slot) => within(tenant, slot)).find((id) => !slots.has(id));
  const refused = (call: ServiceCall, cause: 'no-slot' | 'slot-taken' | 'nobody-parked', slot = call.dialled): void => call.hangup(refuse(cause, shown(slot)));

  /** The slot that whoever transfers was told, in the call that ends thereby or in another one. */
  function reservedFor(id: string | undefined, number: string): string | undefined {
    const those = [...slots].filter(([, { reserved, waiting }]) => reserved && !waiting);
    return (those.find(([, { reserved }]) => reserved?.call === id) ?? those.find(([, { reserved }]) => reserved?.number === number))?.[0];
  }

  async function answer(call: ServiceCall, slot: string | undefined): Promise<void> {
    const { transferredBy, caller } = call;
    const tenant = tenantOf(caller.number);
    if (transferredBy !== undefined) {
      const id = slot === undefined ? (reservedFor(call.replaces, transferredBy) ?? free(tenant)) : within(tenant, slot);
      if (id === undefined) return refused(call, 'no-slot', caller.number);
      if (slots.get(id)?.waiting) return refused(call, 'slot-taken', id);
      return wait(call, id, transferredBy);
    }
    if (slot === undefined) return announce(call, free(tenant));
    const waiting = slots.get(within(tenant, slot))?.waiting;
    if (!waiting || waiting.taken) return refused(call, 'nobody-parked');
    return take(call, waiting);
  }

  /** Whoever dials 700 is about to transfer somebody, and hears where to. */
  async function announce(call: ServiceCall, id: string | undefined): Promise<void> {
    if (id === undefined) return refused(call, 'no-slot', call.caller.number);
    const slot: Slot = { reserved: { number: call.caller.number, call: call.id } };
    slots.set(id, slot);
    try {
      await call.answer();
      await call.pause(BREATH_MS);
      for (let i = 0; i < TOLD; i++) {
        await call.say(['parked-at', ...deps.sayDigits(shown(id))]);
        await call.pause(TOLD_PAUSE_MS);
      }
      await call.pause(RESERVED_MS);
    } finally {
      delete slot.reserved;
      if (slots.get(id) === slot && !slot.waiting) slots.delete(id);
    }
  }

  async function wait(call: ServiceCall, id: string, parker: string): Promise<void> {
    const slot: Slot = slots.get(id) ?? {};
    const waiting: Waiting = { call, taken: false, ringing: undefined };
    slot.waiting = waiting;
    slots.set(id, slot);
    call.parked(parker, id);
    try {
      await call.answer();
      deps.tell(parker, id, `${call.caller.name ?? shown(call.caller.number)} (${shown(call.caller.number)}) is parked at ${shown(id)}`);
      for (let i = 0; i < RETURNS; i++) {
        await music(call);
        await call.pause(deps.seconds * 1000);
        if (!waiting.taken) await ringBack(call, waiting, parker);
        // whoever took it has it in a moment, or could not
        while (waiting.taken) await call.pause(100);
      }
      await call.say(['goodbye']);
    } finally {
      delete slot.waiting;
      if (slots.get(id) === slot && !slot.reserved) slots.delete(id);
    }
  }

  /** Returns when nobody has answered. */
  async function ringBack(call: ServiceCall, waiting: Waiting, parker: string): Promise<void> {
    waiting.ringing = new AbortController();
    await call.transferTo(parker, { seconds: RETURN_SECONDS, signal: waiting.ringing.signal });
    waiting.ringing = undefined;
  }

  async function music(call: ServiceCall): Promise<void> {
    const files = await deps.music();
    if (files.length > 0) void call.play(files.map((file) => ({ file })), { loop: true });
  }

  async function take(call: ServiceCall, waiting: Waiting): Promise<void> {
    waiting.taken = true;
    try {
      waiting.ringing?.abort();
      const cause = await call.connectWith(waiting.call.id);
      call.hangup(refuse(cause, call.dialled));
    } finally {
      waiting.taken = false;
    }
  }

  return {
    name: 'park',
    // who waits is silent as long as it likes
    silence: 'asks',
    numbers: [
      exactly(PARK, 'parks whoever is transferred here'),
      { pattern: '701-720', meaning: 'parks whoever is transferred here, and takes who waits', matches: (dialled) => (SLOTS.includes(dialled) ? { slot: dialled } : undefined) },
    ],
    answer: (call, { slot }) => answer(call, slot),
  };
}
