/** Whether the certificate a connected peer has shown, and an authority of ours has signed, is for this name (RFC 5922 §7). */
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

export function certifies(socket: TLSSocket, name: string): boolean {
  if (!socket.authorized) return false;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return false;
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}
