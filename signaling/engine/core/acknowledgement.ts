/** The ACK to a 2xx we received (RFC 3261 §13.2.2.4): owed by the application, kept to be repeated for a repeated 2xx. */
import type { Timer } from '../../clock';
import { kept, type Kept } from '../transaction/kept';
import type { SentRequest } from '../transaction/types';
import type { Flow } from '../transport/types';

export interface Acknowledgement {
  /** CSeq number of the INVITE. */
  readonly seq: number;
  /** Absent until the application has sent it. */
  sent?: { readonly flow: Flow; readonly data: Kept };
  /** Runs until it is sent. */
  overdue?: Timer | undefined;
}

/** What is needed to send it again. */
export function keep({ flow, data }: SentRequest): NonNullable<Acknowledgement['sent']> {
  return { flow, data: kept(data) };
}
