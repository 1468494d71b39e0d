/** The API for other machines and browsers: HTTP over TCP, unencrypted. */
import { formatHostPort, type HostPort } from '../config';
import { OffhookError } from '../errors';
import { HttpListener } from './listener';

/** Errors: `start.bad-setting` for `http.address`. */
export async function openHttp(at: HostPort, maxConnections: number): Promise<HttpListener> {
  const listener = new HttpListener(maxConnections);
  try {
    await listener.listen(at);
    return listener;
  } catch (err) {
    throw new OffhookError('start.bad-setting', { setting: 'http.address', reason: reasonOf(err as NodeJS.ErrnoException, at) }, { cause: err });
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException, { host, port }: HostPort): string {
  if (code === 'EADDRINUSE') return `TCP port ${port} on ${host} is taken. Choose another one with --http ${formatHostPort({ host, port: port === 8080 ? 8081 : 8080 })}.`;
  if (code === 'EADDRNOTAVAIL') return `${host} is not an address of this machine.`;
  if (code === 'EACCES') return `TCP port ${port} may be opened by an administrator only.`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `there is no address for the name ${host}.`;
  return `TCP port ${port} on ${host} cannot be opened (${message}).`;
}
