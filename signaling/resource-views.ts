/** What the API is shown of, and lets people do to, phones, rooms, mailboxes, recordings and calls. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CallControlView } from './api/routes/call-control';
import type { ConferencesView } from './api/routes/conferences';
import type { ContactsView } from './api/routes/contacts';
import type { QueuesView } from './api/routes/queues';
import type { RecordsView } from './api/routes/records';
import type { RecordingsView } from './api/routes/recordings';
import type { VoicemailView } from './api/routes/voicemail';
import type { Binding } from './app/binding';
import type { CallControl, Heard } from './app/call-control';
import type { Conferences, Queues } from './app/features';
import { formatFlow } from './app/flow';
import type { Locations } from './app/locations';
import type { Mailboxes } from './app/mailboxes';
import type { CallHistory } from './app/call-history';
import { removeFile } from './app/recording-archive';
import type { Clock } from './clock';
import { OffhookError } from './errors';
import type { Store } from './store/store';

/** An agent is an extension. */
export function queuesView(queues: Queues, directory: { find(number: string): Promise<unknown> }): QueuesView {
  return {
    list: () => queues.list(),
    queue: (number) => queues.queue(number),
    agent: (number) => queues.agent(number),
    login: async (agent, queue) => (await directory.find(agent)) !== undefined && queues.login(agent, queue),
    logout: (agent, queue) => queues.logout(agent, queue),
    pause: (agent, paused) => queues.pause(agent, paused),
  };
}

/** Looked up when it is needed: calls begin when the server is ready. */
export function controlView(control: () => CallControl, recordings: RecordingsView): CallControlView {
  const sound = async (what: { prompt: string } | { recording: string }): Promise<Heard> => {
    if ('prompt' in what) return what;
    const found = await recordings.get(what.recording);
    if (!found) throw new OffhookError('recording.not-found', { id: what.recording });
    return { file: recordings.file(found) };
  };
  return {
    originate: (from, to, options) => control().originate(from, to, options),
    hangup: (id, by) => control().hangup(id, by),
    transfer: (id, to, leg, by) => control().transfer(id, to, leg, by),
    mute: (id, leg, on) => control().mute(id, leg, on),
    startRecording: (id) => control().startRecording(id),
    stopRecording: (id) => control().stopRecording(id),
    play: async (id, { what, ...request }) => control().play(id, { ...request, what: await Promise.all(what.map(sound)) }),
    stopPlaying: (id, to) => control().stopPlaying(id, to),
    sendDigits: (id, to, digits) => control().sendDigits(id, to, digits),
  };
}

export function contactsView(locations: Pick<Locations, 'lookup' | 'apply' | 'registered'>, clock: Pick<Clock, 'now' | 'wall'>): ContactsView {
  const idOf = ({ uri }: Binding): string => createHash('sha256').update(uri).digest('base64url').slice(0, 16);
  return {
    of(extension) {
      const epoch = clock.wall().getTime() - clock.now();
      return locations.lookup(extension).map((binding) => {
        const { uri, source, userAgent, instance, q, expiresAt, updatedAt } = binding;
        return { id: idOf(binding), extension, uri, source: formatFlow(source), userAgent, instance, q, expiresAt: Math.round(expiresAt + epoch), updatedAt: Math.round(updatedAt + epoch) };
      });
    },
    extensions: ({ after, limit }) => smallest(locations.registered(), limit, after),
    drop(extension, id) {
      const remove = locations.lookup(extension).filter((binding) => idOf(binding) === id);
      locations.apply(extension, { put: [], remove });
      return remove.length > 0;
    },
  };
}

/** The first of them in order, behind `after`: of 100,000 a page is wanted, and no list of all. */
export function smallest(texts: Iterable<string>, count: number, after = ''): string[] {
  const found: string[] = [];
  for (const text of texts) {
    const last = found[count - 1];
    if (text <= after || (last !== undefined && text >= last)) continue;
    let [low, high] = [0, found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (found[middle]! < text) low = middle + 1;
      else high = middle;
    }
    found.splice(low, 0, text);
    if (found.length > count) found.pop();
  }
  return found;
}

export function conferencesView(conferences: () => Conferences): ConferencesView {
  return {
    list: () => conferences().list(),
    room: (number) => conferences().room(number),
    mute: (...what) => conferences().mute(...what),
    deafen: (...what) => conferences().deafen(...what),
    kick: (...what) => conferences().kick(...what),
    lock: (...what) => conferences().lock(...what),
    hush: (...what) => conferences().hush(...what),
    end: (...what) => conferences().end(...what),
  };
}

export function voicemailView(store: Pick<Store, 'extensions' | 'voicemail'>, boxes: Pick<Mailboxes, 'file' | 'mark' | 'remove'>): VoicemailView {
  return {
    messages: async (number) => ((await store.extensions.get(number)) ? store.voicemail.list({ mailbox: number }) : undefined),
    get: (number, id) => store.voicemail.get(number, id),
    file: (message) => boxes.file(message),
    mark: (message, state) => boxes.mark(message, state),
    remove: (message) => boxes.remove(message),
  };
}

/** `data`: the folder. */
export function recordingsView(recordings: Store['recordings'], data: string): RecordingsView {
  return {
    list: (filter) => recordings.list(filter),
    get: (id) => recordings.get(id),
    file: ({ file }) => join(data, file),
    async remove({ id, file }) {
      try {
        await removeFile(data, file);
      } catch (err) {
        throw new OffhookError('recording.not-removed', { id, reason: err instanceof Error ? err.message : String(err) }, { cause: err });
      }
      await recordings.remove(id);
    },
  };
}

/** Whoever asks sees the call that has just ended. */
export function recordsView(rows: Store['records'], history: Pick<CallHistory, 'flush'>): RecordsView {
  return {
    async list(filter) {
      await history.flush();
      return rows.list(filter);
    },
    async get(id) {
      await history.flush();
      return rows.get(id);
    },
  };
}
