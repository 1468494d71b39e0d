/** Requests to the application. */
import { PeerDialog, sdp } from '../../../support/sip-peer';
import { pause } from '../../../support/wait';
import { firstOf, type Scenario } from './scene';

export const incoming: Scenario[] = [
  {
    of: '01',
    title: 'a ping is answered',
    routes: ['invite'],
    recorded: '- response OK pong',
    run: ({ srf }) => {
      const { mapServer, wp } = (srf as unknown as { _app: { client: { mapServer: Map<unknown, { pendingRequests: Map<string, () => void> }>; wp: { send(socket: unknown, text: string): string } } } })._app.client;
      const [socket, { pendingRequests }] = [...mapServer][0]!;
      return firstOf((done) => pendingRequests.set(wp.send(socket, 'ping'), () => done(undefined)));
    },
  },
  {
    of: '03',
    title: 'OPTIONS and REGISTER',
    routes: ['options', 'register'],
    recorded: `
      OPTIONS1 sip network n udp peer dialog:- on:engine | OPTIONS +accept +user-agent
      OPTIONS1 echo application n - peer dialog:- Msg sent: | 200 OPTIONS to-tag
      REGISTER1 sip network n udp peer dialog:- on:engine | REGISTER +contact +expires
      REGISTER1 echo application n - peer dialog:- Msg sent: | 200 REGISTER to-tag +contact +date +x-foo`,
    async run(scene) {
      scene.send('OPTIONS', { headers: { Accept: 'application/sdp', 'User-Agent': 'peer' } });
      const options = await scene.next('options');
      await firstOf((done) => options.res.send(200, {}, done));
      scene.send('REGISTER', { headers: { Expires: '60' } });
      const { req, res } = await scene.next('register');
      await firstOf((done) => res.send(200, { headers: { Contact: req.get('Contact'), 'X-Foo': 'bar', Date: 'Mon, 20 Jul 2026 16:38:41 GMT' } }, done));
    },
  },
  {
    of: '05',
    title: 'a call that is answered, its records, BYE of the caller',
    routes: ['invite', 'cdr:attempt', 'cdr:start', 'cdr:stop'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type +subject body
      cdr:attempt network | INVITE +contact +content-type +subject body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      cdr:start application uas | 200 INVITE to-tag +contact +content-type body
      INVITE1 sip network n - peer dialog:from | ACK to-tag
      BYE1 sip network n udp peer dialog:from | BYE to-tag
      cdr:stop network normal-release | BYE to-tag
      BYE1 echo application n - peer dialog:- Msg sent: | 200 BYE to-tag`,
    async run(scene) {
      const { call } = await scene.answered({ headers: { Subject: 'lunch' } });
      await scene.bye(call, scene.a);
    },
  },
  {
    of: '16',
    title: 'CANCEL before the application has said anything, and its late 200',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 sip network n udp peer dialog:- | CANCEL
      - response NOK Response not sent due to unknown transaction`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      const { req, res } = await scene.next('invite');
      const cancelled = firstOf((done) => void req.on('cancel', done as () => void));
      scene.cancel(invite);
      await scene.failed(invite, 487);
      await cancelled;
      await firstOf((done) => res.send(200, { body: sdp() }, done));
    },
  },
  {
    of: '23',
    title: 'a reliable 183, its PRACK, the answer',
    routes: ['invite', 'prack'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type +supported body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 183 INVITE to-tag +contact +content-type +require +rseq body
      PRACK1 sip network n udp peer dialog:from | PRACK to-tag +rack
      PRACK1 echo application n - peer dialog:from Msg sent: | 200 PRACK to-tag
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      INVITE1 sip network n - peer dialog:from | ACK to-tag
      BYE1 echo application n udp engine Msg sent: | BYE to-tag
      BYE1 sip network n udp peer dialog:to | 200 BYE to-tag`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp(), headers: { Supported: '100rel' } });
      const { req, res } = await scene.next('invite');
      res.send(183, { headers: { Require: '100rel' }, body: sdp(40002) }, undefined, () => undefined);
      const progress = await scene.a.getResponse(183);
      const call = PeerDialog.caller(scene.a, invite, progress);
      call.send('PRACK', { headers: { RAck: `${progress.message.headers.get('rseq')} 1 INVITE` } });
      const prack = await scene.next('prack');
      await firstOf((done) => prack.res.send(200, {}, done));
      const made = scene.srf.createUAS(req, res, { localSdp: sdp(40002) });
      await scene.a.getResponse(200, 'INVITE');
      call.ack({ cseq: 1 });
      await scene.told('| ACK');
      await scene.hangUp(await made, scene.a);
    },
  },
  {
    of: '24',
    title: 'a reliable 183 to a caller that knows no such thing',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      - response NOK Remote endpoint does not support 100rel
      INVITE1 echo application n udp peer dialog:from Msg sent: | 486 INVITE to-tag`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      const { res } = await scene.next('invite');
      await firstOf((done) => res.send(183, { headers: { Require: '100rel' } }, done));
      await firstOf((done) => res.send(486, {}, done));
      await scene.failed(invite, 486);
    },
  },
  {
    of: '28',
    title: 'UPDATE before the answer',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 183 INVITE to-tag +content-type body
      INVITE1 sip network n udp peer dialog:from | UPDATE to-tag +contact +content-type body
      INVITE1 echo application n - peer dialog:- Msg sent: | 200 UPDATE to-tag body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 486 INVITE to-tag`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      const { req, res } = await scene.next('invite');
      req.on('update', (_update, updated) => updated.send(200, { body: sdp(40008) }));
      res.send(183, { body: sdp(40002) }, () => undefined);
      const call = PeerDialog.caller(scene.a, invite, await scene.a.getResponse(183));
      call.send('UPDATE', { body: sdp(40100) });
      await scene.a.getResponse(200, 'UPDATE');
      await firstOf((done) => res.send(486, {}, done));
      await scene.failed(invite, 486);
    },
  },
  {
    of: '26',
    title: 'a call without an offer: the answer is in the ACK',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      INVITE1 sip network n - peer dialog:from | ACK to-tag +content-type body
      BYE1 sip network n udp peer dialog:from | BYE to-tag
      BYE1 echo application n - peer dialog:- Msg sent: | 200 BYE to-tag`,
    async run(scene) {
      const invite = scene.send('INVITE');
      const { req, res } = await scene.next('invite');
      const made = scene.srf.createUAS(req, res, { localSdp: sdp(40002) });
      const call = PeerDialog.caller(scene.a, invite, await scene.a.getResponse(200, 'INVITE'));
      await made;
      call.ack({ body: sdp(41234) });
      await scene.told('| ACK');
      await scene.bye(call, scene.a);
    },
  },
  {
    of: '29',
    title: 'a subscription to the application, NOTIFY, unsubscribe',
    routes: ['subscribe'],
    recorded: `
      SUBSCRIBE1 sip network n udp peer dialog:- on:engine | SUBSCRIBE +contact +event +expires
      SUBSCRIBE1 echo application n - peer dialog:from Msg sent: | 202 SUBSCRIBE to-tag +contact +expires
      NOTIFY1 echo application n udp engine Msg sent: | NOTIFY to-tag +content-type +event +subscription-state body
      NOTIFY1 sip network n udp peer dialog:to | 200 NOTIFY to-tag
      SUBSCRIBE2 sip network n udp peer dialog:from | SUBSCRIBE to-tag +contact +event +expires
      SUBSCRIBE2 echo application n - peer dialog:from Msg sent: | 202 SUBSCRIBE to-tag +contact
      NOTIFY2 echo application n udp engine Msg sent: | NOTIFY to-tag +event +subscription-state
      NOTIFY2 sip network n udp peer dialog:to | 200 NOTIFY to-tag`,
    async run(scene) {
      const subscribe = scene.send('SUBSCRIBE', { headers: { Event: 'presence', Expires: '60' } });
      const { req, res } = await scene.next('subscribe');
      const made = scene.srf.createUAS(req, res, { headers: { Expires: '60' } });
      const accepted = await scene.a.getResponse(202, 'SUBSCRIBE');
      const dialog = await made;
      const told = dialog.request({ method: 'NOTIFY', headers: { Event: 'presence', 'Subscription-State': 'active;expires=60', 'Content-Type': 'text/plain' }, body: 'here' });
      scene.a.reply(await scene.a.getRequest('NOTIFY'), 200);
      await told;
      const left = firstOf((done) => void dialog.on('unsubscribe', done));
      PeerDialog.caller(scene.a, subscribe, accepted).send('SUBSCRIBE', { headers: { Event: 'presence', Expires: '0' } });
      await left;
      await scene.a.getResponse(202, 'SUBSCRIBE');
      const last = dialog.request({ method: 'NOTIFY', headers: { Event: 'presence', 'Subscription-State': 'terminated' } });
      scene.a.reply(await scene.a.getRequest('NOTIFY'), 200);
      await last;
    },
  },
  {
    of: '44',
    title: 'what is repeated is told once',
    routes: ['invite', 'options'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      INVITE1 sip network n - peer dialog:from | ACK to-tag
      BYE1 sip network n udp peer dialog:from | BYE to-tag
      BYE1 echo application n - peer dialog:- Msg sent: | 200 BYE to-tag
      OPTIONS1 sip network n udp peer dialog:- on:engine | OPTIONS
      OPTIONS1 echo application n - peer dialog:- Msg sent: | 200 OPTIONS to-tag`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      scene.a.send(invite);
      const { req, res } = await scene.next('invite');
      scene.a.send(invite);
      const made = scene.srf.createUAS(req, res, { localSdp: sdp(40002) });
      const call = PeerDialog.caller(scene.a, invite, await scene.a.getResponse(200, 'INVITE'));
      scene.a.send(invite);
      call.ack();
      call.ack();
      await made;
      await scene.told('| ACK');
      const bye = call.send('BYE');
      await scene.a.getResponse(200, 'BYE');
      scene.a.send(bye);
      await scene.a.getResponse(200, 'BYE');
      const options = scene.send('OPTIONS');
      scene.a.send(options);
      const asked = await scene.next('options');
      await firstOf((done) => asked.res.send(200, {}, done));
      await scene.a.getResponse(200, 'OPTIONS');
      scene.a.send(options);
      await scene.a.getResponse(200, 'OPTIONS');
      await pause(50);
    },
  },
  {
    of: '47',
    title: 'methods outside dialogs',
    routes: ['info', 'notify', 'message', 'publish', 'refer', 'update', 'bye'],
    recorded: `
      INFO1 sip network n udp peer dialog:- on:engine | INFO
      INFO1 echo application n - peer dialog:- Msg sent: | 200 INFO to-tag
      NOTIFY1 sip network n udp peer dialog:- on:engine | NOTIFY +contact +event +subscription-state
      NOTIFY1 echo application n - peer dialog:- Msg sent: | 200 NOTIFY to-tag
      MESSAGE1 sip network n udp peer dialog:- on:engine | MESSAGE
      MESSAGE1 echo application n - peer dialog:- Msg sent: | 200 MESSAGE to-tag
      PUBLISH1 sip network n udp peer dialog:- on:engine | PUBLISH
      PUBLISH1 echo application n - peer dialog:- Msg sent: | 200 PUBLISH to-tag`,
    async run(scene) {
      for (const method of ['INFO', 'NOTIFY', 'MESSAGE', 'PUBLISH']) {
        scene.send(method, method === 'NOTIFY' ? { headers: { Event: 'x', 'Subscription-State': 'active' } } : {});
        const { res } = await scene.next(method.toLowerCase());
        await firstOf((done) => res.send(200, {}, done));
      }
      scene.send('REFER', { headers: { 'Refer-To': '<sip:carol@example.com>' } });
      void scene.next('refer').then(({ res }) => res.send(202, {}, () => undefined));
      for (const method of ['UPDATE', 'BYE']) {
        scene.send(method);
        await scene.a.getResponse(481, method);
      }
      scene.send('FOO');
      await pause(100);
    },
  },
  {
    of: '48',
    title: 'the application chooses the To tag and sends headers of its own',
    routes: ['invite', 'options'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 180 INVITE to-tag
      INVITE1 echo application n udp peer dialog:from Msg sent: | 404 INVITE to-tag +server +user-agent +x-dup
      OPTIONS1 sip network n udp peer dialog:- on:engine | OPTIONS
      OPTIONS1 echo application n - peer dialog:- Msg sent: | 200 OPTIONS to-tag +accept +allow +contact +supported`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      const { req, res } = await scene.next('invite');
      await firstOf((done) => res.send(180, { headers: { To: `${req.get('To')};tag=mytag` } }, done));
      await firstOf((done) => res.send(404, { headers: { 'X-Dup': 'a,b', Server: 's', 'User-Agent': 'u' } }, done));
      await scene.failed(invite, 404);
      scene.send('OPTIONS');
      const options = await scene.next('options');
      await firstOf((done) => options.res.send(200, { headers: { Allow: 'INVITE', Accept: 'application/sdp', Supported: 'replaces', Contact: '<sip:me@localhost>' } }, done));
    },
  },
  {
    of: '52',
    title: 'a second response to the same request',
    routes: ['options'],
    recorded: `
      OPTIONS1 sip network n udp peer dialog:- on:engine | OPTIONS
      OPTIONS1 echo application n - peer dialog:- Msg sent: | 200 OPTIONS to-tag
      - response NOK Response not sent due to unknown transaction`,
    async run(scene) {
      scene.send('OPTIONS');
      const { res } = await scene.next('options');
      await firstOf((done) => res.send(200, {}, done));
      // drachtio-srf keeps a program from it, as far as it knows.
      (res as unknown as { finished: boolean }).finished = false;
      await firstOf((done) => res.send(404, {}, done));
    },
  },
  {
    of: '71',
    title: 'compact, folded and repeated header lines',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +allow +contact +content-type +o +r +subject +supported +x +x-fold +x-two body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 480 INVITE to-tag`,
    async run(scene) {
      const plain = scene.a.request('INVITE', scene.own, { body: sdp() });
      const value = (name: string): string => plain.headers.get(name)!;
      const lines = [`INVITE ${scene.own} SIP/2.0`, `v: ${value('via')}`, `f: ${value('from')}`, `t: ${value('to')}`, `i: ${plain.callId}`, 'CSeq: 1 INVITE', `m: ${value('contact')}`, 'Max-Forwards: 70'];
      lines.push('r: <sip:carol@example.com>', 'x: 1800', 'o: presence', 'k: timer', 's: hello', 'Allow: INVITE', 'Allow: ACK', 'X-Fold: one', ' two', 'X-Two: 1', 'X-Two: 2', 'c: application/sdp', `l: ${sdp().length}`);
      scene.a.send([...lines, '', sdp()].join('\r\n'));
      const { req, res } = await scene.next('invite');
      expect([req.get('Subject'), req.get('Allow'), req.get('X-Two')]).toEqual(['hello', 'INVITE,ACK', '1,2']);
      await firstOf((done) => res.send(480, {}, done));
      await scene.failed(plain, 480);
    },
  },
  {
    of: '75',
    title: '100, 180, 302 of the application',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 100 INVITE
      INVITE1 echo application n udp peer dialog:from Msg sent: | 180 INVITE to-tag
      INVITE1 echo application n udp peer dialog:from Msg sent: | 180 INVITE to-tag +contact
      INVITE1 echo application n udp peer dialog:from Msg sent: | 302 INVITE to-tag +contact`,
    async run(scene) {
      const invite = scene.send('INVITE', { body: sdp() });
      const { res } = await scene.next('invite');
      await firstOf((done) => res.send(100, {}, done));
      await firstOf((done) => res.send(180, {}, done));
      await firstOf((done) => res.send(180, { headers: { Contact: '<sip:me@localhost>' } }, done));
      await firstOf((done) => res.send(302, { headers: { Contact: '<sip:other@192.0.2.1>' } }, done));
      await scene.failed(invite, 302);
    },
  },
];
