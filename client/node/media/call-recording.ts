/**
 * One call to a file: what is heard, what is sent, or one on each channel.
 *
 *   port's tap ──────► feed ─┐
 *   port's tapSent ──► feed ─┴─► every 20 ms ─► Recorder ─► file
 */
import type { AudioFileWriter } from '../../../media/audio-file';
import type { RecordEnd, RecordOptions } from '../../../media/audio-types';
import type { SampleRate } from '../../../media/frame';
import { Feed } from '../../../media/frame-feed';
import { Recorder } from '../../../media/node/recorder';
import type { AudioPort, Tap } from '../../../media/port/port';

export type Recorded = 'heard' | 'sent' | 'both';

export class CallRecording {
  readonly ended: Promise<RecordEnd>;
  private readonly recorder: Recorder;
  private readonly heard: Feed | undefined;
  private readonly sent: Feed | undefined;
  private port: AudioPort | undefined;

  /** The writer is the recording's from now on; it has two channels for 'both', one otherwise. */
  constructor(writer: AudioFileWriter, what: Recorded, options: RecordOptions) {
    const rate = writer.sampleRate as SampleRate;
    if (what !== 'sent') this.heard = new Feed(rate);
    if (what !== 'heard') this.sent = new Feed(rate);
    this.recorder = new Recorder(writer, options);
    this.ended = this.recorder.ended;
    void this.ended.then(() => this.listen(undefined));
  }

  /** undefined: to nobody. */
  listen(port: AudioPort | undefined): void {
    this.port?.untap(this.onHeard);
    this.port?.untap(this.onSent);
    this.port = port;
    if (this.heard) port?.tap(this.onHeard);
    if (this.sent) port?.tapSent(this.onSent);
  }

  private readonly onHeard: Tap = (frame, rate) => this.heard!.write(frame, rate);
  private readonly onSent: Tap = (frame, rate) => this.sent!.write(frame, rate);

  /** Once a tick, behind the call's own. */
  tick(): void {
    this.recorder.write((this.heard ?? this.sent)!.read(), this.heard && this.sent?.read());
  }

  stop(why: 'stopped' | 'released'): void {
    this.recorder.stop(why);
  }
}
