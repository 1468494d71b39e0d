/** POSTs to real sockets: what comes back, what does not, and what is not followed. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { poster, type Poster } from '../../../../signaling/app/webhooks/post';

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let url: string;
let one: Poster;
const got: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      got.push(`${request.method} ${request.url} ${body}`);
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  one = poster();
});
afterAll(async () => {
  one.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
const post = (to = url, timeoutMs = 5000) => one.post({ url: to, headers: { 'content-type': 'application/json', 'x-own': 'yes' }, body: '{"grüße":1}', timeoutMs });

test('the answer’s status, over one connection', async () => {
  const ports = new Set<number | undefined>();
  answer = (request, response) => {
    ports.add(request.socket.remotePort);
    expect([request.headers['content-type'], request.headers['x-own'], request.headers['content-length']]).toEqual(['application/json', 'yes', '13']);
    response.writeHead(201).end('thanks');
  };
  expect(await post()).toEqual({ status: 201, problem: undefined, retryAfter: undefined });
  await new Promise((resolve) => setImmediate(resolve));
  expect(await post()).toMatchObject({ status: 201 });
  expect([got.at(-1), ports.size]).toEqual(['POST /hook {"grüße":1}', 1]);
});

test('no redirect is followed; how long to wait is told', async () => {
  got.length = 0;
  answer = (_request, response) => response.writeHead(302, { location: `${url}/other`, 'retry-after': '7' }).end();
  expect(await post()).toEqual({ status: 302, problem: undefined, retryAfter: 7 });
  expect(got).toHaveLength(1);
});

test('an answer without end costs its connection only', async () => {
  const cut = new Promise<void>((resolve) => {
    answer = (_request, response) => {
      response.writeHead(200);
      response.on('close', resolve);
      const more = (): void => void (response.destroyed || response.write('x'.repeat(10_000), () => setImmediate(more)));
      more();
    };
  });
  expect(await post()).toMatchObject({ status: 200 });
  await cut;
});

test('what goes wrong is said', async () => {
  answer = () => undefined;
  expect(await post(url, 30)).toEqual({ status: 0, problem: 'it did not answer within 0.03 seconds', retryAfter: undefined });
  answer = (request) => request.socket.destroy();
  expect(await post()).toMatchObject({ status: 0, problem: 'the connection was closed before an answer' });
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => other.close(resolve));
  expect(await post(`http://127.0.0.1:${port}/`)).toMatchObject({ status: 0, problem: 'nobody listens there' });
});
