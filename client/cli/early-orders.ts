/** What needs the server and was asked for before the server had let the phone in: done in its order afterwards, or taken back. */

export interface Order {
  /** A call, which hanging up takes back. */
  isCall: boolean;
  /** Never rejects. */
  work(): Promise<void>;
  /** It will not be done. */
  refused(why: string): unknown;
}

export class EarlyOrders {
  private waiting: Order[] = [];
  private open = false;

  /** Does it at once when the phone is ready, else once it is. */
  async add(order: Order): Promise<void> {
    if (this.open) return order.work();
    this.waiting.push(order);
  }

  /** The phone is ready. Resolves when all that waited is done. */
  async release(): Promise<void> {
    for (let order = this.waiting.shift(); order; order = this.waiting.shift()) await order.work();
    this.open = true;
  }

  /** Returns whether a call was waiting. */
  hangUp(why: string): boolean {
    const calls = this.waiting.filter(({ isCall }) => isCall);
    this.waiting = this.waiting.filter(({ isCall }) => !isCall);
    for (const call of calls) call.refused(why);
    return calls.length > 0;
  }

  /** None of them will be done any more. */
  refuse(why: string): void {
    for (const order of this.waiting.splice(0)) order.refused(why);
  }
}
