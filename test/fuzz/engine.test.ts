/**
 * The engine, with an application on it, under traffic that nobody means well: see `support/engine-fuzz.ts`. 20,000 messages of a fixed seed in every run;
 * FUZZ_MESSAGES=1000000 is the long form, FC_SEED=NUMBER goes looking for others.
 */
import { join } from 'node:path';
import { makeCertificate } from '../support/certificate';
import { Child } from '../support/child';
import { need } from '../support/peers';
import { Stage } from '../support/stage';
import type { Outcome } from './support/engine-fuzz';

const MESSAGES = Number(process.env['FUZZ_MESSAGES'] ?? 20_000);
const SEED = Number(process.env['FC_SEED']) || 20261123;
/** Measured: 20,000 messages take 20 s on two busy cores. */
const LIMIT_MS = 120_000 + MESSAGES * 5;
/** What the heap may grow between a quarter of the way and the end: dialogs and transactions that are held, and what the compiler keeps. */
const GROWTH_MB = 15;

const root = join(__dirname, '../..');

need('netns', 'openssl')('the engine under fire', () => {
  test(
    `${MESSAGES} damaged messages: nothing escapes, the well-behaved are answered, nothing is left over`,
    async () => {
      const stage = new Stage();
      const { certificate, key } = await makeCertificate(stage);
      const node = ['--expose-gc', '--require', join(root, 'test/support/register-ts.cjs'), join(__dirname, 'support/engine-fuzz.ts'), String(MESSAGES), String(SEED), certificate, key];
      // A network with nothing but a loopback: wherever a damaged address points, nothing gets there
      const child = new Child('the engine under fire', 'unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath, ...node], { cwd: root });
      try {
        const exit = await child.exited;
        const line = /^\{"sent".*\}$/m.exec(child.tail(50))?.[0];
        if (exit.code !== 0 || line === undefined) throw new Error(`it ended with ${exit.signal ?? exit.code}\n${child.tail(50)}`);
        const outcome = JSON.parse(line) as Outcome;
        expect(outcome.problems).toEqual([]);
        expect(outcome.answered).toBe(outcome.asked);
        expect(outcome.left).toEqual({ transactions: 0, dialogs: 0, incoming: 0, outgoing: 0, proxying: 0 });
        expect(outcome.heap.end - outcome.heap.early).toBeLessThan(GROWTH_MB);
        const { udp, tcp, tls, ws, control } = outcome.sent;
        expect(udp + tcp + tls + ws + control).toBe(MESSAGES);
        expect(Math.min(udp, tcp, tls, ws, control)).toBeGreaterThan(MESSAGES / 20);
        // It got where the engine has something to lose
        for (const path of ['delivered', 'sent', 'unknownDialogs', 'answersRepeated', 'proxied', 'madeResponses', 'refusedCommands'] as const) expect(outcome.counters[path]).toBeGreaterThan(0);
      } finally {
        await child.stop('SIGKILL');
        await stage.close();
      }
    },
    LIMIT_MS,
  );
});
