/** Servers that cannot be trusted, and files of authorities that are none: told at once, by name, with what to do. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { readAuthorities } from '../../../../client/node/channel/authorities';
import { channelOpener } from '../../../../client/node/channel/open';
import { LastingProblem } from '../../../../client/sip/channel';
import { makeCertificate, type Certificate, type CertificateOptions } from '../../../support/certificate';
import { need } from '../../../support/peers';
import { staged, type Stage } from '../../../support/stage';

async function serve(stage: Stage, options: CertificateOptions = {}): Promise<Certificate & { port: number }> {
  const made = await makeCertificate(stage, options);
  const server: Server = createServer({ key: readFileSync(made.key), cert: readFileSync(made.certificate) }, (socket) => socket.on('error', () => undefined));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.own({ close: () => void server.close() });
  return { ...made, port: (server.address() as AddressInfo).port };
}

async function refusal(port: number, caFile: string | undefined): Promise<Error> {
  const events = { message: () => undefined, pong: () => undefined, closed: () => undefined };
  const opened = channelOpener({ tls: { caFile } })({ protocol: 'TLS', host: '127.0.0.1', port }, events, new AbortController().signal);
  return opened.then(() => new Error('it was taken'), (error: Error) => error);
}

need('openssl')('a server', () => {
  test.each<[string, CertificateOptions, boolean, RegExp]>([
    ['of an authority that is not known', {}, false, /as it is signed by an authority that is not trusted here: name the file of that authority’s certificate \(--ca, in a program tls\.caFile\), or have none checked \(--insecure/],
    ['whose certificate has expired', { expired: true }, true, /as it has expired: have the server’s owner renew it, or/],
    ['with a certificate of others', { names: ['pbx.test', '*.x.test', '192.0.2.1'] }, true, /as it is for another name \(pbx\.test, \*\.x\.test, 192\.0\.2\.1, not 127\.0\.0\.1\): use a name that it is for, or/],
  ])('%s is refused for good', ...staged(async (stage, _what: string, options: CertificateOptions, trusted: boolean, sentence: RegExp) => {
    const { port, ca } = await serve(stage, options);
    const error = await refusal(port, trusted ? ca : undefined);
    expect(error.message).toMatch(sentence);
    expect(error.message).toMatch(/^cannot connect to 127\.0\.0\.1:\d+ over TLS: the server’s certificate is not trusted, /);
    expect(error).toBeInstanceOf(LastingProblem);
  }));
});

test.each([
  ['nothing', undefined, 'there is no such file'],
  ['no certificate', 'hello', 'there is none in it; it must be in PEM'],
  ['half a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', 'one of them is damaged'],
])('a file of authorities with %s in it', ...staged(async (stage, _what: string, text: string | undefined, problem: string) => {
  const file = stage.path('ca.pem');
  if (text !== undefined) writeFileSync(file, text);
  const error = await readAuthorities(file).then(() => undefined, (thrown: Error) => thrown);
  expect(error).toBeInstanceOf(LastingProblem);
  expect(error!.message).toContain(`cannot read the certificates in ${file}: ${problem}`);
}));

test('a folder in place of a file of authorities', ...staged(async (stage) => {
  await expect(readAuthorities(stage.folder)).rejects.toThrow('it is a folder');
}));
