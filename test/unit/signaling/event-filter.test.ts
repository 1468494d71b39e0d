import { EVENT_NAME, wantedBy } from '../../../signaling/event-filter';

test.each([
  [[], ['call.ended', 'voicemail.new'], ['dtmf']],
  [['call'], ['call.ended', 'call.started'], ['caller.ended', 'dtmf']],
  [['call.*', 'dtmf'], ['call.ended', 'dtmf'], ['voicemail.new']],
  [['call.ended'], ['call.ended'], ['call.started']],
])('%j: %j, not %j', (names, wanted, unwanted) => {
  const wants = wantedBy(names);
  expect([wanted.filter((type) => !wants(type)), unwanted.filter((type) => wants(type))]).toEqual([[], []]);
});

test('what names are', () => {
  expect(['call', 'call.*', 'call.ended', 'media-late', 'CALL', 'call.', '*', 'call.a.b', ''].map((name) => EVENT_NAME.test(name))).toEqual([true, true, true, false, false, false, false, false, false]);
});
