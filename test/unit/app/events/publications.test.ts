import { Publications, type PublishRequest } from '../../../../signaling/app/events/packages/presence/publications';
import { FakeClock } from '../../../support/fake-clock';
import { FakeResponder, request, type Answer } from '../fakes';

const pidf = (basic: string, activity = 'away'): string => `<presence><tuple id="a"><status><basic>${basic}</basic></status></tuple><activities><${activity}/></activities></presence>`;

function world() {
  const clock = new FakeClock();
  const changes: string[] = [];
  let seed = 0;
  const publications = new Publications({ clock, random: (bytes) => Buffer.alloc(bytes, ++seed), changed: (number) => changes.push(number) });
  const publish = (body: string, headers: Record<string, string> = {}, number = '1001', uri = `sip:${number}@pbx.test`): Answer => {
    const res = new FakeResponder();
    const req = request({ event: 'presence', expires: '600', ...(body && { 'content-type': 'application/pidf+xml' }), ...headers }, { method: 'PUBLISH', uri });
    publications.publish({ ...req, body } as PublishRequest, res, number);
    return res.answer;
  };
  const tagOf = ({ headers }: Answer): Record<string, string> => ({ 'sip-if-match': headers['SIP-ETag'] as string });
  return { clock, changes, publications, publish, tagOf };
}

test('published, refreshed, changed, removed: a tag each time, the same publication', () => {
  const { publications, publish, tagOf, changes } = world();
  const first = publish(pidf('open'));
  expect([first.status, first.headers]).toEqual([200, { 'SIP-ETag': '0101010101010101', Expires: '600' }]);
  const refreshed = publish('', tagOf(first));
  expect([refreshed.status, changes]).toEqual([200, ['1001']]);
  expect(publish('', tagOf(first)).status).toBe(412);
  const modified = publish(pidf('closed', 'meeting'), tagOf(refreshed));
  expect(publications.of('1001')).toEqual([{ id: 'p1', open: false, activities: ['meeting'], note: undefined }]);
  expect(publish('', { ...tagOf(modified), expires: '0' }).status).toBe(200);
  expect([publications.of('1001'), changes, publish('', tagOf(modified)).status]).toEqual([[], ['1001', '1001', '1001'], 412]);
});

test('two devices each have their own; what is not refreshed expires', () => {
  const { publications, publish, tagOf, clock, changes } = world();
  const one = publish(pidf('open'));
  publish(pidf('closed'));
  clock.advance(400_000);
  publish('', tagOf(one));
  clock.advance(300_000);
  expect([publications.of('1001').map(({ id }) => id), changes.length]).toEqual([['p1'], 3]);
  clock.advance(400_000);
  expect([publications.of('1001'), clock.waiting, publications.stats().publications]).toEqual([[], 0, 0]);
});

test.each<[string, string, Record<string, string>, string, number, Record<string, string>]>([
  ['an unknown tag', pidf('open'), { 'sip-if-match': 'x' }, '1001', 412, {}],
  ['another event', pidf('open'), { event: 'dialog' }, '1001', 489, { 'Allow-Events': 'presence' }],
  ['another type', pidf('open'), { 'content-type': 'text/plain' }, '1001', 415, { Accept: 'application/pidf+xml' }],
  ['nothing', '', {}, '1001', 400, {}],
  ['rubbish', '<presence', {}, '1001', 400, {}],
  ['too short a time', pidf('open'), { expires: '5' }, '1001', 423, { 'Min-Expires': '60' }],
  ["another's presence", pidf('open'), {}, '1002', 403, {}],
  ['a novel', pidf('open') + ' '.repeat(8192), {}, '1001', 413, {}],
])('%s is refused', (_what, body, headers, whose, status, expected) => {
  const { publish, publications, changes } = world();
  const answer = publish(body, headers, '1001', `sip:${whose}@pbx.test`);
  expect([answer.status, answer.headers, changes, publications.stats().refused]).toEqual([status, expected, [], { [status]: 1 }]);
});

test('a phone that is restarted over and over fills nothing; a long time is cut', () => {
  const { publish } = world();
  expect(publish(pidf('open'), { expires: '999999' }).headers['Expires']).toBe('3600');
  for (let n = 1; n < 20; n++) expect(publish(pidf('open')).status).toBe(200);
  expect(publish(pidf('open')).status).toBe(503);
});
