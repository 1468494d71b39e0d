import * as native from '../../../../media/native';
import { openNet } from '../../../../media/net/open';

jest.mock('../../../../media/native', () => ({ ...jest.requireActual<typeof native>('../../../../media/native'), loadNative: () => new Error('the package koffi does not load') }));

const onLinux = process.platform === 'linux' ? 'the package koffi does not load' : 'on Linux only';

test('where system calls cannot be made, auto is Node’s sockets, with the reason', () => {
  const { net, fallback } = openNet('auto', () => 0);
  expect(net.kind).toBe('dgram');
  expect(fallback).toContain(onLinux);
  net.close();
});

test('where they cannot be made, demanding them is refused with the reason', () => {
  expect(() => openNet('native', () => 0)).toThrow(onLinux);
});

test('who asks for Node’s sockets gets them, and nothing is amiss', () => {
  const { net, fallback } = openNet('dgram', () => 0);
  expect([net.kind, fallback]).toEqual(['dgram', undefined]);
  net.close();
});
