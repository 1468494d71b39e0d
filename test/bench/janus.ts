/** Janus with its AudioBridge and nothing else, and a room of plain RTP participants in it (Debian package `janus`). */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, until } from './support/process';

export const JANUS = '/usr/bin/janus';
const LIBRARIES = '/usr/lib/x86_64-linux-gnu/janus';

export const janusInstalled = (): boolean => existsSync(JANUS) && existsSync(`${LIBRARIES}/plugins/libjanus_audiobridge.so`);

export interface JanusBridge {
  pid: number;
  /** A room with a participant for each of these ports; the answer is where it wants their packets. */
  room(remote: string, ports: number[]): Promise<number[]>;
  stop(): Promise<void>;
}

const HTTP_PORT = 18_088;
const RTP_PORTS = '20000-31999';

interface JanusMessage {
  janus: string;
  transaction?: string;
  data?: { id: number };
  sender?: number;
  plugindata?: { data: Record<string, unknown> };
  error?: { reason: string };
}

export async function startJanus(address: string): Promise<JanusBridge> {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-bench-janus-'));
  for (const folder of ['etc', 'plugins', 'transports', 'events', 'loggers']) mkdirSync(join(dir, folder));
  symlinkSync(`${LIBRARIES}/plugins/libjanus_audiobridge.so`, join(dir, 'plugins/libjanus_audiobridge.so'));
  symlinkSync(`${LIBRARIES}/transports/libjanus_http.so`, join(dir, 'transports/libjanus_http.so'));
  const etc = (name: string, text: string): void => writeFileSync(join(dir, 'etc', name), text);
  etc(
    'janus.jcfg',
    `general: { configs_folder = "${dir}/etc" plugins_folder = "${dir}/plugins" transports_folder = "${dir}/transports" events_folder = "${dir}/events" loggers_folder = "${dir}/loggers" log_to_stdout = true debug_level = 3 admin_secret = "x" session_timeout = 600 interface = "${address}" }\n` +
      'certificates: { }\nmedia: { }\nnat: { ice_lite = true }\nplugins: { }\ntransports: { }\n',
  );
  etc('janus.transport.http.jcfg', `general: { json = "compact" base_path = "/janus" http = true port = ${HTTP_PORT} ip = "127.0.0.1" https = false }\nadmin: { admin_http = false }\ncors: { }\n`);
  etc('janus.plugin.audiobridge.jcfg', `general: { rtp_port_range = "${RTP_PORTS}" local_ip = "${address}" }\n`);
  const janus = start(JANUS, ['-F', join(dir, 'etc'), '-C', join(dir, 'etc/janus.jcfg')]);
  const stop = async (): Promise<void> => {
    await janus.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const base = `http://127.0.0.1:${HTTP_PORT}/janus`;
  let numbers = 0;
  const post = async (path: string, body: object): Promise<JanusMessage> => {
    const answer = await fetch(base + path, { method: 'POST', body: JSON.stringify({ ...body, transaction: `t${++numbers}` }) });
    const message = (await answer.json()) as JanusMessage;
    if (message.error) throw new Error(`Janus: ${message.error.reason}`);
    return message;
  };
  try {
    await until('Janus answering', 15_000, () => {
      if (janus.child.exitCode !== null) throw new Error(`Janus ended: ${janus.output().slice(-800)}`);
      return fetch(`${base}/info`).then((r) => r.ok, () => false);
    });
    const session = (await post('', { janus: 'create' })).data!.id;
    const attach = async (): Promise<number> => (await post(`/${session}`, { janus: 'attach', plugin: 'janus.plugin.audiobridge' })).data!.id;
    /** The next event of the session. */
    const event = async (): Promise<JanusMessage[]> => {
      const answer = await fetch(`${base}/${session}?maxev=50`);
      const messages = (await answer.json()) as JanusMessage | JanusMessage[];
      return Array.isArray(messages) ? messages : [messages];
    };
    return {
      pid: janus.pid,
      stop,
      async room(remote, ports) {
        const first = await attach();
        await post(`/${session}/${first}`, { janus: 'message', body: { request: 'create', room: 1, sampling_rate: 8000, audiolevel_event: false, record: false, allow_rtp_participants: true } });
        const places: number[] = [];
        for (const port of ports) {
          const handle = await attach();
          await post(`/${session}/${handle}`, {
            janus: 'message',
            body: { request: 'join', room: 1, display: `m${port}`, codec: 'pcmu', rtp: { ip: remote, port, payload_type: 0 } },
          });
          let place: number | undefined;
          while (place === undefined) {
            for (const { sender, plugindata } of await event()) {
              const data = plugindata?.data;
              if (sender !== handle || !data) continue;
              if (data['error']) throw new Error(`Janus: ${String(data['error'])}`);
              const rtp = data['rtp'] as { port?: number } | undefined;
              if (data['audiobridge'] === 'joined' && rtp?.port) place = rtp.port;
            }
          }
          places.push(place);
        }
        return places;
      },
    };
  } catch (err) {
    await stop();
    throw err;
  }
}
