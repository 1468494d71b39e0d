/** Session timers (RFC 4028): what is agreed, and what the clock does with it. */
import { agreeAsUac, agreeAsUas, isTooSmall, keepRunning, readSessionExpires, type SessionOffer } from '../../../../signaling/engine/core/session-timer';
import { Headers } from '../../../../signaling/engine/wire/headers';
import { SipResponse } from '../../../../signaling/engine/wire/message';
import { CoreUnderTest } from './fakes';

const options = { enabled: true, defaultRefresher: 'uac', minSeconds: 90 } as const;

function response(lines: Record<string, string> = {}): SipResponse {
  const headers = new Headers();
  for (const [name, value] of Object.entries(lines)) headers.append(name, value);
  return new SipResponse(200, 'OK', headers);
}

test.each([
  ['1800', { interval: 1800, refresher: undefined }],
  ['1800;refresher=uac', { interval: 1800, refresher: 'uac' }],
  [' 90 ; x=y ; Refresher = UAS', { interval: 90, refresher: 'uas' }],
  ['90;refresher=proxy', { interval: 90, refresher: undefined }],
  ['soon', undefined],
  ['99999999999', undefined],
  ['', undefined],
])('Session-Expires %j', (value, expected) => {
  const headers = new Headers();
  headers.append('Session-Expires', value);
  expect(readSessionExpires(headers)).toEqual(expected);
});

describe('as UAS', () => {
  const offer = (expires: SessionOffer['expires'], supported = true): SessionOffer => ({ expires, supported });
  test.each([
    ['no offer', offer(undefined), {}, undefined, undefined],
    ['an open offer', offer({ interval: 1800, refresher: undefined }), {}, '1800;refresher=uac', 'they'],
    ['an open offer of a proxy, from a caller that knows no timers', offer({ interval: 1800, refresher: undefined }, false), {}, undefined, undefined],
    ['an offer to refresh', offer({ interval: 1800, refresher: 'uac' }), {}, '1800;refresher=uac', 'they'],
    ['an offer for us to refresh', offer({ interval: 1800, refresher: 'uas' }), {}, '1800;refresher=uas', 'we'],
    ['too short an offer that could not be refused', offer({ interval: 30, refresher: 'uas' }, false), {}, '90;refresher=uas', 'we'],
    ['the application\'s word', offer(undefined), { 'Session-Expires': '120;refresher=uas' }, '120;refresher=uas', 'we'],
    ['the application\'s word without refresher', offer({ interval: 1800, refresher: 'uas' }), { 'Session-Expires': '10' }, '90;refresher=uac', 'they'],
  ])('%s', (_case, given, own, header, refresher) => {
    const answer = response(own as Record<string, string>);
    const agreement = agreeAsUas(given, answer, options);
    expect(answer.headers.get('session-expires')).toBe(header);
    expect(agreement?.refresher).toBe(refresher);
    // RFC 4028 §9, table 2: Require is for callers that refresh and know how to.
    expect(answer.headers.has('require')).toBe(refresher === 'they' && given.supported);
  });

  test('not when switched off, and open offers not when nobody is to refresh', () => {
    const given = offer({ interval: 1800, refresher: undefined });
    expect(agreeAsUas(given, response(), { ...options, defaultRefresher: 'none' })).toBeUndefined();
    expect(agreeAsUas(given, response(), { ...options, enabled: false })).toBeUndefined();
    expect(agreeAsUas(given, response(), { ...options, defaultRefresher: 'uas' })).toEqual({ interval: 1800, refresher: 'we' });
  });

  test.each([
    [89, true, true],
    [89, false, false],
    [90, true, false],
  ])('an interval of %i, timer supported %s: refused %s', (interval, supported, expected) => {
    expect(isTooSmall(offer({ interval, refresher: undefined }, supported), options)).toBe(expected);
  });
});

test.each([
  [{}, undefined],
  [{ 'Session-Expires': '600' }, { interval: 600, refresher: 'we' }],
  [{ 'Session-Expires': '600;refresher=uac' }, { interval: 600, refresher: 'we' }],
  [{ 'Session-Expires': '600;refresher=uas' }, { interval: 600, refresher: 'they' }],
  [{ 'Session-Expires': '0' }, undefined],
])('as UAC: %j', (lines, expected) => {
  expect(agreeAsUac(response(lines as Record<string, string>), options)).toEqual(expected);
});

test('a request of ours keeps a running timer running, in our words where the application used none', () => {
  const headers = new Headers();
  headers.append('Supported', '100rel');
  headers.append('Min-SE', '120');
  keepRunning(headers, { interval: 600, refresher: 'they' }, 90);
  expect(headers.get('session-expires')).toBe('600;refresher=uas');
  expect(headers.getAll('min-se')).toEqual(['120']);
  expect(headers.getList('supported')).toEqual(['100rel', 'timer']);
});

