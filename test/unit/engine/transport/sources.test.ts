import { Sources } from '../../../../signaling/engine/transport/sources';

const sources = (): { sources: Sources<string>; made: string[] } => {
  const made: string[] = [];
  return { made, sources: new Sources(({ address, port }) => (made.push(`${address}:${port}`), `${address}:${port}`)) };
};

test('one for each address and port', () => {
  const { sources: table, made } = sources();
  for (const port of [5060, 5062, 5060]) for (const address of ['192.0.2.1', '2001:db8::1']) expect(table.of({ address, port })).toBe(`${address}:${port}`);
  expect(made).toEqual(['192.0.2.1:5060', '2001:db8::1:5060', '192.0.2.1:5062', '2001:db8::1:5062']);
});

test('who keeps coming is kept, and forged addresses do not fill the memory', () => {
  const { sources: table, made } = sources();
  for (let n = 0; n < 100_000; n++) {
    table.of({ address: `10.0.${(n >> 8) & 255}.${n & 255}`, port: 1_024 + (n >> 16) });
    if (n % 1_000 === 0) table.of({ address: '192.0.2.1', port: 5060 });
  }
  expect(made.filter((one) => one === '192.0.2.1:5060')).toHaveLength(1);
  expect(table.size).toBeGreaterThan(4_000);
  expect(table.size).toBeLessThanOrEqual(8_192);
});
