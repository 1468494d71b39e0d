import { defaultAbilities, stateless } from '../../../signaling/app/options';
import { FakeResponder, request } from './fakes';

test('OPTIONS says what is understood', () => {
  const res = new FakeResponder();
  stateless({ ...defaultAbilities, events: ['dialog', 'presence'] }).options(request({}, { method: 'OPTIONS' }), res);
  expect(res.answer).toEqual({
    status: 200,
    reason: 'OK',
    headers: { Allow: 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, MESSAGE, SUBSCRIBE, PUBLISH, REFER', 'Allow-Events': 'dialog, presence', Accept: 'application/sdp', Supported: 'path, timer, replaces, norefersub' },
  });
});

test('other methods are refused with what is allowed, an ACK with nothing', () => {
  const { unsupported } = stateless({ ...defaultAbilities, allow: ['INVITE', 'ACK'] });
  const res = new FakeResponder();
  unsupported(request({}, { method: 'MESSAGE' }), res);
  unsupported(request({}, { method: 'ACK' }), res);
  expect(res.answer).toEqual({ status: 405, reason: 'Method Not Allowed', headers: { Allow: 'INVITE, ACK' } });
});

test('an answer that is changed on its way does not change the next', () => {
  const { options } = stateless();
  const [first, second] = [new FakeResponder(), new FakeResponder()];
  options(request(), first);
  first.answer.headers['Allow'] = 'nothing';
  options(request(), second);
  expect(second.answer.headers['Allow']).toContain('INVITE');
});
