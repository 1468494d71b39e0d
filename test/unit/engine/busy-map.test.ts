import fc from 'fast-check';
import { BusyMap } from '../../../signaling/engine/busy-map';

test('is a Map, whatever is done to it', () => {
  const key = fc.constantFrom('a', 'b', 'c', '1', '2');
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('clear' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const map = new BusyMap<number>();
      const model = new Map<string, number>();
      for (const one of steps) {
        if (one.do === 'set') {
          map.set(one.key, one.value);
          model.set(one.key, one.value);
        } else if (one.do === 'delete') expect(map.delete(one.key)).toBe(model.delete(one.key));
        else {
          map.clear();
          model.clear();
        }
        expect(map.size).toBe(model.size);
        expect([...map.values()]).toEqual([...model.values()]);
        for (const name of ['a', '1', 'z']) expect([map.get(name), map.has(name)]).toEqual([model.get(name), model.has(name)]);
      }
    }),
  );
});
