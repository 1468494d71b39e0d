import { readFile } from 'node:fs/promises';

jest.mock('node:fs/promises', () => ({ ...jest.requireActual<object>('node:fs/promises'), readFile: jest.fn() }));
const reading = jest.mocked(readFile);
const real = jest.requireActual<{ readFile: typeof readFile }>('node:fs/promises').readFile;

/** Each with a memory of its own of what was loaded. */
async function load(): Promise<{ process(block: Float32Array): number }> {
  let loaded: Promise<{ process(block: Float32Array): number }> | undefined;
  jest.isolateModules(() => {
    loaded = (require('../../../../client/node/media/microphone/rnnoise') as typeof import('../../../../client/node/media/microphone/rnnoise')).loadDenoiser();
  });
  return loaded!;
}

beforeEach(() => reading.mockReset().mockImplementation(real as never));

test('two streams do not know of each other', async () => {
  const [one, other] = [await load(), await load()];
  const random = Float32Array.from({ length: 480 }, (_, i) => 3000 * Math.sin(i * i));
  const results = [one, other].map((denoiser) => {
    const block = random.slice();
    denoiser.process(block);
    denoiser.process(block);
    return block;
  });
  expect(results[0]).toEqual(results[1]);
  one.process(random.slice());
  const [a, b] = [random.slice(), random.slice()];
  one.process(a);
  other.process(b);
  expect(a).not.toEqual(b);
});

test('silence is no voice', async () => {
  const denoiser = await load();
  expect(denoiser.process(new Float32Array(480))).toBeLessThan(0.5);
});

test('a package that is not there', async () => {
  reading.mockRejectedValue(Object.assign(new Error("Cannot find module '@jitsi/rnnoise-wasm/dist/rnnoise-sync.js'\nRequire stack:\n- x"), { code: 'MODULE_NOT_FOUND' }));
  await expect(load()).rejects.toThrow('Noise suppression is not available: the package @jitsi/rnnoise-wasm is not installed; npm install @jitsi/rnnoise-wasm brings it.');
});

test('a package with something else in it', async () => {
  reading.mockResolvedValue('export default 1;');
  await expect(load()).rejects.toThrow('Noise suppression is not available: the package @jitsi/rnnoise-wasm is of a version that this one does not know; npm install @jitsi/rnnoise-wasm brings it.');
  reading.mockResolvedValue('data:application/octet-stream;base64,AGFzbQEAAAA=');
  await expect(load()).rejects.toThrow(/is of a version without emscripten_memcpy_big/);
});
