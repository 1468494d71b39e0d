/** Phones on one wire, and what they tell. */
import type { PhoneEvent, PhoneEventName, PhoneEventOf } from '../../../../client/events';
import type { PhoneOptions } from '../../../../client/phone-types';
import { SoftPhone } from '../../../../client/phone';
import { loadSip } from '../../../../client/sip/sip-js';
import { FakeClock } from '../../../support/fake-clock';
import { FakeMediaFactory, type FakeMedia } from './fake-media';
import { Wire } from './wire';

export interface Party {
  name: string;
  phone: SoftPhone<FakeMedia>;
  media: FakeMediaFactory;
  events: PhoneEvent[];
  of<N extends PhoneEventName>(name: N): Array<PhoneEventOf<N>>;
  /** Waits until it was told. */
  hears<N extends PhoneEventName>(name: N, test?: (event: PhoneEventOf<N>) => boolean): Promise<PhoneEventOf<N>>;
}

export class PhoneStage {
  readonly wire = new Wire();
  readonly clock = new FakeClock();
  readonly parties: Party[] = [];
  private readonly unhandled: unknown[] = [];
  private readonly onUnhandled = (err: unknown): void => void this.unhandled.push(err);

  constructor() {
    process.on('unhandledRejection', this.onUnhandled);
  }

  async phone(name: string, options: Partial<PhoneOptions> = {}, server?: string): Promise<Party> {
    const sip = await loadSip();
    const media = new FakeMediaFactory();
    const domain = server ?? `${name}.test`;
    const account = { user: name, domain, ...(server && { server: { protocol: 'TCP' as const, host: server }, password: 'secret' }) };
    const phone = new SoftPhone({ account, qualityMs: 0, ...options }, { sip, openChannel: () => Promise.reject(new Error('no channels here')), media, clock: this.clock, chance: () => 0.5 }, this.wire.way(`${name}.test`, server));
    const events: PhoneEvent[] = [];
    phone.on('*', (event) => events.push(event));
    const of = <N extends PhoneEventName>(wanted: N) => events.filter((event): event is PhoneEventOf<N> => event.event === wanted);
    const party: Party = {
      name, phone, media, events, of,
      hears: async (wanted, test = () => true) => {
        await until(() => of(wanted).some(test), () => `${name} to hear ${wanted}; heard ${JSON.stringify(events)}`);
        return of(wanted).find(test)!;
      },
    };
    this.parties.push(party);
    if (!server) await phone.connect();
    return party;
  }

  async close(): Promise<void> {
    const closing = this.parties.map(({ phone }) => phone.close());
    await settle();
    this.clock.advance(3000);
    await Promise.all(closing);
    await settle();
    process.off('unhandledRejection', this.onUnhandled);
    if (this.unhandled.length > 0) throw this.unhandled[0];
  }
}

/** Lets everything that is under way arrive. */
export async function settle(rounds = 40): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function until(condition: () => boolean, what: () => string = () => 'a condition'): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`waited in vain for ${what()}`);
}
