/** Requests that the application has sent on. */
import { SipPeer, sdp } from '../../../support/sip-peer';
import { pause } from '../../../support/wait';
import type { Scenario, Scene } from './scene';

const ASKED = 'INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body';
const ANSWERED = '- echo network n udp peer continue | 200 INVITE to-tag +contact +content-type body';
const DONE = '- response OK done';

/** What `req.proxy` comes to. */
interface Result {
  connected: boolean;
  finalStatus: number;
}

/** `a` sends; the application has it sent on to these. */
async function proxied(scene: Scene, destination: string[], options: object = {}, method = 'INVITE'): Promise<{ result: Promise<Result>; sent: ReturnType<Scene['send']> }> {
  const sent = scene.a.request(method, 'sip:bob@example.com', method === 'INVITE' ? { body: sdp() } : {});
  scene.a.send(sent);
  const { req } = await scene.next(method.toLowerCase());
  return { sent, result: req.proxy({ destination, ...options }) as Promise<Result> };
}

export const proxies: Scenario[] = [
  {
    of: '08',
    title: 'proxy that stays in the call',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 200 INVITE to-tag +contact +content-type +record-route body
      ${DONE}`,
    async run(scene) {
      const { result } = await proxied(scene, [scene.b.uri], { remainInDialog: true });
      scene.b.reply(await scene.b.getRequest('INVITE'), 200, { body: sdp(40100) });
      await scene.a.getResponse(200, 'INVITE');
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '07',
    title: 'proxy that does not, and its records',
    routes: ['invite', 'cdr:attempt', 'cdr:start', 'cdr:stop'],
    recorded: `
      ${ASKED}
      cdr:attempt network | INVITE +contact +content-type body
      cdr:attempt application | INVITE +contact +content-type body
      cdr:start network proxy-uac | 200 INVITE to-tag +contact +content-type body
      ${ANSWERED}
      ${DONE}
      cdr:start application proxy-uas | 200 INVITE to-tag +contact +content-type body`,
    async run(scene) {
      const { result } = await proxied(scene, [scene.b.uri]);
      scene.b.reply(await scene.b.getRequest('INVITE'), 200, { body: sdp(40100) });
      await scene.a.getResponse(200, 'INVITE');
      await result;
    },
  },
  {
    of: '09',
    title: 'one after the other: busy, then an answer',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 486 INVITE to-tag
      ${ANSWERED}
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result } = await proxied(scene, [scene.b.uri, second.uri]);
      scene.b.reply(await scene.b.getRequest('INVITE'), 486);
      second.reply(await second.getRequest('INVITE'), 200, { body: sdp(40100) });
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '10',
    title: 'all at once: one answers, the other is cancelled',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      ${ANSWERED}
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result } = await proxied(scene, [scene.b.uri, second.uri], { forking: 'simultaneous' });
      const loser = await scene.b.getRequest('INVITE');
      scene.b.reply(loser, 180);
      second.reply(await second.getRequest('INVITE'), 200, { body: sdp(40100) });
      scene.b.reply(await scene.b.getRequest('CANCEL'), 200);
      scene.b.reply(loser, 487);
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '11',
    title: 'a target that says nothing is left',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      ${ANSWERED}
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result } = await proxied(scene, [scene.b.uri, second.uri], { provisionalTimeout: '200ms' });
      second.reply(await second.getRequest('INVITE'), 200, { body: sdp(40100) });
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '12',
    title: 'nobody answers: the best failure',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 503 INVITE to-tag
      - echo network n udp peer continue | 404 INVITE to-tag
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result, sent } = await proxied(scene, [scene.b.uri, second.uri]);
      scene.b.reply(await scene.b.getRequest('INVITE'), 503);
      second.reply(await second.getRequest('INVITE'), 404);
      await scene.failed(sent, 404);
      expect(await result).toMatchObject({ connected: false, finalStatus: 404 });
    },
  },
  {
    of: '13',
    title: 'the caller gives up',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 487 INVITE to-tag
      ${DONE}`,
    async run(scene) {
      const { result, sent } = await proxied(scene, [scene.b.uri]);
      const invite = await scene.b.getRequest('INVITE');
      scene.b.reply(invite, 180);
      await scene.a.getResponse(180, 'INVITE');
      scene.cancel(sent);
      scene.b.reply(await scene.b.getRequest('CANCEL'), 200);
      scene.b.reply(invite, 487);
      await scene.failed(sent, 487);
      expect(await result).toMatchObject({ finalStatus: 487 });
    },
  },
  {
    of: '14',
    title: 'a redirect is followed',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 302 INVITE to-tag +contact
      ${ANSWERED}
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result } = await proxied(scene, [scene.b.uri], { followRedirects: true });
      scene.b.reply(await scene.b.getRequest('INVITE'), 302, { headers: { Contact: `<${second.uri}>` } });
      second.reply(await second.getRequest('INVITE'), 200, { body: sdp(40100) });
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '15',
    title: 'REGISTER with Path',
    routes: ['register'],
    recorded: `
      REGISTER1 sip network n udp peer dialog:- on:engine | REGISTER +contact
      - echo network n udp peer continue | 200 REGISTER to-tag
      ${DONE}`,
    async run(scene) {
      const { result } = await proxied(scene, [scene.b.uri], { remainInDialog: true }, 'REGISTER');
      const register = await scene.b.getRequest('REGISTER');
      expect(register.message.headers.has('path')).toBe(true);
      scene.b.reply(register, 200);
      expect(await result).toMatchObject({ connected: true, finalStatus: 200 });
    },
  },
  {
    of: '51',
    title: 'a challenge goes up; the request with credentials goes to whom they are for',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 401 INVITE to-tag +www-authenticate
      ${DONE}
      INVITE2 sip network n udp peer dialog:- on:engine | INVITE +authorization +contact +content-type body
      ${ANSWERED}
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const first = await proxied(scene, [scene.b.uri, second.uri]);
      scene.b.reply(await scene.b.getRequest('INVITE'), 401, { headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n1"' } });
      await scene.failed(first.sent, 401);
      await first.result;
      const again = scene.a.request('INVITE', 'sip:bob@example.com', { body: sdp(), headers: { Authorization: 'Digest username="a", realm="r", nonce="n1", uri="sip:bob@example.com", response="x"' } });
      scene.a.send(again);
      const { req } = await scene.next('invite');
      const result = req.proxy({ destination: [second.uri, scene.b.uri] });
      scene.b.reply(await scene.b.getRequest('INVITE'), 200, { body: sdp(40100) });
      expect(await result).toMatchObject({ finalStatus: 200 });
      expect(second.countRequests('INVITE')).toBe(0);
    },
  },
  {
    of: '73',
    title: 'what cannot be sent on: answered already, no way, no hops left',
    routes: ['invite', 'options'],
    recorded: `
      ${ASKED}
      INVITE1 echo application n udp peer dialog:from Msg sent: | 180 INVITE to-tag
      - response NOK Unknown transaction id: <id>
      INVITE1 echo application n udp peer dialog:from Msg sent: | 480 INVITE to-tag
      OPTIONS1 sip network n udp peer dialog:- on:engine | OPTIONS
      - response NOK error proxying request to 
      OPTIONS2 sip network n udp peer dialog:- on:engine | OPTIONS
      - response NOK Rejected with 483 Too Many Hops due to Max-Forwards value of 0`,
    async run(scene) {
      const invite = scene.a.request('INVITE', 'sip:bob@example.com', { body: sdp() });
      scene.a.send(invite);
      const { req, res } = await scene.next('invite');
      await new Promise((done) => res.send(180, {}, done));
      await expect(req.proxy({ destination: [scene.b.uri] })).rejects.toMatch(/Unknown transaction/);
      await new Promise((done) => res.send(480, {}, done));
      await scene.failed(invite, 480);
      for (const [destination, headers, words, status] of [
        [`${scene.b.uri};transport=sctp`, {}, /error proxying/, 500],
        [scene.b.uri, { 'Max-Forwards': '0' }, /Rejected with 483/, 483],
      ] as const) {
        scene.a.send(scene.a.request('OPTIONS', 'sip:bob@example.com', { headers }));
        const options = await scene.next('options');
        await expect(options.req.proxy({ destination: [destination] })).rejects.toMatch(words);
        await scene.a.getResponse(status, 'OPTIONS');
      }
    },
  },
  {
    of: '76',
    title: 'a target that only rings',
    routes: ['invite'],
    recorded: `
      ${ASKED}
      - echo network n udp peer continue | 487 INVITE to-tag
      ${DONE}`,
    async run(scene) {
      const second = await scene.peer(SipPeer.udp());
      const { result, sent } = await proxied(scene, [scene.b.uri, second.uri], { finalTimeout: '300ms' });
      const invite = await scene.b.getRequest('INVITE');
      scene.b.reply(invite, 180);
      const left = await Promise.race([second.getRequest('INVITE').catch(() => undefined), pause(1000)]);
      // Recorded: the final timeout does nothing, so the caller ends it.
      if (left) second.reply(left, 180);
      scene.cancel(sent);
      scene.b.reply(await scene.b.getRequest('CANCEL'), 200);
      scene.b.reply(invite, 487);
      if (left) {
        await second.getRequest('CANCEL');
        second.reply(left, 487);
      }
      await scene.failed(sent, 487);
      expect(await result).toMatchObject({ finalStatus: 487 });
    },
  },
];
