/** The ACK to a 2xx we received (RFC 3261 §13.2.2.4): owed by the application, kept to be repeated for a repeated 2xx. */
import type { SentRequest } from '../transaction/types';

export interface Acknowledgement {
  /** CSeq number of the INVITE. */
  readonly seq: number;
  /** Absent until the application has sent it. */
  sent?: SentRequest;
}
