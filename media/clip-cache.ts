/**
 * Sound files in memory, once per worker: prompts, music, greetings. A file is asked for its time of change at each use and loaded again when it
 * changed; two who want the same file at once share one loading. Beyond its size the cache forgets what was used longest ago; who is playing a
 * clip keeps it until the end.
 *
 * A short clip can be had at the rate of its listener, and is then resampled once for all of them: a hundred callers on hold would otherwise each
 * resample the same music (17 µs a frame from 16 to 8 kHz, 58 to 48 kHz).
 */
import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { Resampler } from './audio/resample';
import { chordPattern, keyPattern, silencePattern, tonePattern } from './audio/tones';
import type { Playable } from './audio-types';
import { MediaError } from './errors';
import { loadWav, type Wav } from './file/wav';
import type { Clip, PlayerItem } from './node/player';

export interface ClipCacheOptions {
  /** Of samples in memory. Default 64 MB: half an hour at 16 kHz. */
  maxBytes?: number | undefined;
  /** The most that one call of `prepare` may bring together, which is held while it plays. Default 256 MB. */
  maxPlayBytes?: number | undefined;
  load?: ((path: string) => Promise<Wav>) | undefined;
}

export interface ClipCacheStats {
  clips: number;
  bytes: number;
  hits: number;
  loads: number;
  failures: number;
  forgotten: number;
}

interface Entry {
  stamp: string;
  clip: Clip;
  bytes: number;
}

/** Files of one `prepare` that are loaded at a time. */
const AT_ONCE = 8;
/** Of samples after resampling: four minutes at 16 kHz. A longer clip is resampled while it is heard. */
const MAX_RESAMPLED_BYTES = 8 * 1024 * 1024;

export class ClipCache {
  private readonly maxBytes: number;
  private readonly maxPlayBytes: number;
  private readonly load: (path: string) => Promise<Wav>;
  /** In order of use, oldest first. */
  private readonly entries = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<Clip>>();
  private readonly counts = { bytes: 0, hits: 0, loads: 0, failures: 0, forgotten: 0 };

  constructor({ maxBytes = 64 * 1024 * 1024, maxPlayBytes = 256 * 1024 * 1024, load = loadWav }: ClipCacheOptions = {}) {
    this.maxBytes = maxBytes;
    this.maxPlayBytes = maxPlayBytes;
    this.load = load;
  }

  /** `sampleRate`: at which it should be, Hz, when that can be done. Errors: MediaError 'bad-file', its message for people. */
  async clip(path: string, sampleRate?: number): Promise<Clip> {
    if (!isAbsolute(path)) throw new MediaError('bad-file', `${path} is not an absolute path.`);
    const stamp = await stampOf(path);
    if (sampleRate === undefined) return this.have(path, stamp, () => this.read(path));
    const ready = this.known(`${path}@${sampleRate}`, stamp);
    if (ready !== undefined) return ready;
    const original = await this.have(path, stamp, () => this.read(path));
    const bytes = (original.pcm.byteLength * sampleRate) / original.sampleRate;
    if (original.sampleRate === sampleRate || bytes > Math.min(MAX_RESAMPLED_BYTES, this.maxBytes / 2)) return original;
    return this.have(`${path}@${sampleRate}`, stamp, () => resampled(original, sampleRate));
  }

  /**
   * Everything that a player needs, in memory. `country`: whose tones, where an item does not say; `sampleRate`: of the listener, where known.
   * Errors: MediaError 'bad-file' for a file that cannot be played, 'setting' for what is wrong otherwise.
   */
  async prepare(what: readonly Playable[], country?: string, sampleRate?: number): Promise<PlayerItem[]> {
    const items: PlayerItem[] = [];
    const held = new Set<Clip>();
    let bytes = 0;
    for (let at = 0; at < what.length; at += AT_ONCE) {
      for (const item of await Promise.all(what.slice(at, at + AT_ONCE).map((each) => this.item(each, country, sampleRate)))) {
        items.push(item);
        if (!('clip' in item) || held.has(item.clip)) continue;
        held.add(item.clip);
        bytes += item.clip.pcm.byteLength;
      }
      if (bytes > this.maxPlayBytes) throw new MediaError('bad-file', `These ${what.length} files are too much to hold in memory at once (more than ${this.maxPlayBytes >> 20} MB): play fewer, or shorter ones.`);
    }
    return items;
  }

