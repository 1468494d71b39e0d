/** Who shows which token, and what becomes of those who show wrong ones. */
import type { IncomingMessage } from 'node:http';
import { bearer } from '../../../signaling/api/bearer';
import { FailureLimiter } from '../../../signaling/app/failure-limiter';
import { newToken, tokenDigest } from '../../../signaling/token';
import { FakeClock } from '../../support/fake-clock';

function door() {
  const clock = new FakeClock();
  const token = newToken();
  const asked: string[] = [];
  const askerOf = bearer({
    tokens: { byDigest: async (digest) => (asked.push(digest), digest === tokenDigest(token) ? { name: 'ci', scope: 'write' } : undefined) },
    failures: new FailureLimiter({ max: 3, windowMs: 30_000, maxSources: 10 }, clock),
    sourceOf: (address) => `net of ${address}`,
  });
  const ask = async (authorization?: string, remoteAddress = '192.0.2.7') => askerOf({ headers: { authorization }, socket: { remoteAddress } } as unknown as IncomingMessage);
  return { clock, token, asked, ask };
}

it('whoever shows a token has its scope', async () => {
  const { ask, token } = door();
  for (const scheme of ['Bearer', 'bearer', 'BEARER ']) expect(await ask(`${scheme} ${token}`)).toEqual({ name: 'the token “ci”', scope: 'write' });
});

it.each([undefined, '', 'Basic dXNlcjpwYXNz', 'Bearer', 'Bearer a b'])('%j shows none, which is no failure', async (authorization) => {
  const { ask, asked } = door();
  for (let i = 0; i < 9; i++) expect(await ask(authorization)).toBeUndefined();
  expect(asked).toEqual([]);
});

it('what cannot be a token is not looked for', async () => {
  const { ask, asked } = door();
  await expect(ask('Bearer guess')).rejects.toMatchObject({ code: 'api.bad-token', httpStatus: 401 });
  expect(asked).toEqual([]);
});

it('whoever shows wrong ones too often waits; right ones are taken, and others do not wait', async () => {
  const { ask, clock, token } = door();
  for (let i = 0; i < 3; i++) await expect(ask(`Bearer ${newToken()}`)).rejects.toMatchObject({ code: 'api.bad-token' });
  await expect(ask(`Bearer ${newToken()}`)).rejects.toMatchObject({ code: 'api.too-many-failures', httpStatus: 429, fields: { seconds: 10 } });
  expect(await ask(`Bearer ${token}`)).toBeDefined();
  await expect(ask(`Bearer ${newToken()}`, '192.0.2.8')).rejects.toMatchObject({ code: 'api.bad-token' });
  clock.advance(10_000);
  await expect(ask(`Bearer ${newToken()}`)).rejects.toMatchObject({ code: 'api.bad-token' });
});
