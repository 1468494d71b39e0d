/**
 * The peer of the signaling benchmarks: Kamailio as digest registrar and record-routing proxy, with rtpengine
 * (user space) anchoring the media. Configured to do what Offhook does for the same scenario: challenge every
 * REGISTER and INVITE, look the contact up, anchor, let go.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSocket } from 'node:dgram';
import { NgClient } from '../rtpengine';
import { start, until, type Started } from './process';

const MODULES = '/usr/lib/x86_64-linux-gnu/kamailio/modules/';

export const kamailioInstalled = (): boolean => existsSync('/usr/sbin/kamailio') && existsSync('/usr/bin/rtpengine') && existsSync(`${MODULES}rtpengine.so`);

export interface Kamailio {
  pids: number[];
  stop(): Promise<void>;
}

const config = (port: number, ngPort: number) => `#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=2
socket_workers=2
tcp_children=1
auto_aliases=no
alias="127.0.0.1:${port}"
listen=udp:127.0.0.1:${port}
mpath="${MODULES}"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "rtpengine.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "max_contacts", 10)
modparam("auth", "nonce_expire", 300)
modparam("auth", "qop", "auth")
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${ngPort}")

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  force_rport();
  if (is_method("CANCEL")) { rtpengine_delete(); if (t_check_trans()) t_relay(); exit; }
  if (!is_method("ACK")) { if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans(); }
  if (has_totag()) {
    if (loose_route()) {
      if (is_method("BYE")) rtpengine_delete();
      t_relay();
      exit;
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  if (is_method("REGISTER")) {
    $var(pw) = "pw" + $fU;
    if (!pv_www_authenticate("offhook", "$var(pw)", "0")) { www_challenge("offhook", "1"); exit; }
    if (!save("location")) sl_reply_error();
    exit;
  }
  if (!is_method("INVITE")) { sl_send_reply("405", "Method Not Allowed"); exit; }
  $var(pw) = "pw" + $fU;
  if (!pv_proxy_authenticate("offhook", "$var(pw)", "0")) { proxy_challenge("offhook", "1"); exit; }
  consume_credentials();
  record_route();
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  rtpengine_offer("replace-origin replace-session-connection ICE=remove");
  t_on_reply("ANSWER");
  t_on_failure("FAILED");
  if (!t_relay()) sl_reply_error();
}
onreply_route[ANSWER] { if (has_body("application/sdp")) rtpengine_answer("replace-origin replace-session-connection ICE=remove"); }
failure_route[FAILED] { rtpengine_delete(); }
`;

/** An rtpengine in user space, `ng` protocol on `ngPort`. */
export async function startRtpengine(ngPort: number, portMin: number, portMax: number, dir: string): Promise<Started> {
  const engine = start('/usr/bin/rtpengine', [
    '--foreground', '--log-stderr', '--log-level=3', '--table=-1', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${ngPort}`,
    `--port-min=${portMin}`, `--port-max=${portMax}`, '--timeout=60', '--config-file=none', `--pidfile=${join(dir, 'rtpengine.pid')}`, '--num-threads=2',
  ]);
  await until('rtpengine answering a ping', 5_000, () => answersPing(ngPort));
  return engine;
}

async function answersPing(port: number): Promise<boolean> {
  const ng = new NgClient('127.0.0.1', port);
  try {
    return (await ng.request({ command: 'ping' }, 300))['result'] === 'pong';
  } catch {
    return false;
  } finally {
    ng.close();
  }
}

export async function startKamailio(port: number, media: { ngPort: number; portMin: number; portMax: number }): Promise<Kamailio> {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-bench-kam-'));
  const rtpengine = await startRtpengine(media.ngPort, media.portMin, media.portMax, dir);
  const file = join(dir, 'kamailio.cfg');
  writeFileSync(file, config(port, media.ngPort));
  const kamailio = start('/usr/sbin/kamailio', ['-f', file, '-DD', '-E', '-Y', dir, '-P', join(dir, 'kamailio.pid'), '-m', '256', '-M', '16']);
  await until('kamailio answering', 8_000, () => {
    if (kamailio.child.exitCode !== null) throw new Error(`kamailio ended: ${kamailio.output().slice(-500)}`);
    return answersOptions(port);
  }).catch(async (err: unknown) => {
    await kamailio.stop();
    await rtpengine.stop();
    throw err;
  });
  return {
    pids: [kamailio.pid, rtpengine.pid],
    async stop() {
      await kamailio.stop();
      await rtpengine.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** True when a SIP server at that UDP port answers anything at all. */
export function answersOptions(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (ok: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(ok);
    };
    const timer = setTimeout(() => done(false), 300);
    socket.on('message', () => done(true));
    socket.on('error', () => done(false));
    socket.bind(0, '127.0.0.1', () => {
      const mine = socket.address().port;
      const id = Math.random().toString(36).slice(2);
      socket.send(
        `OPTIONS sip:127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${mine};branch=z9hG4bK${id}\r\nMax-Forwards: 5\r\nFrom: <sip:bench@127.0.0.1>;tag=${id}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`,
        port,
        '127.0.0.1',
      );
    });
  });
}
