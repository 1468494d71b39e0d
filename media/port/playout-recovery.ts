/** Whether whoever makes up for a lost packet gets to see the next one, which costs a packet of delay. */

/** Shares of lost packets at which it does (one packet is enough), and at which it has to do without (six seconds after the last). */
const LOSS_TO_RECOVER = 0.006;
const LOSS_TO_STOP = 0.001;
/** Interpolation gains less than recovery does: it needs five packets that are lost within a few seconds, and is done without sooner; far apart, since each change is heard. */
const LOSS_TO_INTERPOLATE = 0.03;
const LOSS_TO_STOP_INTERPOLATING = 0.005;
const LOSS_MEMORY = 1 / 150;
/** Recovery that finds something less often than this is not worth the delay, and is not tried again for so many packets. */
const PAYS = 0.2;
const PAYS_MEMORY = 0.1;
const TRY_AGAIN_PACKETS = 1500;
/** A hole of more says no more about the network. */
const MOST_LOST = 10;

export class Recovery {
  private loss = 0;
  private pays = 0.7;
  /** Packets until it is tried again. */
  private rest = 0;
  private on = false;

  /** A packet was looked at for the one before it. */
  tried(found: boolean): void {
    this.pays += ((found ? 1 : 0) - this.pays) * PAYS_MEMORY;
  }

  /** A packet came, and `lost` before it did not. Returns whether the next ones shall wait. @param use what would be made of it */
  count(lost: number, use: 'recover' | 'interpolate' | 'nothing'): boolean {
    for (let i = Math.min(lost, MOST_LOST); i >= 0; i--) this.loss += ((i > 0 ? 1 : 0) - this.loss) * LOSS_MEMORY;
    if (this.pays < PAYS) {
      this.pays = 0.5;
      this.rest = TRY_AGAIN_PACKETS;
    }
    if (this.rest > 0) this.rest--;
    const [start, stop] = use === 'recover' ? [LOSS_TO_RECOVER, LOSS_TO_STOP] : [LOSS_TO_INTERPOLATE, LOSS_TO_STOP_INTERPOLATING];
    if (use === 'nothing' || this.loss < stop || this.rest > 0) this.on = false;
    else if (this.loss > start) this.on = true;
    return this.on;
  }
}
