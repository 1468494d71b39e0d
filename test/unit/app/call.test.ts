import { Call, IllegalMove, moves, OpenRequest, type CallEvent, type CallState } from '../../../signaling/app/call';
import { newLeg } from '../../../signaling/app/leg';
import { extension, FakeResponder } from './call-fakes';

const call = () => new Call('c', extension('1001'), extension('1002'), newLeg('caller', '1001', '::ffff:192.0.2.1', () => Buffer.alloc(8, 255)), 0, new Date(0));

test.each(moves)('$from --$on--> $to ($why)', ({ from, on, to }) => {
  const c = call();
  c.state = from;
  c.advance(on);
  expect(c.state).toBe(to);
});

const states: CallState[] = ['routing', 'ringing', 'answering', 'up', 'ended'];
const events: CallEvent[] = ['ring', 'answer', 'connect', 'end'];
const illegal = states.flatMap((from) => events.filter((on) => !moves.some((m) => m.from === from && m.on === on)).map((on) => [from, on] as const));

test.each(illegal)('%s does not allow %s', (from, on) => {
  const c = call();
  c.state = from;
  expect(() => c.advance(on)).toThrow(IllegalMove);
  expect(c.state).toBe(from);
});

test('a request is answered once, and known until then', () => {
  const c = call();
  const res = new FakeResponder();
  const open = new OpenRequest(c, res);
  expect(c.open.size).toBe(1);
  open.answer(200, 'OK');
  open.answer(487, 'Request Terminated');
  expect(res.statuses).toEqual([200]);
  expect(c.open.size).toBe(0);
});

test('an answer that srf cannot take is told to who sent it', () => {
  const res = { send: () => { throw new Error('socket'); } };
  const sent = jest.fn();
  new OpenRequest(call(), res).answer(200, 'OK', {}, sent);
  expect(sent).toHaveBeenCalledTimes(1);
});

test('a leg: its address without the IPv6 mapping, its session id a 62-bit number', () => {
  const { caller } = call();
  expect(caller.source).toBe('192.0.2.1');
  expect(caller.local.sessionId).toBe((2n ** 62n - 1n).toString());
});
