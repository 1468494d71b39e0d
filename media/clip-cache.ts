/**
 * Sound files in memory, once per worker: prompts, music, greetings. A file is asked for its time of change at each use and loaded again when it
 * changed; two who want the same file at once share one loading. Beyond its size the cache forgets what was used longest ago; who is playing a
 * clip keeps it until the end.
 */
import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
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

  /** Errors: MediaError 'bad-file', its message for people. */
  async clip(path: string): Promise<Clip> {
    if (!isAbsolute(path)) throw new MediaError('bad-file', `${path} is not an absolute path.`);
    const stamp = await stampOf(path);
    const known = this.entries.get(path);
    if (known?.stamp === stamp) {
      this.counts.hits++;
      this.entries.delete(path);
      this.entries.set(path, known);
      return known.clip;
    }
    const key = `${stamp} ${path}`;
    let loading = this.loading.get(key);
    if (loading === undefined) {
      loading = this.bring(path, stamp).finally(() => this.loading.delete(key));
      this.loading.set(key, loading);
    }
    return loading;
  }

  /**
   * Everything that a player needs, in memory. `country`: whose tones, where an item does not say.
   * Errors: MediaError 'bad-file' for a file that cannot be played, 'setting' for what is wrong otherwise.
   */
  async prepare(what: readonly Playable[], country?: string): Promise<PlayerItem[]> {
    const items: PlayerItem[] = [];
    const held = new Set<Clip>();
    let bytes = 0;
    for (let at = 0; at < what.length; at += AT_ONCE) {
      for (const item of await Promise.all(what.slice(at, at + AT_ONCE).map((each) => this.item(each, country)))) {
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

  private async item(what: Playable, country: string | undefined): Promise<PlayerItem> {
    if ('file' in what) return { clip: await this.clip(what.file) };
    try {
      if ('tone' in what) return { pattern: tonePattern(what.tone, what.country ?? country), limitMs: what.ms };
      if ('hz' in what) return { pattern: chordPattern(what.hz, duration(what.ms), what.level) };
      if ('digits' in what) return { pattern: keyPattern(what.digits, duration(what.ms ?? 100), 100) };
      return { pattern: silencePattern(duration(what.silenceMs)) };
    } catch (error) {
      throw new MediaError('setting', (error as Error).message);
    }
  }

  private async bring(path: string, stamp: string): Promise<Clip> {
    this.counts.loads++;
    let wav: Wav;
    try {
      wav = await this.load(path);
    } catch (error) {
      this.counts.failures++;
      throw new MediaError('bad-file', (error as Error).message);
    }
    const clip: Clip = { name: path, sampleRate: wav.sampleRate, pcm: wav.pcm };
    this.keep(path, { stamp, clip, bytes: wav.pcm.byteLength });
    return clip;
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
