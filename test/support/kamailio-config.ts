/**
 * What Kamailio is told to be, in its own language: a registrar and proxy as its sample configuration makes one, on every transport, and where
 * asked for a presence server. No data base: registrations and publications live in memory.
 */
import type { Certificate } from './certificate';

export const KAMAILIO_REALM = 'pbx.test';

export interface KamailioPorts {
  /** UDP and TCP */
  sip: number;
  tls: number;
  ws: number;
  wss: number;
}

export interface KamailioPlan {
  address: string;
  ports: KamailioPorts;
  /** Folder of the modules, with its slash. */
  modules: string;
  /** With it TLS and WSS are listened on. */
  certificate?: Certificate | undefined;
  /** WS (and WSS with a certificate). */
  web: boolean;
  /** Folder with the (empty) tables that the presence modules want to see. */
  presenceTables?: string | undefined;
  /** Of the digest challenge (RFC 8760). */
  algorithm: 'MD5' | 'SHA-256';
}

const MODULES = ['kex', 'corex', 'tm', 'tmx', 'sl', 'rr', 'pv', 'maxfwd', 'usrloc', 'registrar', 'textops', 'siputils', 'sanity', 'auth', 'nathelper'];
const PRESENCE_MODULES = ['db_text', 'textopsx', 'presence', 'presence_xml', 'presence_mwi', 'presence_dialoginfo'];

export function kamailioConfiguration(plan: KamailioPlan): string {
  const { address, ports, certificate, web } = plan;
  const presence = plan.presenceTables !== undefined;
  const listen = [`udp:${address}:${ports.sip}`, `tcp:${address}:${ports.sip}`];
  if (certificate) listen.push(`tls:${address}:${ports.tls}`);
  if (web) listen.push(`tcp:${address}:${ports.ws}`);
  if (web && certificate) listen.push(`tls:${address}:${ports.wss}`);
  const modules = [...MODULES, ...(certificate ? ['tls'] : []), ...(web ? ['xhttp', 'websocket'] : []), ...(presence ? PRESENCE_MODULES : [])];
  const aliases = [KAMAILIO_REALM, ...new Set(listen.map((one) => one.slice(one.indexOf(':') + 1)))];
  return `#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
socket_workers=2
auto_aliases=no
# A WebSocket's first request, as HTTP, has no length.
tcp_accept_no_cl=yes
tcp_connection_lifetime=3605
${certificate ? 'enable_tls=yes' : ''}
${aliases.map((alias) => `alias="${alias}"`).join('\n')}
${listen.map((one) => `listen=${one}`).join('\n')}
mpath="${plan.modules}"
${modules.map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("usrloc", "db_mode", 0)
# With GRUU in the answer to REGISTER, Linphone puts one into its Contact, and every later request needs a GRUU look-up.
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "min_expires", 5)
modparam("rr", "enable_full_lr", 1)
modparam("auth", "nonce_expire", 300)
modparam("auth", "qop", "auth")
modparam("auth", "algorithm", "${plan.algorithm === 'MD5' ? '' : plan.algorithm}")
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
${certificate ? tlsParameters(certificate) : ''}
${presence ? presenceParameters(plan.presenceTables!, address, ports.sip) : ''}

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri==myself && $rU==$null) { sl_send_reply("200", "Keepalive"); exit; }
  force_rport();
  # Whoever comes over a WebSocket can only be reached over that one (RFC 7118 §5).
  if (nat_uac_test(64)) { if (is_method("REGISTER")) fix_nated_register(); else if (!is_method("SUBSCRIBE|PUBLISH")) add_contact_alias(); }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (!is_method("ACK")) { if (t_precheck_trans()) { t_check_trans(); exit; } t_check_trans(); }
  if (has_totag()) {
${presence ? '    if (is_method("SUBSCRIBE") && uri==myself) { route(PRESENCE); exit; }' : ''}
    if (loose_route()) {
      if ($du == "") handle_ruri_alias();
      t_on_reply("CONTACTS");
      t_relay();
      exit;
    }
    # A scripted phone that sends everything to its server and knows no Route.
    if (uri!=myself) { handle_ruri_alias(); t_on_reply("CONTACTS"); t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  # A client with an outbound proxy sends its first request with that proxy as a Route.
  remove_hf("Route");
  if (is_method("REGISTER|INVITE|MESSAGE|SUBSCRIBE|PUBLISH|REFER")) {
    $var(pw) = "pw" + $fU;
    if (is_method("REGISTER")) {
      if (!pv_www_authenticate("${KAMAILIO_REALM}", "$var(pw)", "0")) { www_challenge("${KAMAILIO_REALM}", "1"); exit; }
    } else {
      if (!pv_proxy_authenticate("${KAMAILIO_REALM}", "$var(pw)", "0")) { proxy_challenge("${KAMAILIO_REALM}", "1"); exit; }
    }
    if ($au != $fU) { sl_send_reply("403", "Forbidden"); exit; }
    consume_credentials();
  }
  if (is_method("REGISTER")) { if (!save("location")) sl_reply_error(); exit; }
${presence ? '  if (is_method("PUBLISH|SUBSCRIBE") && uri==myself) { route(PRESENCE); exit; }' : ''}
  if (is_method("INVITE|SUBSCRIBE|REFER")) record_route();
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  t_on_reply("CONTACTS");
  if (!t_relay()) sl_reply_error();
}

onreply_route[CONTACTS] { if (nat_uac_test(64)) add_contact_alias(); }
${presence ? PRESENCE_ROUTE : ''}
${web ? WEB_ROUTE : ''}
`;
}

const tlsParameters = ({ ca, certificate, key }: Certificate): string => `modparam("tls", "certificate", "${certificate}")
modparam("tls", "private_key", "${key}")
modparam("tls", "ca_list", "${ca}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)`;

/** The tables are looked at when it starts; what is published and subscribed to stays in memory (modes 2 and 0). */
const presenceParameters = (tables: string, address: string, port: number): string => `modparam("presence|presence_xml", "db_url", "text://${tables}")
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "send_fast_notify", 1)
modparam("presence", "server_address", "sip:${address}:${port}")
# Everybody may watch everybody: there are no rules of a person's own.
modparam("presence_xml", "force_active", 1)
modparam("presence_dialoginfo", "force_single_dialog", 1)`;

const PRESENCE_ROUTE = `
route[PRESENCE] {
  # What the server sends of itself goes to the Contact as it stands: over a WebSocket that must name the connection.
  if (nat_uac_test(64)) { fix_nated_contact(); msg_apply_changes(); }
  if (!t_newtran()) { sl_reply_error(); exit; }
  if (is_method("PUBLISH")) handle_publish();
  else handle_subscribe();
  exit;
}
`;

const WEB_ROUTE = `
event_route[xhttp:request] {
  set_reply_close();
  set_reply_no_connect();
  if ($hdr(Upgrade)=~"websocket" && $hdr(Connection)=~"Upgrade") { if (ws_handle_handshake()) exit; }
  xhttp_reply("404", "Not Found", "", "");
}
`;