describe('the clock', () => {
  const ours = ['Session-Expires: 90;refresher=uas'];
  let sip: CoreUnderTest;

  beforeEach(() => {
    sip = new CoreUnderTest();
  });

  test('they refresh: every refresh begins a new interval; BYE a third before the end', () => {
    const call = sip.answered({ Supported: 'timer', 'Session-Expires': '90' });
    sip.clock.advance(59_000);
    sip.inDialog(call, 'UPDATE', 2, { Supported: 'timer', 'Session-Expires': '90;refresher=uac' });
    sip.respond(200);
    sip.clock.advance(59_000);
    expect(sip.methodsSent).toEqual([]);
    sip.clock.advance(1000);
    expect(sip.lastSent.request.headers.get('reason')).toBe('SIP;cause=200;text="Session timer expired"');
    expect(sip.app.last).toMatchObject({ transactionId: 'unsolicited' });
    expect(sip.clock.waiting).toBe(0);
  });

  test('a refusal agrees to nothing', () => {
    const call = sip.answered();
    const again = sip.inDialog(call, 'INVITE', 2, { Supported: 'timer', 'Session-Expires': '90' });
    sip.respond(488);
    expect(again.responses.at(-1)!.headers.has('session-expires')).toBe(false);
    sip.clock.advance(1_000_000);
    expect(sip.methodsSent).toEqual([]);
  });

  test('a refresh without Session-Expires switches the timer off', () => {
    const call = sip.answered({ Supported: 'timer', 'Session-Expires': '90' });
    sip.inDialog(call, 'UPDATE', 2);
    sip.respond(200);
    sip.clock.advance(1_000_000);
    expect(sip.methodsSent).toEqual([]);
  });

  test('we refresh at half the interval, and go on', () => {
    sip.answered({ Allow: 'INVITE, UPDATE' }, ours);
    for (let i = 0; i < 3; i++) {
      sip.clock.advance(45_000);
      expect(sip.methodsSent).toHaveLength(i + 1);
      sip.lastSent.answer(200, { lines: ['Session-Expires: 90;refresher=uac'] });
    }
    expect(sip.methodsSent).toEqual(['UPDATE', 'UPDATE', 'UPDATE']);
    expect(sip.app.story).toEqual(['>INVITE', 'echo', '>ACK']);
  });

  test('INVITE with our last description where UPDATE is not known, and its ACK', () => {
    sip.answered({}, ours);
    sip.clock.advance(45_000);
    expect(sip.lastSent.request.method).toBe('INVITE');
    expect(sip.lastSent.request.body.toString()).toBe('v=0\r\nanswer');
    sip.lastSent.answer(200, { lines: ['Session-Expires: 90;refresher=uac'], body: 'v=0' });
    expect(sip.transactions.direct.map(({ request }) => request.method)).toEqual(['ACK']);
    expect(sip.app.story).toEqual(['>INVITE', 'echo', '>ACK']);
  });

  test.each([408, 481])('a refresh answered %i ends the call', (status) => {
    sip.answered({}, ours);
    sip.clock.advance(45_000);
    sip.lastSent.answer(status);
    expect(sip.methodsSent).toEqual(['INVITE', 'BYE']);
    expect(sip.core.stats().dialogs).toBe(0);
  });

  test.each([491, 500, 503])('a refresh answered %i is tried again, until the interval is over', (status) => {
    sip.answered({}, ours);
    sip.clock.advance(45_000);
    sip.lastSent.answer(status);
    sip.clock.advance(3000);
    expect(sip.methodsSent).toEqual(['INVITE', 'INVITE']);
    sip.lastSent.answer(status);
    for (let i = 0; i < 4; i++) {
      sip.clock.advance(3000);
      if (sip.lastSent.request.method === 'INVITE') sip.lastSent.answer(status);
    }
    expect(sip.methodsSent.at(-1)).toBe('BYE');
    expect(sip.core.stats().dialogs).toBe(0);
  });

  test('422 raises the interval', () => {
    sip.answered({}, ours);
    sip.clock.advance(45_000);
    sip.lastSent.answer(422, { lines: ['Min-SE: 300'] });
    sip.clock.advance(0);
    expect(sip.lastSent.request.headers.get('session-expires')).toBe('300;refresher=uac');
  });

  test('a refresh waits while another INVITE is open; the application\'s INVITE waits for the refresh', () => {
    const call = sip.answered({}, ours);
    sip.inDialog(call, 'INVITE', 2);
    sip.clock.advance(45_000);
    expect(sip.methodsSent).toEqual([]);
    sip.respond(488);
    sip.clock.advance(2000);
    expect(sip.methodsSent).toEqual(['INVITE']);
    expect(sip.requestInDialog(CoreUnderTest.dialogId, 'INVITE', [], 'v=0')).toMatchObject({ reason: 'no answer yet' });
    sip.lastSent.answer(200, { lines: ['Session-Expires: 90;refresher=uac'], body: 'v=0' });
    expect(sip.methodsSent).toEqual(['INVITE', 'INVITE']);
    expect(sip.app.story.at(-1)).toBe('echo');
  });
});
