/** `menu`, the helper for programs, over a call that is played. */
import { menu, type AppCall, type Gathered } from '../../../signaling/app-program/index';

function caller(...pressed: string[]) {
  const heard: unknown[] = [];
  const call = {
    answer: async () => void heard.push('answered'),
    play: async (what: unknown) => (heard.push(what), { why: 'finished', seconds: 1 }),
    gather: async ({ prompt }: { prompt: unknown }): Promise<Gathered> => (heard.push(prompt), { digits: pressed.shift() ?? '', why: 'max', terminator: undefined }),
    transfer: async (to: unknown) => (heard.push(`to ${String(to)}`), 'no-answer'),
  };
  return { call: call as unknown as AppCall, heard };
}

test('what is pressed leads on; when nobody answers there the menu is heard again', async () => {
  const { call, heard } = caller('1', '9', '');
  await menu({ prompt: 'welcome.wav', options: { 1: '1001' } })(call);
  expect(heard).toEqual(['answered', 'welcome.wav', 'to 1001', 'cannot-be-reached-now', 'welcome.wav', 'not-right', 'welcome.wav', 'goodbye']);
});

test('an option may be a function; when nothing was chosen there is another place', async () => {
  const { call, heard } = caller('2');
  await menu({ prompt: ['a', 'b'], tries: 2, options: { 2: async () => heard.push('done') }, otherwise: '1000' })(call);
  expect(heard).toEqual(['answered', ['a', 'b'], 'done', ['a', 'b'], 'to 1000', 'cannot-be-reached-now', 'goodbye']);
});

test('keys that are names of every object lead nowhere', async () => {
  const { call, heard } = caller('constructor');
  await menu({ prompt: 'a', tries: 1, options: { 1: '1001' } })(call);
  expect(heard).toEqual(['answered', 'a', 'not-right', 'goodbye']);
});
