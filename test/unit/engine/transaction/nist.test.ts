/** The non-INVITE server transaction, row by row: RFC 3261 §17.2.2 with RFC 4320. */
import { nonInviteServerTable } from '../../../../signaling/engine/transaction/nist';
import { TransportError } from '../../../../signaling/engine/transport/types';
import { Bench, expectNoDefects, request, settled, watchTable } from './support';

afterEach(expectNoDefects);

const rows = watchTable(nonInviteServerTable);
afterAll(() => expect(rows.missing()).toEqual([]));

const register = request('REGISTER');

describe('non-INVITE server transaction', () => {
  test('trying: retransmissions are absorbed without an answer', () => {
    const b = new Bench();
    b.receive(register);
    b.receive(register);
    expect(b.requests).toHaveLength(1);
    expect(b.udp.sent).toEqual([]);
    expect(b.server.state).toBe('trying');
  });

  test('completed: the final response is repeated for each retransmission until timer J at 32 s', () => {
    const b = new Bench();
    b.receive(register);
    b.respond(200);
    b.clock.advance(500);
    b.receive(register);
    b.clock.advance(31_499);
    b.receive(register);
    expect(b.udp.times).toEqual([0, 500, 31_999]);
    expect(b.udp.whats).toEqual(['200 REGISTER', '200 REGISTER', '200 REGISTER']);
    expect(b.server.state).toBe('completed');
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
    expect(b.terminated).toEqual(['REGISTER']);
    expect(b.layer.stats()).toMatchObject({ server: 0, timers: 0, responsesRepeated: 2 });
    b.receive(register);
    expect(b.requests).toHaveLength(2);
  });

  test('on TCP timer J is zero', () => {
    const b = new Bench();
    b.receive(register, b.tcp);
    b.respond(200);
    expect(b.server.state).toBe('terminated');
    expect(b.layer.stats()).toMatchObject({ server: 0, timers: 0 });
  });

  test('RFC 4320: on UDP a 100 goes out by itself when timer E of the client has reached T2, at 3.5 s', () => {
    const b = new Bench();
    b.receive(register);
    b.clock.advance(3_499);
    expect(b.udp.sent).toEqual([]);
    b.clock.advance(1);
    expect(b.udp.whats).toEqual(['100 REGISTER']);
    expect(b.udp.last.toTag).toBeUndefined();
    expect(b.server.state).toBe('proceeding');
    b.receive(register);
    expect(b.udp.whats).toEqual(['100 REGISTER', '100 REGISTER']);
    b.respond(200);
    expect(b.udp.whats).toEqual(['100 REGISTER', '100 REGISTER', '200 REGISTER']);
  });

  test('RFC 4320: an earlier 100 is held back on UDP and sent on TCP, later ones are sent', () => {
    const b = new Bench();
    b.receive(register);
    expect(b.respond(100)).toBe(false);
    expect(b.udp.sent).toEqual([]);
    b.clock.advance(3_500);
    expect(b.respond(100)).toBe(true);
    expect(b.udp.whats).toEqual(['100 REGISTER', '100 REGISTER']);
    b.receive(request('OPTIONS'), b.tcp);
    expect(b.respond(100)).toBe(true);
    b.clock.advance(3_500);
    expect(b.tcp.whats).toEqual(['100 OPTIONS']);
    expect(b.layer.stats().provisionalsHeldBack).toBe(1);
  });

  test('RFC 4320: other provisionals are never sent', () => {
    const b = new Bench();
    b.receive(register, b.tcp);
    b.clock.advance(10_000);
    expect(b.respond(180)).toBe(false);
    expect(b.tcp.whats).toEqual(['100 REGISTER']);
    expect(b.layer.stats().provisionalsHeldBack).toBe(1);
  });

  test('RFC 4320: no 408; the transaction ends without a word', () => {
    const b = new Bench();
    b.receive(register);
    expect(b.respond(408)).toBe(false);
    expect(b.udp.sent).toEqual([]);
    expect(b.server.state).toBe('terminated');
    expect(b.layer.stats()).toMatchObject({ timeoutsHeldBack: 1, server: 0, timers: 0 });
  });

  test('a request that is never answered is forgotten after 64 s', () => {
    const b = new Bench();
    b.receive(register);
    b.clock.advance(63_999);
    expect(b.server.state).toBe('proceeding');
    b.clock.advance(1);
    expect(b.server.state).toBe('terminated');
    expect(b.terminated).toEqual(['REGISTER']);
    expect(b.layer.stats()).toMatchObject({ abandoned: 1, server: 0, timers: 0 });
  });

  test('nothing is sent after the final response', () => {
    const b = new Bench();
    b.receive(register);
    b.respond(200);
    expect(() => b.respond(500)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    expect(() => b.respond(100)).toThrow(expect.objectContaining({ code: 'final-already-sent' }));
    b.clock.advance(32_000);
    expect(() => b.respond(200)).toThrow(expect.objectContaining({ code: 'terminated' }));
    expect(b.udp.whats).toEqual(['200 REGISTER']);
  });

  test('a failed send is told and the transaction stays', async () => {
    const b = new Bench();
    b.receive(register);
    b.udp.broken = new TransportError('ENETUNREACH', 'no way');
    b.clock.advance(3_500);
    await settled();
    expect(b.serverErrors).toHaveLength(1);
    expect(b.server.state).toBe('proceeding');
    b.respond(200);
    await settled();
    expect(b.serverErrors).toHaveLength(2);
    expect(b.server.state).toBe('completed');
    b.udp.broken = undefined;
    b.receive(register);
    expect(b.udp.whats).toEqual(['200 REGISTER']);
  });

  test('a failed send is told after a timer J of zero as well', async () => {
    const b = new Bench();
    b.receive(register, b.tcp);
    b.tcp.broken = new TransportError('EPIPE', 'gone');
    b.respond(200);
    await settled();
    expect(b.serverErrors.map((e) => e.code)).toEqual(['EPIPE']);
    expect(b.server.state).toBe('terminated');
  });
});
