/** One question over HTTP: GET, or POST with the SIP message as text. Connections are kept and used again. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../../clock';

/** A decision is short; what is longer is no decision. */
const MAX_ANSWER_BYTES = 65_536;

export class AskError extends Error {
  override readonly name = 'AskError';
  constructor(
    readonly kind: 'timeout' | 'failed',
    message: string,
  ) {
    super(message);
  }
}

export class Asker {
  private readonly plain: HttpAgent;
  private readonly secure: HttpsAgent;

  /** @param authorities PEM text that `https:` is checked against, when not the system's */
  constructor(
    private readonly clock: Clock,
    authorities: string | undefined,
  ) {
    this.plain = new HttpAgent({ keepAlive: true });
    this.secure = new HttpsAgent({ keepAlive: true, ca: authorities });
  }

  /** Resolves with the body of a 2xx. @throws AskError */
  ask(url: string, body: string | undefined, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const secure = url.startsWith('https:');
      const headers = { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'text/plain; charset=UTF-8', 'Content-Length': String(Buffer.byteLength(body)) }) };
      const options = { method: body === undefined ? 'GET' : 'POST', headers };
      const request = secure ? httpsRequest(url, { ...options, agent: this.secure }) : httpRequest(url, { ...options, agent: this.plain });
      const end = (): void => timer.cancel();
      const fail = (kind: AskError['kind'], message: string): void => {
        end();
        request.destroy();
        reject(new AskError(kind, message));
      };
      const timer = this.clock.after(timeoutMs, () => fail('timeout', `no answer within ${timeoutMs} ms`));
      request.on('error', (error) => fail('failed', error.message));
      request.on('response', (response) => read(response, (text) => (end(), resolve(text)), (problem) => fail('failed', problem)));
      request.end(body);
    });
  }

  close(): void {
    this.plain.destroy();
    this.secure.destroy();
  }
}

function read(response: IncomingMessage, done: (text: string) => void, failed: (problem: string) => void): void {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) failed(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    else chunks.push(chunk);
  });
  response.on('error', (error) => failed(error.message));
  response.on('end', () => {
    if (status >= 200 && status < 300) done(Buffer.concat(chunks).toString('utf8'));
    else failed(`it answered ${status}`);
  });
}
