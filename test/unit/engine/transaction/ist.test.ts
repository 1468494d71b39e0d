/** The INVITE server transaction, row by row: RFC 3261 §17.2.1 with RFC 6026. */
import { inviteServerTable } from '../../../../signaling/engine/transaction/ist';
import { TransportError } from '../../../../signaling/engine/transport/types';
import { makeResponse } from '../../../../signaling/engine/transport/reply';
import { Bench, expectNoDefects, request, settled, watchTable } from './support';

afterEach(expectNoDefects);

const rows = watchTable(inviteServerTable);
afterAll(() => expect(rows.missing()).toEqual([]));

const invite = request('INVITE');
const ack = (tag = 'ours', branch = 'z9hG4bK-1') => request('ACK', { toTag: tag, branch });

describe('INVITE server transaction', () => {
  test('proceeding: retransmissions get nothing before the first response and the last provisional after it', () => {
    const b = new Bench();
    b.receive(invite);
    b.receive(invite);
    expect(b.udp.sent).toEqual([]);
    b.respond(100);
    b.respond(180);
    b.receive(invite);
    expect(b.udp.whats).toEqual(['100 INVITE', '180 INVITE', '180 INVITE']);
    expect(b.requests).toHaveLength(1);
    expect(b.server.state).toBe('proceeding');
    expect(b.layer.stats()).toMatchObject({ requestsReceived: 1, absorbed: 2, responsesRepeated: 1, server: 1 });
  });

  test('an ACK before the final response changes nothing', () => {
    const b = new Bench();
    b.receive(invite);
    b.receive(ack());
    expect(b.server.state).toBe('proceeding');
    expect(b.acks).toEqual([]);
  });

  test('completed on UDP: timer G at 0.5, 1, 2, 4, 4 ... s until timer H at 32 s', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(486);
    b.clock.advance(100_000);
    expect(b.udp.times).toEqual([0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    expect(new Set(b.udp.whats)).toEqual(new Set(['486 INVITE']));
    expect(b.server.state).toBe('terminated');
    expect(b.terminated).toEqual(['INVITE']);
    expect(b.layer.stats()).toMatchObject({ unacknowledged: 1, server: 0, timers: 0 });
  });

  test('completed on TCP: no timer G, timer H at 32 s', () => {
    const b = new Bench();
    b.receive(invite, b.tcp);
    b.respond(486);
    b.clock.advance(31_999);
    expect(b.tcp.whats).toEqual(['486 INVITE']);
    expect(b.server.state).toBe('completed');
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
  });

  test('completed: a retransmitted INVITE gets the final response at once', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(486);
    b.clock.advance(250);
    b.receive(invite);
    expect(b.udp.times).toEqual([0, 250]);
  });

  test('the ACK to a failure is absorbed: confirmed, timer I of 5 s, then nothing is left', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(486);
    b.clock.advance(500);
    b.receive(ack());
    expect(b.server.state).toBe('confirmed');
    b.receive(ack());
    b.receive(invite);
    b.clock.advance(4_999);
    expect(b.server.state).toBe('confirmed');
    expect(b.udp.times).toEqual([0, 500]);
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
    expect(b.acks).toEqual([]);
    expect(b.layer.stats()).toMatchObject({ unacknowledged: 0, server: 0, timers: 0 });
  });

  test('on TCP timer I is zero', () => {
    const b = new Bench();
    b.receive(invite, b.tcp);
    b.respond(486);
    b.receive(ack(), b.tcp);
    expect(b.server.state).toBe('terminated');
    expect(b.terminated).toEqual(['INVITE']);
  });

  test.each(['udp', 'tcp'] as const)('accepted (%s): INVITEs are absorbed, the core repeats the 2xx, timer L ends it after 32 s', (protocol) => {
    const b = new Bench();
    const flow = b[protocol];
    b.receive(invite, flow);
    b.respond(200);
    expect(b.server.state).toBe('accepted');
    b.clock.advance(400);
    b.receive(invite, flow);
    expect(flow.times).toEqual([0]);
    b.clock.advance(100);
    expect(b.server.repeat()).toBe(true);
    b.clock.advance(500);
    expect(b.respond(200)).toBe(true);
    expect(flow.times).toEqual([0, 500, 1000]);
    expect(flow.whats).toEqual(['200 INVITE', '200 INVITE', '200 INVITE']);
    b.clock.advance(30_999);
    expect(b.server.state).toBe('accepted');
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
    expect(b.server.repeat()).toBe(false);
    expect(b.requests).toHaveLength(1);
  });

  test('accepted: an ACK with the branch of the INVITE goes up each time, like one with its own', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(200);
    b.receive(ack());
    b.receive(ack('ours', 'z9hG4bK-other'));
    b.receive(ack('ours', 'z9hG4bK-other'));
    expect(b.acks).toHaveLength(3);
    expect(b.server.state).toBe('accepted');
  });

  test('after acknowledged() the bytes of the 2xx are gone, and INVITEs are still absorbed', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(200);
    b.server.acknowledged();
    expect(b.server.repeat()).toBe(false);
    b.receive(invite);
    expect(b.udp.times).toEqual([0]);
    expect(b.requests).toHaveLength(1);
  });

  test('a second final response is refused, whatever the first was', () => {
    const b = new Bench();
    b.receive(invite);
    b.respond(486);
    expect(() => b.respond(200)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    expect(() => b.respond(180)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    b.receive(request('INVITE', { branch: 'z9hG4bK-2' }));
    b.respond(200);
    expect(() => b.respond(486)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    expect(() => b.respond(180)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    b.clock.advance(40_000);
    expect(() => b.respond(200)).toThrow(expect.objectContaining({ code: 'terminated' }));
    expect(b.udp.whats.filter((what) => what !== '486 INVITE')).toEqual(['200 INVITE']);
  });

  test('an INVITE that nobody ever answers is given up after the guard time; each provisional starts it anew', () => {
    const b = new Bench({ maxProceedingMs: 60_000 });
    b.receive(invite);
    b.clock.advance(59_000);
    b.respond(180);
    b.clock.advance(59_999);
    expect(b.server.state).toBe('proceeding');
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
    expect(b.terminated).toEqual(['INVITE']);
    expect(b.layer.stats()).toMatchObject({ abandoned: 1, server: 0 });
  });

  test('a failed send is told and the transaction stays: proceeding, completed, accepted', async () => {
    for (const status of [180, 486, 200]) {
      const b = new Bench();
      b.receive(invite);
      b.udp.broken = new TransportError('EHOSTUNREACH', 'no way');
      b.respond(status);
      await settled();
      expect(b.serverErrors.map((e) => e.code)).toEqual(['EHOSTUNREACH']);
      expect(b.server.state).toBe(status === 180 ? 'proceeding' : status === 486 ? 'completed' : 'accepted');
      expect(b.layer.stats().transportErrors).toBe(1);
    }
  });

  test('a send that fails after the ACK, or after the end, is only counted', async () => {
    for (const protocol of ['udp', 'tcp'] as const) {
      const b = new Bench();
      b.receive(invite, b[protocol]);
      b[protocol].broken = new TransportError('EHOSTUNREACH', 'no way');
      b.respond(486);
      b.receive(ack(), b[protocol]);
      await settled();
      expect(b.serverErrors).toEqual([]);
      expect(b.server.state).toBe(protocol === 'udp' ? 'confirmed' : 'terminated');
      expect(b.layer.stats().transportErrors).toBe(1);
    }
  });

  test('over a connection that has closed the response takes the way the transport finds', async () => {
    const b = new Bench();
    b.transport.responseFlow = (via, received) => {
      expect(via.port).toBe(5062);
      expect(received).toBe(b.tcp);
      return Promise.resolve(b.udp);
    };
    b.receive(invite, b.tcp);
    b.tcp.close();
    b.respond(486);
    await settled();
    expect(b.udp.whats).toEqual(['486 INVITE']);
    b.transport.responseFlow = () => Promise.reject(new TransportError('ECONNREFUSED', 'refused'));
    b.receive(request('INVITE', { branch: 'z9hG4bK-2' }), b.tcp);
    b.respond(486);
    await settled();
    expect(b.serverErrors.map((e) => e.code)).toEqual(['ECONNREFUSED']);
  });

  test('localTag is the tag of the first response that has one', () => {
    const b = new Bench();
    b.receive(invite);
    b.server.respond(makeResponse(b.server.request, 183, 'chosen'));
    expect(b.server.localTag).toBe('chosen');
  });

  test('the timers follow the options', () => {
    const b = new Bench({ t1: 100, t2: 400, t4: 1_000 });
    b.receive(invite);
    b.respond(486);
    b.clock.advance(10_000);
    expect(b.udp.times.slice(0, 6)).toEqual([0, 100, 300, 700, 1100, 1500]);
    expect(b.udp.times.at(-1)).toBe(6300);
  });
});
