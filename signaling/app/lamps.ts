/**
 * What goes on at every number, for whoever watches it: the dialogs of RFC 4235, with ids that last as long as they do. Kept by number, from what is heard
 * of calls.
 *
 * A dialog is named for outside by names of our own, not by Call-ID and tags of the phones, which are nobody else's: an INVITE with Replaces may use them.
 */
import type { Clock } from '../clock';
import type { CallParty } from './call-parties';
import type { Side } from './leg';

export interface LampDialog {
  /** Of the dialog, unique. */
  readonly id: string;
  readonly state: CallParty['state'] | 'terminated';
  readonly direction: 'initiator' | 'recipient';
  /** Names it in a Replaces header; the local one is whose lamp it is. */
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly local: { readonly number: string; readonly name: string | null; readonly holding: boolean };
  readonly remote: { readonly number: string; readonly name: string | null } | undefined;
}

export interface LampSource {
  /** Of that number, the oldest first. */
  dialogs(number: string): readonly LampDialog[];
  /** `listener` hears of a number whose dialogs are different. */
  onChanged(listener: (number: string) => void): void;
}

/** Phones want to hear that a dialog ended, not only to find it gone; also one that was busy being told something else. */
const LINGER_MS = 1500;

interface Kept {
  dialog: LampDialog;
  /** On Clock.now(); undefined: it goes on. */
  endedAt: number | undefined;
}

export class Lamps implements LampSource {
  private readonly byNumber = new Map<string, Map<string, Kept>>();
  /** Numbers and ids of each call. */
  private readonly byCall = new Map<string, Map<string, string>>();
  private readonly listeners: Array<(number: string) => void> = [];

  constructor(private readonly clock: Pick<Clock, 'now' | 'after'>) {}

  /** A call has changed; none: it is over. */
  see(call: string, parties: readonly CallParty[]): void {
    const before = this.byCall.get(call);
    const now = new Map<string, string>();
    for (const party of parties) {
      const dialog = dialogOf(party);
      now.set(dialog.id, party.number);
      this.put(party.number, dialog);
    }
    for (const [id, number] of before ?? []) if (!now.has(id)) this.end(number, id);
    if (now.size > 0) this.byCall.set(call, now);
    else this.byCall.delete(call);
  }

  dialogs(number: string): readonly LampDialog[] {
    return [...(this.byNumber.get(number)?.values() ?? [])].map(({ dialog }) => dialog);
  }

  onChanged(listener: (number: string) => void): void {
    this.listeners.push(listener);
  }

  private put(number: string, dialog: LampDialog): void {
    const all = this.byNumber.get(number) ?? new Map<string, Kept>();
    const old = all.get(dialog.id);
    if (old && same(old.dialog, dialog)) return;
    this.byNumber.set(number, all.set(dialog.id, { dialog, endedAt: undefined }));
    this.tell(number);
  }

  private end(number: string, id: string): void {
    const all = this.byNumber.get(number);
    const kept = all?.get(id);
    if (!all || !kept) return;
    const ended: Kept = { dialog: { ...kept.dialog, state: 'terminated' }, endedAt: this.clock.now() };
    all.set(id, ended);
    this.clock.after(LINGER_MS, () => {
      if (all.get(id) === ended) all.delete(id);
      if (all.size === 0 && this.byNumber.get(number) === all) this.byNumber.delete(number);
    });
    this.tell(number);
  }

  private tell(number: string): void {
    for (const listener of this.listeners) listener(number);
  }
}

/** Tags of our own: which side somebody is on, and nothing else. */
const tagOf = (side: Side): string => side;
const CALL_ID = /^lamp-([0-9a-f]{12})$/;

function dialogOf({ call, side, number, name, state, holding, other }: CallParty): LampDialog {
  return {
    id: `${call}-${side}-${number.replace(/[^\w.-]/g, (sign) => `_${sign.charCodeAt(0)}_`)}`,
    state,
    direction: side === 'caller' ? 'initiator' : 'recipient',
    callId: `lamp-${call}`,
    localTag: tagOf(side),
    remoteTag: tagOf(side === 'caller' ? 'callee' : 'caller'),
    local: { number, name, holding },
    remote: other,
  };
}

/** The id of the call that a Replaces header means, if its Call-ID is one of ours. The tags say nothing more; phones put them either way round (RFC 3891 §3, RFC 4235 §4.1.1). */
export const lampCall = (callId: string): string | undefined => CALL_ID.exec(callId)?.[1];

const same = (a: LampDialog, b: LampDialog): boolean =>
  a.state === b.state && a.local.holding === b.local.holding && a.remote?.number === b.remote?.number && a.remote?.name === b.remote?.name && a.local.name === b.local.name;
