/**
 * Kamailio as a registrar and proxy: the other server that every phone driver here works against, so that a test of a
 * driver (and the "peer" side of a benchmark) does not depend on our own server. Any user is let in with the password
 * `pw<user>`; media goes directly between the phones.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Child } from './child';
import type { Stage } from './stage';
import { eventually } from './wait';

export const KAMAILIO_REALM = 'pbx.test';

const MODULES = ['kex', 'corex', 'tm', 'tmx', 'sl', 'rr', 'pv', 'maxfwd', 'usrloc', 'registrar', 'textops', 'siputils', 'sanity', 'auth', 'nathelper'];

function configuration(port: number, modules: string): string {
  return `#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
socket_workers=2
auto_aliases=no
alias="127.0.0.1:${port}"
alias="${KAMAILIO_REALM}"
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
mpath="${modules}"
${MODULES.map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("usrloc", "db_mode", 0)
# With GRUU in the answer to REGISTER, Linphone puts one into its Contact, and every later request needs a GRUU look-up.
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "min_expires", 5)
modparam("rr", "enable_full_lr", 1)
modparam("auth", "nonce_expire", 300)
modparam("auth", "qop", "auth")
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri==myself && $rU==$null) { sl_send_reply("200", "Keepalive"); exit; }
  force_rport();
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (!is_method("ACK")) { if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans(); }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    # A scripted phone that sends everything to its server and knows no Route.
    if (uri!=myself) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  # A client with an outbound proxy sends its first request with that proxy as a Route.
  remove_hf("Route");
  if (is_method("REGISTER|INVITE")) {
    $var(pw) = "pw" + $fU;
    if (is_method("REGISTER")) {
      if (!pv_www_authenticate("${KAMAILIO_REALM}", "$var(pw)", "0")) { www_challenge("${KAMAILIO_REALM}", "1"); exit; }
    } else {
      if (!pv_proxy_authenticate("${KAMAILIO_REALM}", "$var(pw)", "0")) { proxy_challenge("${KAMAILIO_REALM}", "1"); exit; }
    }
    if ($au != $fU) { sl_send_reply("403", "Forbidden"); exit; }
    consume_credentials();
  }
  if (is_method("INVITE")) record_route();
  if (is_method("REGISTER")) { if (!save("location")) sl_reply_error(); exit; }
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  if (!t_relay()) sl_reply_error();
}
`;
}

export interface RegistrarAccount {
  user: string;
  password: string;
}

export class Kamailio {
  private constructor(
    readonly port: number,
    private readonly child: Child,
  ) {}

  static async start(stage: Stage): Promise<Kamailio> {
    const folder = stage.path('kamailio');
    mkdirSync(folder);
    const port = await stage.port();
    const config = join(folder, 'kamailio.cfg');
    writeFileSync(config, configuration(port, modulePath()));
    const child = new Child('kamailio', 'kamailio', ['-f', config, '-DD', '-E', '-Y', folder, '-P', join(folder, 'kamailio.pid'), '-m', '64', '-M', '8']);
    const kamailio = stage.own(new Kamailio(port, child));
    await eventually(`kamailio on port ${port}\n${child.tail()}`, () => accepts(port), 10_000);
    return kamailio;
  }

  get realm(): string {
    return KAMAILIO_REALM;
  }

  account(user: string): RegistrarAccount {
    return { user, password: `pw${user}` };
  }

  report(): string {
    return this.child.tail();
  }

  async close(): Promise<void> {
    await this.child.stop('SIGTERM', 5000);
  }
}

/** Debian puts modules under the machine's multiarch folder. */
function modulePath(): string {
  const machine = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return `/usr/lib/${machine}/kamailio/modules/`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
