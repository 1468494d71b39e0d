/** Short messages that wait for a phone. */

/** A short message (RFC 3428) for somebody who could not be reached when it came. */
export interface TextMessage {
  /** In the order they came: the text of a later one is greater. */
  id: string;
  /** Numbers; the name is the sender's. */
  from: string;
  fromName: string | null;
  to: string;
  contentType: string;
  body: string;
  /** `failed`: a phone refused it. */
  state: 'queued' | 'delivered' | 'failed' | 'expired';
  /** How often it was sent to phones. */
  tries: number;
  /** Unix milliseconds. */
  receivedAt: number;
  /** When it was delivered, refused, or expired; null: it is queued. */
  endedAt: number | null;
}

export interface TextMessageFilter {
  from?: string | undefined;
  to?: string | undefined;
  state?: TextMessage['state'] | undefined;
  /** An id: those that came before it. */
  after?: string | undefined;
  limit?: number | undefined;
}

export interface TextMessages {
  /** False, and nothing is added, when `each` are queued for that number, or `bySender` by the sender. Errors: `store.failed` when there is one of that id. */
  add(message: TextMessage, max: { each: number; bySender: number }): Promise<boolean>;
  get(id: string): Promise<TextMessage | undefined>;
  /** The newest first. */
  list(filter?: TextMessageFilter): Promise<TextMessage[]>;
  /** The oldest that is queued for this number. */
  next(to: string): Promise<TextMessage | undefined>;
  /** Numbers that messages are queued for. */
  waiting(): Promise<string[]>;
  /** It was sent to phones; without `end` it stays queued. False: it is not queued (any more). */
  tried(id: string, end?: { state: 'delivered' | 'failed'; endedAt: number }): Promise<boolean>;
  /** Those that came before and are queued are expired from then on; they are what it gives. */
  expire(before: number, endedAt: number): Promise<TextMessage[]>;
  /** Removes those that ended before. */
  forget(before: number): Promise<void>;
}