  stats(): ClipCacheStats {
    return { clips: this.entries.size, ...this.counts };
  }

  private async item(what: Playable, country: string | undefined, sampleRate: number | undefined): Promise<PlayerItem> {
    if ('file' in what) return { clip: await this.clip(what.file, sampleRate) };
    try {
      if ('tone' in what) return { pattern: tonePattern(what.tone, what.country ?? country), limitMs: what.ms };
      if ('hz' in what) return { pattern: chordPattern(what.hz, duration(what.ms), what.level) };
      if ('digits' in what) return { pattern: keyPattern(what.digits, duration(what.ms ?? 100), 100) };
      return { pattern: silencePattern(duration(what.silenceMs)) };
    } catch (error) {
      throw new MediaError('setting', (error as Error).message);
    }
  }

  private known(key: string, stamp: string): Clip | undefined {
    const entry = this.entries.get(key);
    if (entry?.stamp !== stamp) return undefined;
    this.counts.hits++;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.clip;
  }

  /** From memory, from whoever is bringing it, or brought. */
  private async have(key: string, stamp: string, bring: () => Promise<Clip>): Promise<Clip> {
    const known = this.known(key, stamp);
    if (known !== undefined) return known;
    const loadingKey = `${stamp} ${key}`;
    let loading = this.loading.get(loadingKey);
    if (loading === undefined) {
      loading = bring().then((clip) => {
        this.keep(key, { stamp, clip, bytes: clip.pcm.byteLength });
        return clip;
      });
      loading = loading.finally(() => this.loading.delete(loadingKey));
      this.loading.set(loadingKey, loading);
    }
    return loading;
  }

  private async read(path: string): Promise<Clip> {
    this.counts.loads++;
    try {
      const { sampleRate, pcm } = await this.load(path);
      return { name: path, sampleRate, pcm };
    } catch (error) {
      this.counts.failures++;
      throw new MediaError('bad-file', (error as Error).message);
    }
  }

  private keep(path: string, entry: Entry): void {
    this.forget(path);
    // One that would push everything else out is played, but not kept.
    if (entry.bytes > this.maxBytes / 2) return;
    this.entries.set(path, entry);
    this.counts.bytes += entry.bytes;
    for (const oldest of this.entries.keys()) {
      if (this.counts.bytes <= this.maxBytes) break;
      this.forget(oldest);
      this.counts.forgotten++;
    }
  }

  private forget(path: string): void {
    this.counts.bytes -= this.entries.get(path)?.bytes ?? 0;
    this.entries.delete(path);
  }
}

/** A second at a time: the thread has other people's voices to carry. */
async function resampled({ name, sampleRate, pcm }: Clip, to: number): Promise<Clip> {
  const resampler = new Resampler(sampleRate, to);
  const out = new Int16Array(Math.round((pcm.length * to) / sampleRate));
  let delay = Math.round((resampler.delayMs * to) / 1000);
  const chunk = new Int16Array(sampleRate);
  const made = new Int16Array(to + 8);
  for (let at = 0, done = 0; done < out.length; at += chunk.length) {
    const some = pcm.subarray(at, at + chunk.length);
    chunk.set(some);
    // Behind the end, silence, until what is in the filter has come out.
    chunk.fill(0, some.length);
    const length = resampler.process(chunk, chunk.length, made);
    // The filter's own delay is left out.
    const used = Math.min(delay, length);
    delay -= used;
    const part = made.subarray(used, Math.min(length, used + out.length - done));
    out.set(part, done);
    done += part.length;
    await breathe();
  }
  return { name, sampleRate: to, pcm: out };
}

/** Changes with the file. Errors are the loader's to explain: a file that is not there has a stamp of its own. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}

function duration(ms: number): number {
  if (!(ms >= 0 && ms <= 24 * 3600_000)) throw new RangeError(`${ms} is not a duration in milliseconds.`);
  return ms;
}
