/**
 * `node recording-child.cjs FILE [FRAMES]`: records frames whose samples count up, as fast as the disk takes them; prints how far the file has
 * come, and `end {json}` when it has ended by itself. Made to be killed.
 */
require('../../../support/register-ts.cjs');
const { createAudioFile } = require('../../../../media/audio-file.ts');
const { WavWriter } = require('../../../../media/file/wav.ts');
const { Recorder } = require('../../../../media/node/recorder.ts');

const [file, frames = 'Infinity'] = process.argv.slice(2);

async function main() {
  const writer = new WavWriter(await createAudioFile(file), { channels: 2, sampleRate: 8000 });
  const recorder = new Recorder(writer, { file });
  const left = new Int16Array(160);
  const right = new Int16Array(160);
  let sample = 0;
  let frame = 0;
  let ended = false;
  void recorder.ended.then(() => (ended = true));
  while (!ended && frame < Number(frames)) {
    if (writer.pendingMs < 2000) {
      for (let i = 0; i < 160; i++, sample++) {
        left[i] = sample;
        right[i] = -sample;
      }
      recorder.write(left, right);
      frame++;
    }
    if (frame % 50 === 0) process.stdout.write(`${frame}\n`);
    if (frame % 50 === 0 || writer.pendingMs >= 2000) await new Promise(setImmediate);
  }
  recorder.stop('stopped');
  process.stdout.write(`end ${JSON.stringify(await recorder.ended)}\n`);
}

void main();
