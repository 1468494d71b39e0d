/**
 * Routes of a program of one's own (`offhook serve --app FILE`): its handler has the call, in a thread of its own, and asks for what is to be done with it.
 *
 *   its number ─▶ handler ─┬▶ returns ─▶ hung up
 *                          └▶ throws, hangs, is gone ─┬ not answered ─▶ where the number would have led without it, or its fallback
 *                                                     └ answered ─▶ put through to there; nobody: an apology
 */
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Playable } from '../../../media/plane';
import type { AppProgram, Operation, Sounds } from '../../app-program/app-program';
import { shown, tenantOf } from '../../tenants';
import type { Feature, ServiceCall } from '../feature';
import { refuse } from '../reasons';
import { PatternTable } from '../trunks/patterns';

export interface AppProgramDeps {
  program: Pick<AppProgram, 'file' | 'version' | 'settings' | 'serves' | 'run'>;
  /** A sound by its name: a key, or a file of the folder of sounds; empty: there is none, which is logged. */
  sound(name: string): readonly Playable[];
  sayNumber(n: number): readonly string[];
  sayDigits(number: string): readonly string[];
  /** A new file for what that call's caller says; its folder is there. */
  recordingFile(callId: string, piece: number): Promise<string>;
}

const MS = 1000;
const NAME = 'app';

export function appProgram(deps: AppProgramDeps): Feature {
  const { program } = deps;
  let known = { version: -1, numbers: new Set<string>(), table: new PatternTable<string>([]) };
  const routes = (): typeof known => {
    const { version } = program;
    if (known.version !== version) {
      const numbers = program.settings.routes.filter((route) => /^[0-9*#]+$/.test(route));
      known = { version, numbers: new Set(numbers), table: new PatternTable(program.settings.routes.map((one) => [one, one] as const)) };
    }
    return known;
  };
  return {
    name: NAME,
    numbers: [
      {
        // who says exactly this number means it, whatever it was before
        first: true,
        pattern: 'a number of the program',
        meaning: 'its handler has the call (offhook serve --app)',
        matches: (dialled, id) => (program.serves(tenantOf(id)) && routes().numbers.has(dialled) ? { route: dialled } : undefined),
      },
      {
        pattern: 'a pattern of the program',
        meaning: 'its handler has the call',
        matches: (dialled, id) => {
          const [route] = program.serves(tenantOf(id)) ? routes().table.find({ dialled, full: undefined }) : [];
          return route === undefined ? undefined : { route };
        },
      },
    ],
    async answer(call, { route = '' }) {
      const service = new Operator(call, deps);
      const { id, caller, dialled, transferredBy, answered } = call;
      const info = { id, caller: { number: shown(caller.number), name: caller.name }, dialled: shown(dialled), tenant: tenantOf(dialled), transferredBy: transferredBy && shown(transferredBy), answered };
      const outcome = await program.run(route, { info, operate: (operation) => service.operate(operation), ended: call.ended });
      if (outcome.kind === 'failed') await service.goOn(program.settings.fallback);
    },
  };
}

/** Does what a program asks with its call. */
class Operator {
  private transferring: Promise<unknown> | undefined;
  private pieces = 0;

  constructor(
    private readonly call: ServiceCall,
    private readonly deps: AppProgramDeps,
  ) {}

  async operate(operation: Operation): Promise<unknown> {
    const { call } = this;
    switch (operation.op) {
      case 'early':
        return call.early();
      case 'answer':
        return call.answer();
      case 'play': {
        const { why, playedMs } = await call.play(this.sounds(operation.what), operation.options);
        return { why, seconds: playedMs / MS };
      }
      case 'stopPlaying':
        return call.stopPlaying();
      case 'pause':
        return call.pause(operation.seconds * MS);
      case 'digit':
        return call.digit(operation.within * MS);
      case 'gather':
        return this.gather(operation.options);
      case 'forgetDigits':
        return call.forgetDigits();
      case 'record':
        return this.record(operation.options);
      case 'transfer': {
        const { to, options } = operation;
        this.transferring = call.transferTo(typeof to === 'string' ? to : { any: [...to] }, options);
        return this.transferring;
      }
      case 'hangup': {
        const { status, reason } = operation;
        return call.hangup(status === undefined && reason === undefined ? undefined : { ...refuse('by-program', reason ?? ''), ...(status !== undefined && { status }) });
      }
    }
  }

  private async gather({ digits: max, atLeast: min, terminators, firstSeconds, betweenSeconds, prompt, bargeIn, tries }: Extract<Operation, { op: 'gather' }>['options']) {
    for (let tried = 1; ; tried++) {
      const gathered = await this.call.gather({ max, min, terminators, firstMs: firstSeconds * MS, betweenMs: betweenSeconds * MS, prompt: this.sounds(prompt), bargeIn });
      if (tried >= tries || gathered.why === 'max' || gathered.why === 'terminator') return gathered;
    }
  }

  private async record({ file: asked, maxSeconds, silenceSeconds, terminators }: Extract<Operation, { op: 'record' }>['options']) {
    const file = asked === undefined ? await this.deps.recordingFile(this.call.id, ++this.pieces) : this.besideProgram(asked);
    const { why, durationMs, terminator, problem } = await this.call.record({ file, maxMs: maxSeconds * MS, terminators, ...(silenceSeconds !== undefined && { silenceMs: silenceSeconds * MS }) });
    if (why === 'failed') throw new Error(`record: ${problem ?? 'it failed'}`);
    return { file, seconds: durationMs / MS, why, terminator };
  }

  /** The program has left its caller alone. */
  async goOn(fallback: string | undefined): Promise<void> {
    const { call } = this;
    // it may come to its end by itself: somebody answers
    await this.transferring?.catch(() => undefined);
    if (!call.answered) await call.passBy(fallback);
    await call.answer();
    await call.stopPlaying();
    await call.transferTo(fallback ?? shown(call.dialled), { asDialled: true, past: true });
    await call.play([...this.deps.sound('cannot-be-reached-now'), ...this.deps.sound('goodbye')]);
  }

  private sounds(what: Sounds): Playable[] {
    const { sound, sayNumber, sayDigits } = this.deps;
    const said = (keys: readonly string[]): Playable[] => keys.flatMap((key) => sound(key));
    return what.flatMap((one): readonly Playable[] => {
      if (typeof one === 'string') return /[/\\]/.test(one) ? [{ file: this.besideProgram(one) }] : sound(one);
      if ('tone' in one) return [{ tone: one.tone, ...(one.seconds !== undefined && { ms: one.seconds * MS }) }];
      if ('hz' in one) return [{ hz: one.hz, ms: one.seconds * MS, ...(one.level !== undefined && { level: one.level }) }];
      if ('silence' in one) return [{ silenceMs: one.silence * MS }];
      return said('number' in one ? sayNumber(one.number) : sayDigits(one.digits));
    });
  }

  private besideProgram(path: string): string {
    return isAbsolute(path) ? path : resolve(dirname(this.deps.program.file), path);
  }
}
