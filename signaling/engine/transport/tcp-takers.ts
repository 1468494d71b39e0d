/**
 * Which peers do not take TCP where they take UDP: a large request is tried over TCP first (RFC 3261 §18.1.1), and a peer that refuses, or does
 * not answer for a second, is left alone for a while.
 */
import type { Clock } from '../../clock';
import { TransportError, type Endpoint, type Flow } from './types';

const FORGET_MS = 300_000;
const MAX_REMEMBERED = 4_096;
/** A call does not wait longer to be sent the better way. */
const PATIENCE_MS = 1_000;

export class TcpTakers {
  private readonly refusedUntil = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  mayTake(remote: Endpoint): boolean {
    return (this.refusedUntil.get(key(remote)) ?? 0) <= this.clock.now();
  }

  /** The flow, if it is there in time. */
  ask(remote: Endpoint, dialled: Promise<Flow>): Promise<Flow> {
    return new Promise((resolve, reject) => {
      const no = (error: Error): void => {
        timer.cancel();
        this.refused(remote);
        reject(error);
      };
      const timer = this.clock.after(PATIENCE_MS, () => no(new TransportError('timeout', 'TCP was not answered in time', 'tcp', remote.address, remote.port)));
      dialled.then((flow) => {
        timer.cancel();
        resolve(flow);
      }, no);
    });
  }

  private refused(remote: Endpoint): void {
    this.refusedUntil.delete(key(remote));
    if (this.refusedUntil.size >= MAX_REMEMBERED) this.refusedUntil.delete(this.refusedUntil.keys().next().value as string);
    this.refusedUntil.set(key(remote), this.clock.now() + FORGET_MS);
  }
}

const key = ({ address, port }: Endpoint): string => `${address} ${port}`;
