/** What a response context is made from: one request, where it goes, and who is told. */
import type { ServerTransaction } from '../../transaction/types';
import type { Flow } from '../../transport/types';
import type { SipRequest, SipResponse } from '../../wire/message';
import type { App } from '../app';
import type { CoreContext } from '../context';
import type { BranchDeps } from './branch';
import type { ProxyRecords } from './records';
import type { ProxyListener, ProxySpec } from './spec';
import type { ProxyTarget, TargetSet } from './targets';

export type Policy = Pick<ProxySpec, 'simultaneous' | 'followRedirects' | 'provisionalTimeoutMs' | 'finalTimeoutMs'>;

export interface ProxyJob {
  context: CoreContext;
  transaction: ServerTransaction;
  /** As received. */
  request: SipRequest;
  targets: TargetSet;
  policy: Policy;
  /** A URI that one of our transports can go to. */
  isUsable(uri: string): boolean;
  copyFor: BranchDeps['copyFor'];
  moved?: BranchDeps['moved'];
  mark: string;
  /** Branches it may have at one time (RFC 5393 §5). */
  breadth: number;
  /** Whose request it is. Absent, with the listener: nobody's, it belongs to a call that was record-routed. */
  app?: App | undefined;
  listener?: ProxyListener | undefined;
  /** A target's final response, before anything is done about it. */
  onAnswer?: ((target: ProxyTarget, response: SipResponse) => void) | undefined;
  records?: ProxyRecords | undefined;
  /** Turns our Record-Route entry in a response that begins a dialog towards who sent it. */
  faceTarget?: ((response: SipResponse, from: Flow) => void) | undefined;
  /** The final response is on its way up. */
  onConcluded(): void;
}
