/**
 * SIPp calls SIPp through a stock drachtio-srf B2BUA on the engine, over every transport that SIPp has, all at the same time: one socket, one
 * for each call, UDP, TCP, TLS (Debian's SIPp cannot encrypt: a pipe of ours does), IPv6.
 */
import { once as event } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Engine } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import { makeCertificate } from '../../support/certificate';
import { Child, run } from '../../support/child';
import { missing, peerPath, unless } from '../../support/peers';
import { isListening } from '../../support/sipp';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { isRealServer, secret, startApp, type ServerUnderTest } from './harness';

const CALLS = 10;
/** What the user part of the dialled URI says, SIPp's mode on both sides, and over what and where that reaches us. */
const WAYS = [
  { name: 'u1', mode: 'u1', over: 'udp', host: '127.0.0.1', callee: 'u1' },
  { name: 'un', mode: 'un', over: 'udp', host: '127.0.0.1', callee: 'u1' },
  { name: 't1', mode: 't1', over: 'tcp', host: '127.0.0.1', callee: 't1' },
  { name: 'tn', mode: 'tn', over: 'tcp', host: '127.0.0.1', callee: 'tn' },
  { name: 'tls', mode: 't1', over: 'tls', host: '127.0.0.1', callee: 'u1' },
  { name: 'u6', mode: 'u1', over: 'udp', host: '::1', callee: 'u1' },
  { name: 't6', mode: 't1', over: 'tcp', host: '::1', callee: 't1' },
] as const;
type Way = (typeof WAYS)[number];

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

unless(isRealServer ? 'the listening points of a real drachtio-server are not ours to choose' : missing(['sipp', 'openssl']))('SIPp to SIPp through a B2BUA', () => {
  test(`over ${WAYS.map(({ name }) => name).join(', ')} at the same time: ${CALLS} calls each, none fails`, async () => {
    const stage = new Stage();
    const certificate = await makeCertificate(stage, { names: ['127.0.0.1'] });
    const listen = ['127.0.0.1', '::1'].flatMap((address) => (['udp', 'tcp', 'tls'] as const).map((protocol) => ({ protocol, address, port: 0 })));
    // Fourteen SIPps on a busy machine answer late, and SIPp gives a call up whose INVITE came twice: its BYE is never answered.
    const timers = { t1: 3_000, t2: 6_000 };
    const engine = new Engine({ listen, timers, control: { port: 0, secret }, tls: { certificates: [certificate] } }, { barrier: sameLoopBarrier });
    const { control, listening } = await engine.start();
    const portOf = (over: string, host: string): number => listening.find(({ protocol, address }) => protocol === over && address === host)?.port ?? 0;
    // Its own scenario, so that both sides are SIPp's word and not ours; the callees linger after the BYE, and are ended with the stage.
    const sipp = async (way: Way, mode: string, ...more: string[]): Promise<string[]> => ['-t', mode, '-i', bracketed(way.host), '-p', String(await stage.port()), '-mp', String((await stage.ports(4)).first), '-m', String(CALLS), '-nostdin', '-skip_rlimit', ...more];
    const callees = new Map<string, string>();
    const pipe = createServer((plain) => {
      const encrypted = connectTls({ host: '127.0.0.1', port: portOf('tls', '127.0.0.1'), ca: readFileSync(certificate.ca) });
      for (const socket of [plain, encrypted]) socket.on('error', () => undefined);
      plain.pipe(encrypted).pipe(plain);
    }).listen(0, '127.0.0.1');
    await event(pipe, 'listening');
    const problems: unknown[] = [];
    const app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => {
      srf.invite((req, res) => {
        const way = /^sip:(\w+)@/.exec(req.uri)?.[1] ?? '';
        srf.createB2BUA(req, res, callees.get(way) ?? '', { localSdpB: req.body }).then(
          ({ uas, uac }) => {
            uas.on('destroy', () => void uac.destroy().catch((error: unknown) => problems.push(error)));
          },
          (error: unknown) => void problems.push(error),
        );
      });
    });
    const running: Child[] = [];
    try {
      for (const way of WAYS) {
        const args = await sipp(way, way.callee, '-sn', 'uas');
        running.push(new Child(`sipp uas ${way.name}`, peerPath('sipp'), args, { cwd: stage.folder, env: { TERM: 'dumb' } }));
        await eventually(`the callee of ${way.name} to listen`, () => isListening(Number(args[5]), way.callee.startsWith('t') ? 'tcp' : 'udp', way.host));
        callees.set(way.name, `sip:b@${bracketed(way.host)}:${args[5]}${way.callee.startsWith('t') ? ';transport=tcp' : ''}`);
      }
      const outcomes = await Promise.all(
        WAYS.map(async (way) => {
          const port = way.over === 'tls' ? (pipe.address() as AddressInfo).port : portOf(way.over, way.host);
          const args = await sipp(way, way.mode, '-sn', 'uac', '-s', way.name, '-r', '20', '-d', '100', '-timeout', '20', '-timeout_error', `${bracketed(way.host)}:${port}`);
          const { code, output } = await run(peerPath('sipp'), args, { cwd: stage.folder, env: { TERM: 'dumb' }, timeoutMs: 30_000 });
          const successful = [...output.matchAll(/Successful call\s+\|\s+\d+\s+\|\s+(\d+)/g)].at(-1)?.[1];
          return { way: way.name, code, successful: Number(successful), ...(code === 0 ? {} : { output: output.slice(-1_500) }) };
        }),
      );
      expect(outcomes).toEqual(WAYS.map(({ name }) => ({ way: name, code: 0, successful: CALLS })));
      await eventually('all dialogs to be over', () => engine.stats().dialogs === 0);
      expect(problems).toEqual([]);
      const { sent } = engine.stats().core.counters;
      // An INVITE and a BYE for each call, nothing in vain.
      expect(sent).toBe(2 * CALLS * WAYS.length);
    } finally {
      await Promise.all(running.map((child) => child.stop('SIGKILL')));
      app.close();
      pipe.close();
      await engine.close();
      await stage.close();
    }
  }, 60_000);
});
