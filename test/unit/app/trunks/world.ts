/** Trunks over a provider that answers as a test says. */
import { EventEmitter } from 'node:events';
import type { SipAnswer } from '../../../../signaling/app/dialogs';
import type { PeerSrf } from '../../../../signaling/app/trunks/peer';
import { Trunks, type TrunkView } from '../../../../signaling/app/trunks/trunks';
import { silentLogger } from '../../../../signaling/log';
import { anyKinds } from '../../../../signaling/settings/catalogue';
import type { Extension } from '../../../../signaling/store/store';
import { FakeClock } from '../../../support/fake-clock';

export interface Asked {
  uri: string;
  method: string;
  proxy: string;
  headers: Record<string, string>;
  answer(status: number, headers?: Record<string, string>): void;
}

export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
};

type Raw = Record<string, unknown>;

/** With the defaults of its kind. */
const whole = (kind: string, value: Raw): Raw => anyKinds.find(({ name }) => name === kind)!.schema.parse(value);

export class Provider {
  readonly asked: Asked[] = [];
  readonly clock: FakeClock;
  readonly told: TrunkView[] = [];
  readonly meta = new Map<string, string>();
  readonly trunks: Trunks;
  /** What each request is answered with at once; undefined: the test answers. */
  answers: ((asked: Asked) => number | undefined) | undefined = () => 200;
  addresses: Record<string, string[]> = { 'a.example': ['192.0.2.1'], 'b.example': ['192.0.2.2'], 'c.example': ['192.0.2.3'] };
  private settings: Record<string, Raw[]> = { trunk: [], route: [], inbound: [] };
  private changed: Array<() => unknown> = [];

  constructor(
    readonly extensions: Map<string, Extension>,
    { clock = new FakeClock(), permissions = ['local', 'national', 'mobile'] as const }: { clock?: FakeClock; permissions?: readonly ('local' | 'national' | 'mobile' | 'international' | 'premium')[] } = {},
  ) {
    this.clock = clock;
    this.trunks = new Trunks({
      book: { all: (kind) => (this.settings[kind] ?? []) as never, onChanged: (fn) => void this.changed.push(fn) },
      store: { meta: { get: async (key) => this.meta.get(key), set: async (key, value) => void this.meta.set(key, value) } },
      directory: { find: async (number) => extensions.get(number) },
      settings: { country: '49', international: '00', national: '0', emergency: ['110', '112'], permissions },
      timeZone: 'UTC',
      clock,
      random: (bytes) => Buffer.alloc(bytes, 128),
      log: silentLogger,
      resolver: { addresses: async (host) => (/^\d+\./.test(host) ? [host] : (this.addresses[host] ?? [])) },
    });
    this.trunks.onChanged((view) => void this.told.push(view));
  }

  /** Everything that is set, with defaults. */
  async set(settings: { trunk?: Raw[]; route?: Raw[]; inbound?: Raw[] }): Promise<void> {
    this.settings = { ...this.settings, ...Object.fromEntries(Object.entries(settings).map(([kind, all]) => [kind, all.map((one) => whole(kind, one))])) };
    for (const fn of this.changed) fn();
    await settle();
  }

  async start(settings: Parameters<Provider['set']>[0]): Promise<void> {
    await this.set(settings);
    await this.trunks.start();
    this.trunks.connected(this.srf);
    await settle();
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  get last(): Asked {
    return this.asked.at(-1)!;
  }

  private readonly srf: PeerSrf = {
    request: (uri, { method, proxy = '', headers }, sent) => {
      const events = new EventEmitter();
      const asked: Asked = {
        uri, method, proxy, headers,
        answer: (status, more = {}) => {
          const lower = Object.fromEntries(Object.entries(more).map(([name, value]) => [name.toLowerCase(), value]));
          events.emit('response', { status, body: undefined, get: (name: string) => lower[name.toLowerCase()] } satisfies SipAnswer);
        },
      };
      this.asked.push(asked);
      sent(null, { on: (event, fn) => events.on(event, fn) });
      const status = this.answers?.(asked);
      if (status !== undefined) asked.answer(status);
    },
  };
}

export const gateway = { name: 'gateway', hosts: ['a.example'], callerId: '+4930100' };
export const account = { name: 'provider', hosts: ['a.example', 'b.example:5070'], register: true, username: '4930100', password: 'pw', healthSeconds: 0 };
