/** The ACK to a 2xx we received (RFC 3261 §13.2.2.4): owed by the application, kept to be repeated for a repeated 2xx. */
import type { Timer } from '../../clock';
import type { SentRequest } from '../transaction/types';
import type { Flow } from '../transport/types';

export interface Acknowledgement {
  /** CSeq number of the INVITE. */
  readonly seq: number;
  /** Absent until the application has sent it. */
  sent?: { readonly flow: Flow; readonly data: Buffer };
  /** Runs until it is sent. */
  overdue?: Timer | undefined;
}

/** What is needed to send it again, in memory of its own: a slice of Node's buffer pool would hold on to eight kilobytes. */
export function keep({ flow, data }: SentRequest): NonNullable<Acknowledgement['sent']> {
  const copy = Buffer.allocUnsafeSlow(data.length);
  data.copy(copy);
  return { flow, data: copy };
}
