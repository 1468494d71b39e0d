import { EventEmitter } from 'node:events';
import { Ending } from '../../../signaling/ending';
import { Owned } from '../../../signaling/ownership';

const make = () => {
  const process_ = new EventEmitter();
  let impatient = 0;
  const ending = new Ending(process_ as unknown as NodeJS.Process, () => impatient++);
  return { process_, ending, impatient: () => impatient };
};

test.each(['SIGTERM', 'SIGINT'])('%s ends with 0, a second one does not wait', async (signal) => {
  const { process_, ending, impatient } = make();
  process_.emit(signal, signal);
  expect(await ending.wait()).toEqual({ code: 0, why: signal });
  expect(impatient()).toBe(0);
  process_.emit('SIGTERM', 'SIGTERM');
  expect(impatient()).toBe(1);
});

test('a failure ends with 1; what comes first counts', async () => {
  const { process_, ending } = make();
  ending.fail('the engine ended');
  process_.emit('SIGTERM', 'SIGTERM');
  expect(await ending.wait()).toEqual({ code: 1, why: 'the engine ended' });
});

test('nothing listens after it was detached', () => {
  const { process_, ending } = make();
  ending.detach();
  expect(process_.listenerCount('SIGTERM') + process_.listenerCount('SIGINT')).toBe(0);
});

test('what was opened is closed in the opposite order, each once, whatever the others do', async () => {
  const closed: string[] = [];
  const failed: string[] = [];
  const owned = new Owned((name) => failed.push(name));
  for (const name of ['store', 'media', 'engine']) {
    owned.own(name, name, (thing) => {
      closed.push(thing);
      if (thing === 'media') throw new Error('stuck');
    });
  }
  await owned.close();
  await owned.close();
  expect(closed).toEqual(['engine', 'media', 'store']);
  expect(failed).toEqual(['media']);
});
