/** One POST: no redirects, no more of the answer than its status, and an end to waiting. */
import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

export interface Posted {
  /** 0: no answer came. */
  status: number;
  /** What was wrong, to follow a colon; undefined: an answer came. */
  problem: string | undefined;
  /** Seconds that the answer asks us to wait (Retry-After, RFC 9110 §10.2.3); undefined: it does not. */
  retryAfter: number | undefined;
}

export interface Request {
  url: string;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
}

export type Post = (request: Request) => Promise<Posted>;

export interface Poster {
  /** Never rejects. */
  post: Post;
  /** What is being sent is given up. */
  close(): void;
}

const reasons: Partial<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there', ENOTFOUND: 'there is no such host', EAI_AGAIN: 'its name could not be looked up', ECONNRESET: 'the connection was closed before an answer', EHOSTUNREACH: 'there is no way there', ENETUNREACH: 'there is no way there',
  CERT_HAS_EXPIRED: 'its certificate has expired', DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is its own', ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

export function poster(): Poster {
  const agents = { 'http:': new PlainAgent({ keepAlive: true, maxSockets: 4 }), 'https:': new SecureAgent({ keepAlive: true, maxSockets: 4 }) };
  const post: Post = ({ url, headers, body, timeoutMs }) =>
    new Promise((resolve) => {
      const target = new URL(url);
      const secure = target.protocol === 'https:';
      const failed = (error: NodeJS.ErrnoException): void => resolve({ status: 0, problem: reasons[error.code ?? ''] ?? error.message, retryAfter: undefined });
      const asked = (secure ? secureRequest : plainRequest)(
        target,
        { method: 'POST', agent: secure ? agents['https:'] : agents['http:'], headers: { ...headers, 'content-length': Buffer.byteLength(body) }, signal: AbortSignal.timeout(timeoutMs) },
        (response) => {
          const { statusCode: status = 0, headers: said } = response;
          // what it says besides is nobody's business; a long answer costs the connection
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            if ((bytes += chunk.length) > 65_536) response.destroy();
          });
          response.on('error', () => undefined);
          const after = Number(said['retry-after']);
          resolve({ status, problem: undefined, retryAfter: Number.isFinite(after) && after >= 0 ? after : undefined });
        },
      );
      asked.on('error', (error: NodeJS.ErrnoException) => {
        if (error.name === 'TimeoutError' || (error.cause as Error | undefined)?.name === 'TimeoutError') failed(Object.assign(new Error(`it did not answer within ${timeoutMs / 1000} seconds`), {}));
        else failed(error);
      });
      asked.end(body);
    });
  return {
    post,
    close() {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}
