/** What happens in dialogs. */
import { SipPeer, sdp } from '../../../support/sip-peer';
import { eventually, pause } from '../../../support/wait';
import type { TestRequest, TestResponse } from '../harness';
import { firstOf, type Scenario } from './scene';

const CALLED = `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      INVITE1 sip network n - peer dialog:from | ACK to-tag`;
const CALLING = `
      INVITE1 echo application n udp engine Msg sent: | INVITE +contact +content-type body
      INVITE1 sip network n udp peer dialog:from | 200 INVITE to-tag +contact +content-type body
      ACK1 echo application n udp engine Msg sent: | ACK to-tag`;
const HANGS_UP = `
      BYE1 echo application n udp engine Msg sent: | BYE to-tag
      BYE1 sip network n udp peer dialog:`;

export const dialogs: Scenario[] = [
  {
    of: '19',
    title: 'INFO, re-INVITE, UPDATE, REFER, NOTIFY, either way; what cannot be sent',
    routes: ['invite'],
    recorded: `${CALLED}
      INFO1 sip network n udp peer dialog:from | INFO to-tag +content-type body
      INFO1 echo application n - peer dialog:from Msg sent: | 200 INFO to-tag +content-type body
      INVITE2 sip network n udp peer dialog:from | INVITE to-tag +contact +content-type body
      INVITE2 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type body
      ACK1 sip network n - peer dialog:from | ACK to-tag
      UPDATE1 sip network n udp peer dialog:from | UPDATE to-tag +contact
      UPDATE1 echo application n - peer dialog:from Msg sent: | 200 UPDATE to-tag
      REFER1 sip network n udp peer dialog:from | REFER to-tag +contact +refer-to
      REFER1 echo application n - peer dialog:from Msg sent: | 202 REFER to-tag
      INFO2 echo application n udp engine Msg sent: | INFO to-tag +content-type +some-other +x-case-test body
      INFO2 sip network n udp peer dialog:to | 200 INFO to-tag
      NOTIFY1 echo application n udp engine Msg sent: | NOTIFY to-tag +content-type +event +subscription-state body
      NOTIFY1 sip network n udp peer dialog:to | 200 NOTIFY to-tag
      INVITE3 echo application n udp engine Msg sent: | INVITE to-tag +contact +content-type body
      INVITE3 sip network n udp peer dialog:to | 200 INVITE to-tag +contact +content-type body
      ACK2 echo application n udp engine Msg sent: | ACK to-tag
      - response NOK Server error: missing content-type
      BYE1 echo application n udp engine Msg sent: | BYE to-tag +reason
      BYE1 sip network n udp peer dialog:to | 200 BYE to-tag
      - response NOK Server error: unable to find dialog for dialog id provided`,
    async run(scene) {
      const { a } = scene;
      const { call, dialog } = await scene.answered();
      dialog.on('info', (_req: TestRequest, res: TestResponse) => res.send(200, { headers: { 'Content-Type': 'text/plain' }, body: 'x' }, () => undefined));
      dialog.on('modify', (_req: TestRequest, res: TestResponse) => res.send(200, { body: sdp(40004) }, () => undefined));
      dialog.on('refer', (_req: TestRequest, res: TestResponse) => res.send(202, {}, () => undefined));
      call.send('INFO', { body: 'x', headers: { 'Content-Type': 'text/plain' } });
      await a.getResponse(200, 'INFO');
      call.send('INVITE', { body: sdp(40100) });
      call.ack({ cseq: (await a.getResponse(200, 'INVITE')).message.cseq.seq });
      await scene.told('ACK1 sip');
      call.send('UPDATE');
      await a.getResponse(200, 'UPDATE');
      call.send('REFER', { headers: { 'Refer-To': '<sip:carol@example.com>' } });
      await a.getResponse(202, 'REFER');

      const text = { 'Content-Type': 'text/plain' };
      const info = dialog.request({ method: 'INFO', body: 'x', headers: { ...text, 'some-other': '1', 'X-Case-test': '2' } });
      const heard = await a.getRequest('INFO');
      expect([...heard.message.headers].map(({ name }) => name)).toEqual(expect.arrayContaining(['Some-Other', 'X-Case-test']) as string[]);
      a.reply(heard, 200);
      await info;
      const notify = dialog.request({ method: 'NOTIFY', body: 'SIP/2.0 100 Trying', headers: { ...text, Event: 'refer', 'Subscription-State': 'active' } });
      a.reply(await a.getRequest('NOTIFY'), 200);
      await notify;
      const modified = dialog.modify(sdp(40006));
      a.reply(await a.getRequest('INVITE'), 200, { body: sdp(40102) });
      expect(await modified).toBe(sdp(40102));
      await a.getRequest('ACK');
      await expect(dialog.request({ method: 'INFO', body: 'x' })).rejects.toMatchObject({ code: 'EDRACHTIO' });
      const ended = dialog.destroy({ headers: { Reason: 'SIP;cause=200' } });
      a.reply(await a.getRequest('BYE'), 200);
      await ended;
      await expect(dialog.request({ method: 'INFO' })).rejects.toMatchObject({ code: 'ENODIALOG' });
    },
  },
  {
    of: '50',
    title: 're-INVITEs that are turned down, either way',
    routes: ['invite'],
    recorded: `${CALLED}
      INVITE2 sip network n udp peer dialog:from | INVITE to-tag +contact +content-type body
      INVITE2 echo application n udp peer dialog:from Msg sent: | 488 INVITE to-tag +contact
      INVITE3 echo application n udp engine Msg sent: | INVITE to-tag +contact +content-type body
      INVITE3 sip network n udp peer dialog:to | 491 INVITE to-tag${HANGS_UP}to | 200 BYE to-tag`,
    async run(scene) {
      const { a } = scene;
      const { call, dialog } = await scene.answered();
      dialog.on('modify', (_req: TestRequest, res: TestResponse) => res.send(488, {}, () => undefined));
      const again = call.send('INVITE', { body: sdp(40100) });
      await scene.failed(again, 488);
      const modified = dialog.modify(sdp(40006));
      a.reply(await a.getRequest('INVITE'), 491);
      await expect(modified).rejects.toMatchObject({ status: 491 });
      await a.getRequest('ACK');
      await scene.hangUp(dialog, a);
    },
  },
  {
    of: '62',
    title: 'the application rings on a re-INVITE before it answers',
    routes: ['invite'],
    recorded: `${CALLED}
      INVITE2 sip network n udp peer dialog:from | INVITE to-tag +contact +content-type body
      INVITE2 echo application n udp peer dialog:from Msg sent: | 180 INVITE to-tag +contact
      - response NOK Response not sent due to unknown transaction
      BYE1 sip network n udp peer dialog:from | BYE to-tag
      BYE1 echo application n - peer dialog:- Msg sent: | 200 BYE to-tag`,
    async run(scene) {
      const { call, dialog } = await scene.answered();
      const answered = firstOf((done) =>
        dialog.on('modify', (_req: TestRequest, res: TestResponse) => {
          res.send(180, {}, () => setTimeout(() => res.send(200, { body: sdp(40004) }, done), 30));
        }),
      );
      call.send('INVITE', { body: sdp(40100) });
      await answered;
      call.ack({ cseq: 2 });
      await pause(30);
      await scene.bye(call, scene.a);
    },
  },
  {
    of: '63',
    title: 'the far end rings on our re-INVITE before it answers',
    routes: [],
    recorded: `${CALLING}
      INVITE2 echo application n udp engine Msg sent: | INVITE to-tag +contact +content-type body
      INVITE2 sip network n udp peer dialog:from | 180 INVITE to-tag +contact${HANGS_UP}from | 200 BYE to-tag`,
    async run(scene) {
      const { b } = scene;
      const { dialog } = await scene.calling();
      const modified = dialog.modify(sdp(40006)).catch(() => undefined);
      const heard = await b.getRequest('INVITE');
      b.reply(heard, 180);
      await scene.told('| 180');
      b.reply(heard, 200, { body: sdp(40100) });
      await b.getRequest('ACK');
      await Promise.race([modified, pause(1500)]);
      await scene.hangUp(dialog, b);
    },
  },
  {
    of: '65',
    title: 'a 200 that crosses our CANCEL',
    routes: [],
    recorded: `
      INVITE1 echo application n udp engine Msg sent: | INVITE +contact +content-type body
      INVITE1 sip network n udp peer dialog:from | 180 INVITE to-tag +contact
      CANCEL1 echo application n udp engine Msg sent: | CANCEL
      INVITE1 sip network n udp peer dialog:from | 200 INVITE to-tag +contact +content-type body
      ACK1 echo application n udp engine Msg sent: | ACK to-tag
      unsolicited sip application n udp engine dialog:from | BYE to-tag +reason`,
    async run(scene) {
      const { b } = scene;
      let sent: TestRequest | undefined;
      const made = scene.srf.createUAC(b.uri, { localSdp: sdp() }, { cbRequest: (_error: unknown, request: TestRequest) => (sent = request) });
      const invite = await b.getRequest('INVITE');
      b.reply(invite, 180);
      await scene.told('| 180');
      await firstOf((done) => sent!.cancel({}, (error) => done(error)));
      const cancel = await b.getRequest('CANCEL');
      b.reply(invite, 200, { body: sdp(40100) });
      b.reply(cancel, 200);
      const dialog = await made;
      const destroyed = firstOf((done) => dialog.on('destroy', (_req: unknown, reason: string) => done(reason)));
      b.reply(await b.getRequest('BYE'), 200);
      expect(await destroyed).toBe('ACK-BYE due to cancel race condition');
    },
  },
  {
    of: '66',
    title: 'a request outside dialogs with the Call-ID of one; an explicit URI inside',
    routes: [],
    recorded: `${CALLING}
      INFO1 echo application n udp engine Msg sent: | INFO
      INFO1 sip network n udp peer dialog:- | 200 INFO to-tag
      INFO2 echo application n udp engine Msg sent: | INFO to-tag
      INFO2 sip network n udp peer dialog:from | 200 INFO to-tag${HANGS_UP}from | 200 BYE to-tag`,
    async run(scene) {
      const { b } = scene;
      const { dialog, invite } = await scene.calling();
      const info = async (options: object): Promise<TestRequest> => {
        const answered = firstOf((done) => scene.srf.request(b.uri, { method: 'INFO', ...options }, (_error, request) => request.on('response', () => done(request))));
        b.reply(await b.getRequest('INFO'), 200);
        return (await answered) as TestRequest;
      };
      await info({ headers: { 'call-id': invite.message.callId } });
      await info({ stackDialogId: dialog.id });
      await scene.hangUp(dialog, b);
    },
  },
  {
    of: '43',
    title: 'two targets answer the same INVITE',
    routes: [],
    recorded: `
      INVITE1 echo application n udp engine Msg sent: | INVITE +contact +content-type body
      INVITE1 sip network n udp peer dialog:from | 180 INVITE to-tag +contact
      INVITE1 sip network n udp peer dialog:from | 180 INVITE to-tag +contact
      INVITE1 sip network n udp peer dialog:from | 200 INVITE to-tag +contact +content-type body
      ACK1 echo application n udp engine Msg sent: | ACK to-tag${HANGS_UP}from | 200 BYE to-tag`,
    async run(scene) {
      const { b } = scene;
      const made = scene.srf.createUAC(b.uri, { localSdp: sdp() });
      const invite = await b.getRequest('INVITE');
      b.reply(invite, 180, { tag: 'f1' });
      b.reply(invite, 180, { tag: 'f2' });
      await scene.told('| 180', 2);
      b.reply(invite, 200, { tag: 'f1', body: sdp(40100) });
      const dialog = await made;
      b.reply(invite, 200, { tag: 'f2', body: sdp(40102) });
      expect(dialog.sip.remoteTag).toBe('f1');
      await b.getRequest('ACK');
      const ended = dialog.destroy();
      await eventually('the BYE of the first', () => b.heard.some(({ message }) => 'method' in message && message.method === 'BYE' && message.toTag === 'f1'));
      for (let bye = await b.getRequest('BYE'); ; bye = await b.getRequest('BYE')) {
        b.reply(bye, 200);
        if (bye.message.toTag === 'f1') break;
      }
      await ended;
    },
  },
  {
    of: '81',
    title: 'the route set of a call we made',
    routes: [],
    recorded: `
      INVITE1 echo application n udp engine Msg sent: | INVITE +contact +content-type body
      INVITE1 sip network n udp peer dialog:from | 200 INVITE to-tag +contact +content-type +record-route body
      ACK1 echo application n udp engine Msg sent: | ACK to-tag +route
      BYE1 echo application n udp engine Msg sent: | BYE to-tag +route
      BYE1 sip network n udp peer dialog:from | 200 BYE to-tag`,
    async run(scene) {
      const route = `<sip:127.0.0.1:${scene.b.port};lr>`;
      const { dialog } = await scene.calling({}, { headers: { 'Record-Route': `<sip:far.example.com;lr>, ${route}` } });
      const ended = dialog.destroy();
      const bye = await scene.b.getRequest('BYE');
      expect(bye.message.headers.getList('route')).toEqual([route, '<sip:far.example.com;lr>']);
      scene.b.reply(bye, 200);
      await ended;
    },
  },
  {
    of: '82',
    title: 'the route set of a call to us',
    routes: ['invite'],
    recorded: `
      INVITE1 sip network n udp peer dialog:- on:engine | INVITE +contact +content-type +record-route body
      INVITE1 echo application n udp peer dialog:from Msg sent: | 200 INVITE to-tag +contact +content-type +record-route body
      INVITE1 sip network n - peer dialog:from | ACK to-tag
      BYE1 echo application n udp engine Msg sent: | BYE to-tag +route
      BYE1 sip network n udp peer dialog:to | 200 BYE to-tag`,
    async run(scene) {
      const { dialog } = await scene.answered({ headers: { 'Record-Route': `<sip:127.0.0.1:${scene.a.port};lr>` } });
      await scene.hangUp(dialog, scene.a);
    },
  },
  {
    of: '83',
    title: 'a call by way of a proxy that does not stay',
    routes: [],
    recorded: `${CALLING}${HANGS_UP}from | 200 BYE to-tag`,
    async run(scene) {
      const proxy = await scene.peer(SipPeer.udp());
      const made = scene.srf.createUAC('sip:bob@example.invalid', { localSdp: sdp(), proxy: proxy.uri });
      const invite = await proxy.getRequest('INVITE');
      proxy.reply(invite, 200, { body: sdp(40100), headers: { Contact: `<${scene.b.uri}>` } });
      await scene.told('| 200 INVITE');
      const dialog = await made;
      await scene.hangUp(dialog, scene.b);
    },
  },
];
