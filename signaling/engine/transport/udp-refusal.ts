/**
 * Finds out that a UDP port on this very machine is closed, so that a call to a phone that has crashed fails after half a second
 * instead of 32.
 *
 * What was tried for other machines, and rejected: Node hands ICMP errors only to connected sockets.
 * - A connected socket of another port: a NAT in front of a healthy phone answers it with "port unreachable" too.
 * - A connected socket of our port (measured: ECONNREFUSED after 0.4 ms, nothing else lost) needs SO_REUSEADDR on the listening
 *   socket. Linphone sets it as well, so a Linphone told to use our port would take our datagrams away instead of failing to start.
 * So peers elsewhere are waited for (timers B and F). On our own machine there is no NAT, and the kernel's table of sockets rules out
 * the one healthy peer that refuses strangers: a phone whose socket is connected to us.
 */
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { familyOf } from './listener';
import type { Endpoint } from './types';

/** A refusal on the same machine takes well under a millisecond. */
const WAIT_MS = 50;
/** Checks at the same time; those beyond are not made. */
const MAX_CHECKS = 16;
const PING = Buffer.from('\r\n\r\n');

type Check = (remote: Endpoint) => Promise<boolean>;

/** The check for places on this machine, a few at a time; for all others the answer is no. */
export function boundedChecks(check: Check, isOwn: (address: string) => boolean): Check {
  let running = 0;
  return async (remote) => {
    if (running >= MAX_CHECKS || !isOwn(remote.address)) return false;
    running++;
    try {
      return await check(remote);
    } finally {
      running--;
    }
  };
}

/** True when nothing on this machine receives at that port; false when something does, or when it cannot be known. */
export async function localPortIsClosed(remote: Endpoint): Promise<boolean> {
  const tables = await Promise.all(['/proc/net/udp', '/proc/net/udp6'].map((file) => readFile(file, 'latin1').catch(() => '')));
  if (tables[0] === '' || tables.some((table) => hasLocalPort(table, remote.port))) return false;
  // Not a socket of ours to see, yet perhaps forwarded into a container: only a refusal counts.
  return refuses(remote);
}

/** Rows read `sl local_address:port remote_address:port …`, in hexadecimal. */
export function hasLocalPort(table: string, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`^ *\\d+: [0-9A-F]+:${hex} `, 'm').test(table);
}

function refuses(remote: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(remote.address) === 6 ? 'udp6' : 'udp4');
    const done = (refused: boolean): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.close();
      resolve(refused);
    };
    // The kernel's time, not SIP's: the injected clock has no part in it.
    const timer = setTimeout(() => done(false), WAIT_MS);
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'));
    socket.connect(remote.port, remote.address, (error?: Error) => {
      if (error) done(false);
      else socket.send(PING);
    });
  });
}
