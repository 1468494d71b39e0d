import { Routes } from '../../../../signaling/engine/control/routes';
import { meta } from '../../../../signaling/engine/control/meta';
import type { App } from '../../../../signaling/engine/core/app';

const app = (name: string): App => ({ name, deliverRequest: () => undefined, deliverResponse: () => undefined });

test('one entry per application and verb, taken in turn', () => {
  const routes = new Routes();
  const [a, b] = [app('a'), app('b')];
  expect([routes.add(a, 'invite'), routes.add(a, 'invite'), routes.add(b, 'invite')]).toEqual([true, false, true]);
  expect([1, 2, 3, 4].map(() => routes.pick('INVITE')?.name)).toEqual(['a', 'b', 'a', 'b']);
  expect(routes.pick('REGISTER')).toBeUndefined();
});

test('removing takes away one verb of one application, and keeps the turn', () => {
  const routes = new Routes();
  const [a, b, c] = [app('a'), app('b'), app('c')];
  for (const one of [a, b, c]) {
    routes.add(one, 'invite');
    routes.add(one, 'register');
  }
  expect(routes.pick('INVITE')).toBe(a);
  expect(routes.remove(a, 'invite')).toBe(true);
  expect(routes.remove(a, 'invite')).toBe(false);
  expect(routes.pick('INVITE')).toBe(b);
  expect(routes.pick('INVITE')).toBe(c);
  expect(routes.count(a)).toBe(1);
  routes.removeAll(b);
  expect(routes.pick('INVITE')).toBe(c);
  expect([routes.pick('register'), routes.pick('register'), routes.pick('register')]).toEqual([a, c, a]);
});

test('only applications with a tag, in turn', () => {
  const routes = new Routes();
  const tagged = (name: string, ...tags: string[]): App => ({ ...app(name), tags }) as App;
  const [a, b, c] = [tagged('a', 'blue'), tagged('b', 'red'), tagged('c', 'blue', 'red')];
  for (const one of [a, b, c]) routes.add(one, 'invite');
  expect([1, 2, 3].map(() => routes.pick('INVITE', 'blue')?.name)).toEqual(['a', 'c', 'a']);
  expect([1, 2, 3].map(() => routes.pick('INVITE', 'red')?.name)).toEqual(['b', 'c', 'b']);
  expect(routes.pick('INVITE', 'green')).toBeUndefined();
  expect(routes.pick('REGISTER', 'blue')).toBeUndefined();
});

test('one that is behind is passed over while another is not', () => {
  const routes = new Routes();
  const [a, b] = [{ ...app('a'), behind: true }, { ...app('b'), behind: false }];
  for (const one of [a, b]) routes.add(one, 'invite');
  expect([1, 2, 3].map(() => routes.pick('INVITE')?.name)).toEqual(['b', 'b', 'b']);
  b.behind = true;
  expect([1, 2].map(() => routes.pick('INVITE')?.name).sort()).toEqual(['a', 'b']);
});

test('six tokens, the time in UTC without a date', () => {
  const envelope = { source: 'network', bytes: 497, protocol: 'udp', address: '127.0.0.1', port: 5071 } as const;
  expect(meta(envelope, 'text', new Date('2026-07-20T16:39:20.658Z'))).toBe('network|497|udp|127.0.0.1|5071|16:39:20.658000');
  expect(meta({ ...envelope, bytes: 0 }, 'text', new Date('2026-07-20T06:09:02.008Z'))).toBe('network|0|udp|127.0.0.1|5071|06:09:02.008000');
  const { source, protocol, address, port } = envelope;
  expect(meta({ source, protocol, address, port }, 'tëxt', new Date('2026-07-20T16:39:20.058Z'))).toBe('network|5|udp|127.0.0.1|5071|16:39:20.058000');
});
