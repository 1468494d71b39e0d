/**
 * A third one in the call of two phones: a supervisor, who listens, is heard by one of them, or by both.
 *
 *   before and after   phone ⇄ relay ⇄ phone
 *   meanwhile          phone ⇄ room of the call ⇄ phone
 *                              ▲
 *                              └ supervisor: muted, heard by one, or by both
 */
import type { Call } from './call';
import { undecodable } from './call-bridge';
import { aloud } from './call-media';
import type { CallContext } from './context';
import { mediaWork } from './hangup';
import type { Leg } from './leg';

export interface Watch {
  /** The room of the plane that the supervisor joins. */
  readonly room: string;
  /** The endpoint of whom it is about: who hears what is whispered. */
  readonly agent: string;
  /** The two have hung up, or one of them went elsewhere. */
  readonly over: Promise<void>;
  /** A tone, for both. */
  tone(): void;
  /** They are among themselves again. A second time does nothing. */
  end(): void;
}

export class Supervision {
  private watches = 0;

  constructor(private readonly ctx: CallContext) {}

  /** Near which a supervisor's media has to be (`Call.near`); undefined: this number talks to nobody. */
  placeOf(number: string): string | undefined {
    const found = this.find(number);
    return found && (found.call.near ?? found.call.id);
  }

  /** undefined: it talks to nobody, or in a way that cannot be heard here. `by`: who listens, for the record. */
  watch(number: string, by: string): Watch | undefined {
    const { ctx } = this;
    const found = this.find(number);
    if (!found) return undefined;
    const { call, leg } = found;
    const { endpoint } = leg;
    if (!endpoint || undecodable(ctx, call) !== undefined) return undefined;
    const why = `supervisor ${(this.watches += 1)}`;
    const sounds = (on: boolean): void => mediaWork(ctx, call, aloud(ctx, call, why, on));
    sounds(true);
    if (!call.watchedBy.includes(by)) call.watchedBy.push(by);
    ctx.log.info({ call: call.id, by, of: number }, 'a supervisor listens to a call');
    return {
      room: `call:${call.id}`,
      agent: endpoint.id,
      over: new Promise((resolve) => call.whenOver.push(() => resolve())),
      tone() {
        for (const one of [call.caller, call.callee]) if (one?.endpoint) ctx.plane.play({ endpoint: one.endpoint.id }, [{ tone: 'beep' }], { over: true }).catch(() => ctx.counters.promptsFailed++);
      },
      end() {
        if (!call.over && call.aloud.has(why)) sounds(false);
      },
    };
  }

  /** The conversation that began last. */
  private find(number: string): { call: Call; leg: Leg } | undefined {
    let found: { call: Call; leg: Leg } | undefined;
    for (const call of this.ctx.engaged.callsOf(number)) {
      const leg = call.from.number === number ? call.caller : call.callee?.party === number ? call.callee : undefined;
      if (leg && !leg.over && call.state === 'up' && call.anchored && !call.service && call.callee && call.wiring !== undefined && !call.transfer) found = { call, leg };
    }
    return found;
  }
}
