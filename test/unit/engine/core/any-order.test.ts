/**
 * Whatever the network, the application and the clock do in whatever order: nothing throws, every command gets exactly one answer,
 * every request of the network exactly one final response in the end, and nothing is left behind when the application is gone.
 */
import fc from 'fast-check';
import { parseAppMessage, type AppRequest, type AppResponse } from '../../../../signaling/engine/core/app-message';
import type { Reply } from '../../../../signaling/engine/core/app';
import { CoreUnderTest, FakeFlow, unreachable, type FakeServerTransaction } from './fakes';

const methods = ['INVITE', 'BYE', 'UPDATE', 'PRACK', 'INFO', 'SUBSCRIBE', 'NOTIFY', 'OPTIONS', 'REGISTER'];
const statuses = [100, 180, 183, 200, 202, 302, 401, 408, 422, 481, 486, 491, 503];

type Step =
  | { kind: 'receive'; method: number; call: number; inDialog: boolean; seq: number; reliable: boolean; tcp: boolean; timer: boolean }
  | { kind: 'respond'; which: number; status: number; reliable: boolean }
  | { kind: 'ack'; which: number }
  | { kind: 'cancel'; which: number }
  | { kind: 'request'; method: number; reach: boolean }
  | { kind: 'inDialog'; method: number; which: number }
  | { kind: 'cancelOurs'; which: number }
  | { kind: 'answer'; which: number; status: number; tag: number; contact: boolean; reliable: boolean; timer: boolean }
  | { kind: 'fail'; which: number; timeout: boolean }
  | { kind: 'time'; ms: number };

/** Mostly the newest: that is where things happen. */
const which = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(4) });
const method = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.nat(methods.length - 1) });
const status = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(1, 2, 3, 4) }, { weight: 1, arbitrary: fc.nat(statuses.length - 1) });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('receive' as const), method, call: fc.nat(1), inDialog: fc.boolean(), seq: fc.integer({ min: 1, max: 9 }), reliable: fc.boolean(), tcp: fc.boolean(), timer: fc.boolean() }),
  fc.record({ kind: fc.constant('respond' as const), which, status, reliable: fc.boolean() }),
  fc.record({ kind: fc.constant('ack' as const), which }),
  fc.record({ kind: fc.constant('cancel' as const), which }),
  fc.record({ kind: fc.constant('request' as const), method: fc.constantFrom(0, 0, 5, 7), reach: fc.boolean() }),
  fc.record({ kind: fc.constant('inDialog' as const), method: fc.oneof(method, fc.constant(methods.length)), which }),
  fc.record({ kind: fc.constant('cancelOurs' as const), which }),
  fc.record({ kind: fc.constant('answer' as const), which, status, tag: fc.nat(1), contact: fc.boolean(), reliable: fc.boolean(), timer: fc.boolean() }),
  fc.record({ kind: fc.constant('fail' as const), which, timeout: fc.boolean() }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 600, 5000, 33_000, 70_000) }),
);

class Run {
  readonly sip = new CoreUnderTest({ maxRingingMs: 200_000 });
  readonly received: FakeServerTransaction[] = [];
  readonly finished = new Set<number>();
  commands = 0;
  replies = 0;

  /** Names of dialogs as the application learns them. */
  private readonly dialogs: string[] = [];

  private readonly reply: Reply = (outcome) => {
    this.replies++;
    if (outcome.ok && outcome.dialogId !== '') this.dialogs.push(outcome.dialogId);
  };

