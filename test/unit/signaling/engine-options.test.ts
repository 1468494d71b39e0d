import { loadConfig } from '../../../signaling/config';
import { defaultLimits } from '../../../signaling/engine';
import { engineOptions, isAlone } from '../../../signaling/engine-options';

const load = (flags: Record<string, string>) => loadConfig({ env: {}, cwd: '/srv', flags });
const options = (flags: Record<string, string> = {}) => engineOptions(load(flags), 'the secret');

test('as they come, the settings are what the engine does by itself', () => {
  const { limits, control, capture, overload, proxySecret } = options();
  expect(limits!.maxRingingSeconds).toBeGreaterThan(60);
  // Our own application gives up ringing by itself, and a server has bounds of its own.
  const own = { maxTransactions: 50_000, maxRememberedFlows: 50_000, maxRequestsPerSecond: 1000, maxRingingSeconds: limits!.maxRingingSeconds };
  expect(limits).toEqual({ ...Object.fromEntries(Object.keys(limits!).map((name) => [name, defaultLimits[name as keyof typeof defaultLimits]])), ...own });
  expect(control).toEqual({ host: '127.0.0.1', port: 0, secret: 'the secret', tls: undefined, graceSeconds: 10, behindBytes: 1_048_576, behindMs: 500, handlers: [] });
  expect([capture, overload, proxySecret]).toEqual([undefined, false, undefined]);
});

test('each reaches the engine', () => {
  const made = options({
    'engine.secret': 'long-enough', 'engine.tlsPort': '9023', 'engine.tlsCertificate': 'a.pem', 'engine.tlsKey': 'a.key', 'engine.tlsAuthorities': 'ca.pem',
    'engine.handlers': 'INVITE|message http://127.0.0.1:8080/route POST,* tcp://127.0.0.1:4000', 'engine.handlerSeconds': '7', 'engine.handlerAuthorities': 'h.pem',
    'engine.graceSeconds': '0', 'engine.behindBytes': '2048', 'engine.behindMs': '50', 'engine.proxySecret': 'sixteen-letters-and-more', 'engine.maxBreadth': '5', 'engine.ladderMessages': '0',
    'capture.address': '127.0.0.1:9060', 'capture.id': '7', 'capture.key': 'homer',
    'overload.enabled': 'on', 'overload.busyPercent': '90', 'overload.busyMs': '3000', 'overload.retryAfterSeconds': '9',
  });
  expect(made.control).toEqual({
    host: '127.0.0.1', port: 0, secret: 'the secret', graceSeconds: 0, behindBytes: 2048, behindMs: 50,
    tls: { port: 9023, certificate: '/srv/a.pem', key: '/srv/a.key', authorities: '/srv/ca.pem' },
    handlers: [
      { methods: ['INVITE', 'MESSAGE'], url: 'http://127.0.0.1:8080/route', httpMethod: 'POST', timeoutSeconds: 7, authorities: '/srv/h.pem' },
      { methods: ['*'], url: 'tcp://127.0.0.1:4000', httpMethod: 'GET', timeoutSeconds: 7, authorities: '/srv/h.pem' },
    ],
  });
  expect(made.limits).toMatchObject({ maxBreadth: 5, ladderMessages: 0 });
  expect(made.capture).toEqual({ host: '127.0.0.1', port: 9060, id: 7, key: 'homer' });
  expect(made.overload).toEqual({ busyPercent: 90, busyMs: 3000, retryAfterSeconds: 9 });
  expect(made.proxySecret).toBe('sixteen-letters-and-more');
});

test('authorities without a certificate of our own: TLS is dialled, and they are trusted', () => {
  expect(options().tls).toBeUndefined();
  expect(options({ 'sip.tlsAuthorities': 'ca.pem' }).tls).toEqual({ certificates: [], clients: 'none', authorities: '/srv/ca.pem', verify: true });
});

test.each([
  [true, {}],
  [false, { 'engine.secret': 'given-to-others' }],
  [false, { 'engine.handlers': 'MESSAGE http://127.0.0.1:3000/' }],
])('our application is the only one: %s %j', (alone, flags: Record<string, string>) => {
  expect(isAlone(load(flags))).toBe(alone);
});
