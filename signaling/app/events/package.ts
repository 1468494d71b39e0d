/**
 * An event package (RFC 6665 §5) as the notifier sees it: what it is called, who may watch what, and what is to be said of a resource. A package is an
 * island; when something has changed it is the business of whoever wires it to tell the notifier.
 */
import type { Refusal } from '../exchange';

export interface EventPackage {
  /** Name of the event, as in `Event: dialog`. */
  readonly event: string;
  /** Of its documents. */
  readonly contentType: string;
  /**
   * What `watcher`, the id of an extension, means by this number. 404: there is no such thing (any more); any other refusal: it is not for the watcher.
   * Asked again when the store has changed. Errors: the store's.
   */
  admit(watcher: string, dialled: string | undefined): Promise<{ resource: string } | Refusal>;
  /** `host`: what its watchers call us, perhaps with a port; undefined: nobody has said. Made once per change, however many watch. Errors: the store's. */
  document(resource: string, host: string | undefined): Promise<EventDocument>;
}

/** The text, for a watcher that has had so many before: packages that number their documents begin with 0 in each subscription. */
export type EventDocument = (version: number) => string;
