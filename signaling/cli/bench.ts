/** `offhook bench`. */
import type { Command } from 'commander';
import type { Context, SetExitCode } from './context';

export function addBench(program: Command, context: Context, setExitCode: SetExitCode): void {
  program
    .command('bench')
    .description('run the benchmarks, side by side with the peers that are installed')
    .argument('[name...]', 'which ones (all)')
    .option('--pesq <program>', 'a program that measures by ITU-T P.862, for the benchmarks quality and peers')
    .action(async (names: string[], options: { pesq?: string }) => {
      const bench = await context.loadBench();
      const line = (write: (text: string) => void) => (text: string) => write(`${text}\n`);
      setExitCode(await bench.run(names, { out: line(context.out), err: line(context.err) }, options));
    });
}
