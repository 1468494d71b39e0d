/** The API over TCP: who is let in where, and what keeps it from being opened, in a sentence. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { operator } from '../../../signaling/api/access';
import type { HttpListener } from '../../../signaling/api/listener';
import { apiOnDemand } from '../../../signaling/api/on-demand';
import { openHttp } from '../../../signaling/api/tcp';
import { silentLogger } from '../../../signaling/log';
import { eventually } from '../../support/wait';
import { shown } from './views';

const open: Array<{ close(): unknown }> = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function opened(maxConnections = 10): Promise<HttpListener> {
  const http = await openHttp({ host: '127.0.0.1', port: 0 }, maxConnections);
  open.push(http);
  return http;
}
const ask = async (http: HttpListener, path: string): Promise<[number, unknown]> => {
  const response = await fetch(`http://127.0.0.1:${http.port}${path}`);
  return [response.status, await response.json()];
};

it('says to come again until there is somebody to answer', async () => {
  const http = await opened();
  expect(await ask(http, '/healthz')).toEqual([503, expect.objectContaining({ code: 'server.starting' })]);
});

it('each listener knows those who ask there in its own way, and all share one API', async () => {
  const [one, other] = [await opened(), await opened()];
  const listenerFor = apiOnDemand({ views: shown().views, log: silentLogger });
  one.serve(listenerFor(() => operator));
  other.serve(listenerFor(() => undefined));
  const answers = await Promise.all([ask(one, '/api/v1/calls'), ask(other, '/api/v1/calls'), ask(one, '/readyz'), ask(other, '/readyz')]);
  expect(answers.map(([status]) => status)).toEqual([200, 401, 200, 200]);
});

it('takes so many connections at once and no more', async () => {
  const http = await opened(2);
  const sockets = [1, 2].map(() => connect(http.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const third = connect(http.port, '127.0.0.1');
  await once(third, 'close');
  sockets[0]!.destroy();
  await eventually('a place to be free', () => ask(http, '/').then(([status]) => status === 503, () => false));
  sockets[1]!.destroy();
});

it('closes also while somebody is connected', async () => {
  const http = await opened();
  http.serve((_request, response) => void response.end('{}'));
  await ask(http, '/');
  await Promise.all([http.close(), http.close()]);
  await expect(ask(http, '/')).rejects.toThrow();
});

it('a port that is taken', async () => {
  const taken: Server = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => new Promise((resolve) => taken.close(resolve)) });
  const { port } = taken.address() as AddressInfo;
  await expect(openHttp({ host: '127.0.0.1', port }, 10)).rejects.toMatchObject({ code: 'start.bad-setting', exitCode: 2, message: `http.address: TCP port ${port} on 127.0.0.1 is taken. Choose another one with --http 127.0.0.1:8080.` });
});

it.each([
  ['192.0.2.1', 'http.address: 192.0.2.1 is not an address of this machine.'],
  ['nobody.invalid', 'http.address: there is no address for the name nobody.invalid.'],
])('%s', async (host, message) => {
  await expect(openHttp({ host, port: 0 }, 10)).rejects.toMatchObject({ message });
});
