/** What is kept of calls, and that it is bounded: in all, by call, by message. */
import { LadderMemory, type LadderLimits } from '../../../../signaling/engine/observe/ladder-memory';
import { flow, message } from './support';

function memory(limits: Partial<LadderLimits> = {}): { memory: LadderMemory; keep: (callId: string, text: string) => void; texts: (...callIds: string[]) => string[] } {
  const made = new LadderMemory({ messages: 8, perCall: 4, bytes: 100, ...limits });
  let at = 0;
  return {
    memory: made,
    keep: (callId, text) => made.keep(callId, Buffer.from(text), flow(), false, at++),
    texts: (...callIds) => made.of(callIds).map((one) => one.data.toString()),
  };
}

test('of one call, or of several as one, in the order they came', () => {
  const { keep, texts } = memory();
  for (const text of ['a1', 'b1', 'a2', 'b2', 'c1']) keep(text[0]!, text);
  expect(texts('a')).toEqual(['a1', 'a2']);
  expect(texts('b', 'a', 'b')).toEqual(['a1', 'b1', 'a2', 'b2']);
  expect(texts('d')).toEqual([]);
});

test('a call over its share loses its own oldest messages and nobody else’s', () => {
  const { keep, texts } = memory();
  keep('b', 'b1');
  for (let i = 1; i <= 9; i++) keep('a', `a${i}`);
  expect(texts('a')).toEqual(['a6', 'a7', 'a8', 'a9']);
  expect(texts('b')).toEqual(['b1']);
});

test('when all places are taken the oldest message of all goes, and a call without messages is forgotten', () => {
  const { memory: made, keep, texts } = memory();
  for (let i = 1; i <= 8; i++) keep(`c${i % 3}`, `m${i}`);
  expect(made.callCount).toBe(3);
  keep('new', 'n1');
  expect(texts('c1')).toEqual(['m4', 'm7']);
  for (let i = 2; i <= 4; i++) keep('new', `n${i}`);
  for (let i = 1; i <= 4; i++) keep('newer', `o${i}`);
  expect([texts('c0', 'c1', 'c2'), texts('new'), texts('newer'), made.callCount]).toEqual([[], ['n1', 'n2', 'n3', 'n4'], ['o1', 'o2', 'o3', 'o4'], 2]);
});

test('the only call has every place: its oldest goes', () => {
  const { keep, texts } = memory({ messages: 2, perCall: 4 });
  for (let i = 1; i <= 5; i++) keep('a', `a${i}`);
  expect(texts('a')).toEqual(['a4', 'a5']);
});

test('one place', () => {
  const { memory: made, keep, texts } = memory({ messages: 1, perCall: 1 });
  for (const text of ['a1', 'b1', 'b2', 'a2']) keep(text[0]!, text);
  expect([texts('a'), texts('b'), made.callCount]).toEqual([['a2'], [], 1]);
});

test('long messages are cut and say how long they were', () => {
  const { memory: made, keep } = memory({ bytes: 10 });
  keep('a', 'x'.repeat(25));
  keep('a', 'y');
  expect(made.of(['a']).map(({ length, data }) => [length, data.toString()])).toEqual([
    [25, 'x'.repeat(10)],
    [1, 'y'],
  ]);
});

test('what is kept is a copy', () => {
  const { memory: made } = memory();
  const data = message('BYE sip:b SIP/2.0', '2 BYE').subarray(0, 100);
  const before = data.toString();
  made.keep('a', data, flow('tcp'), true, 1234.5);
  data.fill(0);
  expect(made.of(['a'])[0]).toMatchObject({ sent: true, at: 1234.5, protocol: 'tcp', remote: { address: '192.0.2.7', port: 5062 } });
  expect(made.of(['a'])[0]!.data.toString()).toBe(before);
});

test('against a model, in any order', () => {
  let state = 99;
  const next = (below: number): number => ((state = (state * 1103515245 + 12345) & 0x7fffffff) >> 8) % below;
  for (let round = 0; round < 60; round++) {
    const limits = { messages: 1 + next(12), perCall: 1 + next(6), bytes: 8 };
    const { memory: made, keep, texts } = memory(limits);
    let model: Array<{ call: string; text: string }> = [];
    for (let i = 0; i < 200; i++) {
      const call = `c${next(5)}`;
      const own = model.filter((one) => one.call === call);
      if (own.length >= limits.perCall) model = model.filter((one) => one !== own[0]);
      else if (model.length >= limits.messages) model.shift();
      model.push({ call, text: `m${i}` });
      keep(call, `m${i}`);
      const asked = `c${next(5)}`;
      expect(texts(asked)).toEqual(model.filter((one) => one.call === asked).map((one) => one.text));
    }
    expect(texts('c0', 'c1', 'c2', 'c3', 'c4')).toEqual(model.map((one) => one.text));
    expect(made.callCount).toBe(new Set(model.map((one) => one.call)).size);
  }
});
