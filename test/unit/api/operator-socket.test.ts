/** The socket in the data folder: for its owner only, one server on one folder, and what is left there by a server that was killed. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOperatorSocket, type OperatorSocket } from '../../../signaling/api/operator-socket';
import { silentLogger, type Logger } from '../../../signaling/log';
import { operatorAddress } from '../../../signaling/operator-path';

let data: string;
const open: OperatorSocket[] = [];
beforeEach(() => (data = mkdtempSync(join(tmpdir(), 'offhook-operator-'))));
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
  rmSync(data, { recursive: true, force: true });
});

const file = () => join(data, 'run', 'operator.sock');

async function opened(platform?: NodeJS.Platform): Promise<{ socket: OperatorSocket | undefined; warnings: string[] }> {
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (line: unknown) => void warnings.push(String(line)) };
  const socket = await openOperatorSocket(data, platform === undefined ? { log } : { log, platform });
  if (socket) open.push(socket);
  return { socket, warnings };
}

function ask(folder = join(data, 'run')): Promise<{ status: number | undefined; body: string }> {
  const address = operatorAddress(folder)!;
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    request({ socketPath: address.path, path: '/', agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk)).on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject).end();
  }).finally(() => address.release());
}

/** As SIGKILL leaves it: nobody listens on it, and it is there. */
function abandoned(): void {
  execFileSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(file())}, () => process.kill(process.pid, 'SIGKILL'))`], { stdio: 'ignore' });
}
const leave = (): void => {
  try {
    abandoned();
  } catch {
    // it was killed, as it should be
  }
};

it('is for its owner only, in a folder of its own, whatever that was before', async () => {
  mkdirSync(join(data, 'run'));
  chmodSync(join(data, 'run'), 0o777);
  const { socket, warnings } = await opened();
  expect([statSync(join(data, 'run')).mode & 0o777, statSync(file()).mode & 0o777, statSync(file()).isSocket()]).toEqual([0o700, 0o600, true]);
  await socket!.close();
  await socket!.close();
  expect([existsSync(file()), warnings]).toEqual([false, []]);
});

it('says to come again until the server is ready, then answers', async () => {
  const { socket } = await opened();
  expect(await ask()).toEqual({ status: 503, body: expect.stringContaining('The server is only starting. Try again.') });
  socket!.serve((_request, response) => void response.end('hello'));
  expect(await ask()).toEqual({ status: 200, body: 'hello' });
});

it('what a killed server left is replaced', async () => {
  mkdirSync(join(data, 'run'));
  leave();
  expect(statSync(file()).isSocket()).toBe(true);
  const { socket } = await opened();
  socket!.serve((_request, response) => void response.end('the new one'));
  expect((await ask()).body).toBe('the new one');
  expect(readdirSync(join(data, 'run'))).toEqual(['operator.sock']);
});

it('a second server on the folder is told, and the first one is still there', async () => {
  const { socket } = await opened();
  socket!.serve((_request, response) => void response.end('the first'));
  await expect(opened()).rejects.toMatchObject({ code: 'server.running', exitCode: 2, message: `A server runs on the data folder ${data} already. Stop it, or name another folder with --data.` });
  expect((await ask()).body).toBe('the first');
});

it('a lock whose owner was killed holds nobody up for long', async () => {
  mkdirSync(join(data, 'run'));
  leave();
  writeFileSync(`${file()}.lock`, '');
  utimesSync(`${file()}.lock`, 1, 1);
  expect((await opened()).socket).toBeDefined();
  expect(readdirSync(join(data, 'run'))).toEqual(['operator.sock']);
});

it('of several that start at once over what is left, one has it', async () => {
  mkdirSync(join(data, 'run'));
  leave();
  const all = await Promise.allSettled(Array.from({ length: 5 }, () => opened()));
  const won = all.filter(({ status }) => status === 'fulfilled');
  expect(won).toHaveLength(1);
  for (const one of all) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'server.running' });
  expect((await ask()).status).toBe(503);
  expect(readdirSync(join(data, 'run'))).toEqual(['operator.sock']);
});

it('a path that no address holds is gone around on Linux, elsewhere said, and the server runs on', async () => {
  const short = data;
  data = join(data, 'x'.repeat(60), 'y'.repeat(60));
  mkdirSync(data, { recursive: true });
  const { socket, warnings } = await opened('darwin');
  expect([socket, warnings]).toEqual([undefined, [expect.stringContaining('the path of the data folder is too long; with /run/operator.sock it may have 103 bytes')]]);
  if (process.platform === 'linux') {
    const linux = await opened();
    linux.socket!.serve((_request, response) => void response.end('reached'));
    expect([(await ask()).body, existsSync(file())]).toEqual(['reached', true]);
    await linux.socket!.close();
    expect(existsSync(file())).toBe(false);
  }
  data = short;
});

it('what is no socket of ours is left alone, and the server runs on', async () => {
  mkdirSync(join(data, 'run'));
  writeFileSync(file(), 'notes');
  const { socket, warnings } = await opened();
  expect([socket, warnings]).toEqual([undefined, [expect.stringContaining('is no socket')]]);
  expect(statSync(file()).isFile()).toBe(true);
});

it('a folder that cannot be made is said, and the server runs on', async () => {
  writeFileSync(join(data, 'run'), 'a file');
  const { socket, warnings } = await opened();
  expect([socket, warnings]).toEqual([undefined, [expect.stringContaining('cannot be opened')]]);
});
