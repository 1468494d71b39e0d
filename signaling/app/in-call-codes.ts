/**
 * Codes that are pressed during a call between two phones, for phones that have no keys for it. They go to the other one, too, as all keys do.
 *
 *   *2NUMBER#   the other one is connected to NUMBER, and one is out of it (blind transfer)
 *   *3          the other one, the one on hold and oneself: all three together
 *   *4          the other one and the one on hold are connected, and one is out of it (attended transfer)
 *
 * (`*1` is in `call-recording`.) Only phones that are registered here are listened to: what somebody presses who calls from outside means nothing.
 */
import { receives } from '../../media/sdp';
import type { Call } from './call';
import type { CallContext } from './context';
import { displace, extensionOf, type DisplaceBoard, type Found, type Place } from './displacing';
import type { ServiceCall } from './feature';
import type { Leg } from './leg';
import { playOver } from './sound-over';
import type { Notices, Transfers } from './transfers';

/** Between the star and the key behind it, and between digits of a number. */
const KEY_PAUSE_MS = 3000;
const DIGIT_PAUSE_MS = 5000;
const MAX_DIGITS = 32;

/** How a key came: a phone may send each of them in both ways. */
export type Way = 'media' | 'info';

interface Typing {
  way: Way;
  /** `*`, then `*2` and what follows. */
  keys: string;
  at: number;
}

export class InCallCodes {
  private readonly typing = new WeakMap<Leg, Typing>();

  constructor(
    private readonly ctx: CallContext,
    private readonly calls: () => Iterable<Call>,
    private readonly board: DisplaceBoard,
    private readonly transfers: Pick<Transfers, 'cannot' | 'transfer'>,
  ) {}

  pressed(call: Call, leg: Leg, digit: string, way: Way): void {
    const now = this.ctx.clock.now();
    const before = this.typing.get(leg);
    if (before && before.way !== way && now - before.at < KEY_PAUSE_MS) return;
    const keys = this.next(before && now - before.at <= (before.keys.length > 1 ? DIGIT_PAUSE_MS : KEY_PAUSE_MS) ? before.keys : '', digit);
    this.typing.set(leg, { way, keys: /^\*(2[0-9*]*)?$/.test(keys) ? keys : '', at: now });
    if (keys === '*3' || keys === '*4' || /^\*2[0-9*]+#$/.test(keys)) this.act(call, leg, keys);
  }

  /** A star begins anew, but within a number. */
  private next(before: string, digit: string): string {
    if (digit === '*' && !/^\*2/.test(before)) return '*';
    return before === '' || before.length > MAX_DIGITS ? '' : before + digit;
  }

  private act(call: Call, leg: Leg, keys: string): void {
    const { ctx } = this;
    if (call.state !== 'up' || call.service || !call.anchored || extensionOf(call, leg).trunk !== undefined || !this.isRegistered(leg)) return;
    const refused = this.transfers.cannot(call, leg) !== undefined;
    ctx.log.info({ call: call.id, by: leg.party, keys: keys.slice(0, 2) }, 'a code was pressed');
    if (refused) return this.no(call, leg);
    const sorry: Notices = {
      progress: () => undefined,
      final: (status, _reason, sent) => {
        if (status >= 300) this.no(call, leg);
        sent();
      },
    };
    if (keys.startsWith('*2')) return this.transfers.transfer(call, leg, { number: keys.slice(2, -1) }, sorry);
    const held = this.heldBy(call, leg);
    if (!held) return this.no(call, leg);
    if (keys === '*4') return this.transfers.transfer(call, leg, { found: held }, sorry);
    this.together(call, leg, held).catch((err: unknown) => {
      ctx.log.warn({ call: call.id, error: String(err) }, 'three could not be brought together');
      this.no(call, leg);
    });
  }

  /** The phone's own leg of the call that it has on hold, the newest. */
  private heldBy(call: Call, { party, source }: Leg): Found | undefined {
    return [...this.calls()]
      .filter((one) => one !== call && one.state === 'up' && !one.service && !one.transfer)
      .flatMap((one) => [one.caller, one.callee].flatMap((leg) => (leg?.party === party && leg.source === source && leg.dialog && !leg.over && !receives(leg.wants) ? [{ call: one, leg }] : [])))
      .sort((a, b) => b.call.startedAt - a.call.startedAt)[0];
  }

  /** Each of the three into a room, with a call of its own; the first is the one on hold: if that one does not come, all is as it was. */
  private async together(call: Call, leg: Leg, held: Found): Promise<void> {
    const { ctx, board } = this;
    const other = call.other(leg);
    const third = held.call.other(held.leg);
    if (!other || !third) throw new Error('a call without another side');
    const by = { transferredBy: leg.party };
    const place = meeting(`three:${call.id}`);
    await displace(ctx, board, { call: held.call, leg: third }, place, by);
    await displace(ctx, board, { call, leg: other }, place, { ...by, keep: true });
    await displace(ctx, board, { call, leg }, place, by);
  }

  private isRegistered({ party, source }: Leg): boolean {
    return this.ctx.locations.lookup(party).some((binding) => binding.source.address.replace(/^::ffff:/i, '') === source);
  }

  /** It did not work. */
  private no(call: Call, leg: Leg): void {
    void playOver(this.ctx, call, [leg], [{ tone: 'reorder', ms: 800 }], 'refusal');
  }
}

/** A room for those who are brought there; when only one is left, that one's call ends, too. */
function meeting(room: string): Place {
  const there = new Set<ServiceCall>();
  let came = 0;
  return {
    number: '*3',
    service: 'three-way',
    silence: 'asks',
    near: `room:${room}`,
    async handler(call) {
      await call.answer();
      await call.join(room);
      there.add(call);
      came++;
      try {
        await call.ended;
      } finally {
        there.delete(call);
        if (came > 1 && there.size === 1) for (const last of there) last.hangup();
      }
    },
  };
}
