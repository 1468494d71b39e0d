/** The dialogs there are, by the name the application uses and by what requests from the network carry (RFC 3261 §12.2.2). */
import { BusyMap } from '../busy-map';
import type { SipRequest } from '../wire/message';
import type { Dialog } from './dialog';

export class DialogTable {
  private readonly byId = new BusyMap<Dialog>();
  private readonly byLocalTag = new BusyMap<Dialog>();

  get size(): number {
    return this.byId.size;
  }

  add(dialog: Dialog): void {
    this.byId.set(dialog.id, dialog);
    this.byLocalTag.set(localKey(dialog.callId, dialog.localTag), dialog);
  }

  get(id: string): Dialog | undefined {
    return this.byId.get(id);
  }

  has(dialog: Dialog): boolean {
    return this.byId.get(dialog.id) === dialog;
  }

  /**
   * The dialog a request from the network belongs to. While a call of ours is not answered it takes any remote tag: every branch of a
   * fork has its own, and a request may overtake the response that would have told it.
   */
  match(request: SipRequest): Dialog | undefined {
    const { toTag, fromTag } = request;
    if (toTag === undefined) return undefined;
    const dialog = this.byLocalTag.get(localKey(request.callId, toTag));
    if (dialog === undefined) return undefined;
    return dialog.remoteTag === fromTag || (dialog.role === 'uac' && dialog.state === 'early') ? dialog : undefined;
  }

  /** The dialog our own request made, for a response that came after its transaction (Call-ID and From tag are ours). */
  byOwnTag(callId: string, fromTag: string | undefined): Dialog | undefined {
    return fromTag === undefined ? undefined : this.byLocalTag.get(localKey(callId, fromTag));
  }

  remove(dialog: Dialog): void {
    dialog.state = 'ended';
    if (this.byId.get(dialog.id) === dialog) this.byId.delete(dialog.id);
    const key = localKey(dialog.callId, dialog.localTag);
    if (this.byLocalTag.get(key) === dialog) this.byLocalTag.delete(key);
  }

  [Symbol.iterator](): Iterator<Dialog> {
    return this.byId.values();
  }
}

function localKey(callId: string, localTag: string): string {
  return `${localTag} ${callId}`;
}
