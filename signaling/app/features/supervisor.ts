/**
 * Supervisors: `*81NUMBER` listens to the call that this extension has, `*82NUMBER` is heard by it and not by whom it talks to, `*83NUMBER` is heard by
 * both. Keys change that: 4 listen, 5 whisper, 6 join. Who may is set (`supervisor`).
 */
import { CallOver, type Feature, type ServiceCall } from '../feature';
import { refuse } from '../reasons';
import type { Watch } from '../supervision';

const BREATH_MS = 400;
const CODE = /^\*8([123])(\d{2,15})$/;
const KEY_MS = 3_600_000;

export type Mode = 'listen' | 'whisper' | 'barge';

const modes: Readonly<Record<string, Mode>> = { 1: 'listen', 2: 'whisper', 3: 'barge' };
const keys: Readonly<Record<string, Mode>> = { 4: 'listen', 5: 'whisper', 6: 'barge' };

export interface SupervisorDeps {
  /** Of an extension as it was dialled by that one. */
  idOf(number: string, caller: string): string;
  /** undefined: it may not. Otherwise whether those who talk hear a tone. */
  permission(number: string, supervisor: string): Promise<{ tone: boolean } | undefined>;
  /** See `Supervision`. */
  placeOf(number: string): string | undefined;
  watch(number: string, by: string): Watch | undefined;
  sayDigits: (number: string) => readonly string[];
}

export const supervisor = (deps: SupervisorDeps): Feature => ({
  name: 'supervisor',
  silence: 'asks',
  numbers: Object.entries(modes).map(([digit, mode]) => ({
    pattern: `*8${digit}NUMBER`,
    meaning: `${{ listen: 'listen to', whisper: 'whisper into', barge: 'join' }[mode]} the call of an extension (supervisor)`,
    matches: (dialled: string) => {
      const [, which, number] = CODE.exec(dialled) ?? [];
      return number === undefined || which !== digit ? undefined : { number, mode };
    },
    near: ({ number = '' }, caller) => deps.placeOf(deps.idOf(number, caller)),
  })),
  async answer(call, { number = '', mode }) {
    const id = deps.idOf(number, call.caller.number);
    const permission = await deps.permission(id, call.caller.number);
    if (!permission) return call.hangup(refuse('refused', number));
    await call.answer();
    await call.pause(BREATH_MS);
    await supervise(call, id, mode as Mode, permission.tone, deps);
  },
});

/** Until the two have hung up, or the supervisor does. */
export async function supervise(call: ServiceCall, number: string, mode: Mode, tone: boolean, deps: Pick<SupervisorDeps, 'watch' | 'sayDigits'>): Promise<void> {
  const watch = deps.watch(number, call.caller.number);
  if (!watch) {
    await call.say(['person-at-extension', ...deps.sayDigits(number), 'is-not-in-a-call', 'goodbye']);
    return;
  }
  try {
    await enter(call, watch, mode);
    if (tone) watch.tone();
    const over = watch.over.then(() => 'over' as const);
    for (;;) {
      const key = await Promise.race([call.digit(KEY_MS), over]);
      if (key === 'over') break;
      const next = key === undefined ? undefined : keys[key];
      if (next) await enter(call, watch, next);
    }
    await call.leave();
  } finally {
    watch.end();
  }
  await call.say(['goodbye']);
}

async function enter(call: ServiceCall, { room, agent }: Watch, mode: Mode): Promise<void> {
  try {
    await call.join(room, mode === 'listen' ? { muted: true } : mode === 'whisper' ? { heardBy: [agent] } : {});
  } catch (err) {
    if (err instanceof CallOver) throw err;
    // another call than the one near which its media was placed
    await call.say(['cannot-be-reached-now', 'goodbye']);
    call.hangup();
    throw err;
  }
}