  do(one: Step): void {
    const { sip } = this;
    switch (one.kind) {
      case 'receive': {
        const method = methods[one.method]!;
        this.received.push(
          sip.receive(
            method,
            {
              'Call-ID': `call${one.call}`,
              CSeq: `${one.seq} ${method}`,
              ...(one.inDialog ? { To: '<sip:bob@example.com>;tag=ourtag' } : {}),
              ...(one.reliable ? { Supported: '100rel', RAck: '1 1 INVITE' } : {}),
              ...(one.timer ? { 'Session-Expires': '100;refresher=uas' } : {}),
            },
            { body: 'v=0', flow: new FakeFlow(one.tcp ? 'tcp' : 'udp', '198.51.100.7', 5062) },
          ),
        );
        return;
      }
      case 'respond': {
        const delivery = sip.app.requests.at(-1 - one.which);
        if (!delivery) return;
        const lines = [`SIP/2.0 ${statuses[one.status]} Said`, ...(one.reliable ? ['Require: 100rel'] : []), '', 'v=0'];
        this.command(() => sip.core.respond(sip.app, delivery.transactionId, parseAppMessage(lines.join('\r\n')) as AppResponse, this.reply));
        return;
      }
      case 'ack': {
        const invite = this.received.at(-1 - one.which);
        if (invite) sip.ack(invite);
        return;
      }
      case 'cancel': {
        const invite = this.received.at(-1 - one.which);
        if (invite?.invite && invite.state === 'proceeding') sip.cancel(invite);
        return;
      }
      case 'request': {
        if (!one.reach) sip.flowTo = unreachable;
        const { flowTo } = new CoreUnderTest();
        const message = parseAppMessage(`${methods[one.method]} sip:bob@198.51.100.9 SIP/2.0\r\n\r\nv=0`) as AppRequest;
        this.command(() => sip.core.request(sip.app, message, '', this.reply));
        sip.flowTo = flowTo;
        return;
      }
      case 'inDialog': {
        const dialogId = this.dialogs.at(-1 - one.which);
        const method = methods[one.method] ?? 'ACK';
        if (dialogId === undefined) return;
        this.command(() => sip.core.requestInDialog(sip.app, dialogId, parseAppMessage(`${method} sip:placeholder SIP/2.0\r\n\r\nv=0`) as AppRequest, '', this.reply));
        return;
      }
      case 'cancelOurs': {
        const delivery = sip.app.responses.at(-1 - one.which);
        if (!delivery) return;
        this.command(() => sip.core.cancel(sip.app, delivery.transactionId, parseAppMessage('CANCEL sip:a SIP/2.0\r\n\r\n') as AppRequest, this.reply));
        return;
      }
      case 'answer': {
        const at = sip.transactions.sent.length - 1 - one.which;
        const sent = sip.transactions.sent[at];
        const status = statuses[one.status]!;
        if (!sent) return;
        // As the transaction layer does: after a final response only further 2xx to an INVITE come through.
        const again = this.finished.has(at);
        if (again && (sent.request.method !== 'INVITE' || status < 200 || status >= 300)) return;
        if (status >= 200) this.finished.add(at);
        sent.answer(status, {
          tag: `t${one.tag}`,
          again,
          lines: [...(one.contact ? ['Contact: <sip:bob@198.51.100.9>'] : []), ...(one.reliable ? ['Require: 100rel', 'RSeq: 7'] : []), ...(one.timer ? ['Session-Expires: 100;refresher=uac', 'Min-SE: 95'] : [])],
        });
        return;
      }
      case 'fail': {
        const at = sip.transactions.sent.length - 1 - one.which;
        const sent = sip.transactions.sent[at];
        if (!sent || this.finished.has(at)) return;
        this.finished.add(at);
        if (one.timeout) sent.handlers.onTimeout();
        else sent.handlers.onTransportError(Object.assign(new Error('x'), { code: 'x' }) as never);
        return;
      }
      case 'time':
        sip.clock.advance(one.ms);
        return;
    }
  }

  private command(run: () => void): void {
    this.commands++;
    run();
  }
}

test('any order of events', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const run = new Run();
      const { sip } = run;
      for (const one of steps) {
        run.do(one);
        for (let i = 0; i < 4; i++) await Promise.resolve();
      }
      // The end: everything of ours is answered, and the application goes.
      const nobodyAnswers = (): void => {
        for (let at = 0; at < sip.transactions.sent.length; at++) {
          if (!run.finished.has(at)) sip.transactions.sent[at]!.handlers.onTimeout();
          run.finished.add(at);
        }
      };
      nobodyAnswers();
      sip.core.appLost(sip.app);
      // A BYE waits for the ACK to a 2xx as long as that may take.
      sip.clock.advance(64 * 500);
      nobodyAnswers();
      for (let i = 0; i < 10; i++) await Promise.resolve();

      expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0, outgoing: 0 });
      expect(sip.clock.waiting).toBe(0);
      expect(run.replies).toBe(run.commands);
      for (const transaction of run.received) {
        expect(transaction.statuses.filter((status) => status >= 200)).toHaveLength(1);
      }
    }),
    { numRuns: 1500 },
  );
});
