/** Whatever happens in whatever order: no move without a row, and after ten minutes nothing is left. */
import fc from 'fast-check';
import { TransactionError } from '../../../../signaling/engine/transaction/types';
import { TransportError } from '../../../../signaling/engine/transport/types';
import { answer, Bench, outgoing, Recorder, request, settled } from './support';

const instant = fc.constantFrom(0, 1, 499, 500, 3_500, 5_000, 31_999, 32_000, 64_000);
const status = fc.constantFrom(100, 180, 183, 200, 202, 302, 408, 486, 487, 503, 603);
const protocol = fc.constantFrom('udp' as const, 'tcp' as const);

const serverStep = fc.oneof(
  fc.record({ do: fc.constant('arrive' as const), method: fc.constantFrom('INVITE', 'ACK', 'CANCEL', 'OPTIONS', 'BYE'), branch: fc.constantFrom('z9hG4bK-a', 'z9hG4bK-b', 'old') }),
  fc.record({ do: fc.constant('respond' as const), which: fc.nat(3), status }),
  fc.record({ do: fc.constant('repeat' as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant('advance' as const), ms: instant }),
  fc.record({ do: fc.constant('break' as const), broken: fc.boolean() }),
  fc.record({ do: fc.constant('close' as const) }),
);

const clientStep = fc.oneof(
  fc.record({ do: fc.constant('request' as const), method: fc.constantFrom('INVITE', 'OPTIONS') }),
  fc.record({ do: fc.constant('hear' as const), which: fc.nat(3), status, tag: fc.constantFrom('x', 'y') }),
  fc.record({ do: fc.constant('cancel' as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant('advance' as const), ms: instant }),
  fc.record({ do: fc.constant('break' as const), broken: fc.boolean() }),
  fc.record({ do: fc.constant('close' as const) }),
);

const guardMs = 300_000;
const broken = new TransportError('EHOSTUNREACH', 'no way');

function expectNothingLeft(b: Bench): void {
  b.clock.advance(2 * guardMs);
  expect(b.layer.stats()).toMatchObject({ server: 0, client: 0, timers: 0, internalErrors: 0, handlerErrors: 0 });
}

test('server transactions', async () => {
  await fc.assert(
    fc.asyncProperty(protocol, fc.array(serverStep, { maxLength: 25 }), async (name, steps) => {
      const b = new Bench({ maxProceedingMs: guardMs });
      const flow = b[name];
      for (const step of steps) {
        if (step.do === 'arrive') b.receive(request(step.method, { branch: step.branch }), flow);
        else if (step.do === 'advance') b.clock.advance(step.ms);
        else if (step.do === 'break') flow.broken = step.broken ? broken : undefined;
        else if (step.do === 'close') flow.close();
        else if (step.do === 'repeat') b.transactions[step.which]?.repeat();
        else {
          const transaction = b.transactions[step.which];
          try {
            transaction?.respond(answer(transaction.request, step.status));
          } catch (error) {
            if (!(error instanceof TransactionError) || error.code === 'illegal-move') throw error;
          }
        }
        await settled();
      }
      expect(b.terminated.length).toBeLessThanOrEqual(b.transactions.length);
      expectNothingLeft(b);
      expect(b.terminated).toHaveLength(b.transactions.length);
    }),
    { numRuns: 300 },
  );
});

test('client transactions: exactly one end each', async () => {
  await fc.assert(
    fc.asyncProperty(protocol, fc.array(clientStep, { maxLength: 25 }), async (name, steps) => {
      const b = new Bench({ maxProceedingMs: guardMs });
      const flow = b[name];
      const calls: Array<{ tx: ReturnType<Bench['layer']['request']>; heard: Recorder; method: string }> = [];
      for (const step of steps) {
        const call = 'which' in step ? calls[step.which] : undefined;
        if (step.do === 'request') {
          const heard = new Recorder();
          calls.push({ tx: b.layer.request(outgoing(step.method), flow, heard), heard, method: step.method });
        } else if (step.do === 'advance') b.clock.advance(step.ms);
        else if (step.do === 'break') flow.broken = step.broken ? broken : undefined;
        else if (step.do === 'close') flow.close();
        else if (step.do === 'cancel') call?.tx.cancel();
        else if (call) b.receive(answer(call.tx.request, step.status, step.tag), flow);
        await settled();
      }
      expectNothingLeft(b);
      for (const { heard } of calls) {
        const finals = heard.responses.filter((r) => r.status >= 200 && !r.again).length;
        expect(finals + heard.timeouts + heard.errors.length).toBe(1);
        expect(heard.terminations).toBe(1);
      }
      expect(flow.watchers).toBe(0);
    }),
    { numRuns: 300 },
  );
});
