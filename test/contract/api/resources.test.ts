/** What the description of the API promises of everything that is not set: calls, contacts, conferences, messages, recordings, tokens. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Scope } from '../../../signaling/api/access';
import type { CallControlView } from '../../../signaling/api/routes/call-control';
import type { ConferencesView } from '../../../signaling/api/routes/conferences';
import type { QueuesView } from '../../../signaling/api/routes/queues';
import { Locations } from '../../../signaling/app/locations';
import { Mailboxes } from '../../../signaling/app/mailboxes';
import { systemRandom } from '../../../signaling/clock';
import { settingsInForce, loadConfig } from '../../../signaling/config';
import { OffhookError } from '../../../signaling/errors';
import { silentLogger } from '../../../signaling/log';
import { contactsView, recordingsView, recordsView, voicemailView } from '../../../signaling/resource-views';
import { everything } from '../../../signaling/settings/everything';
import type { Recording, Store } from '../../../signaling/store/store';
import { csvHead } from '../../../signaling/records-csv';
import { callRow } from '../../support/call-row';
import { FakeClock } from '../../support/fake-clock';
import { ended, shown, T0, up } from '../../unit/api/views';
import { badValues } from './bad-values';
import { fits, house, isProblem, type Description, type House } from './house';

const clock = new FakeClock(T0);
/** What calls were told. */
const told: unknown[][] = [];
const known = (id: string): void => {
  if (id !== 'abc') throw new OffhookError('call.not-found', { id });
};
const note = (what: string) => (id: string, ...rest: unknown[]): void => {
  known(id);
  told.push([what, id, ...rest]);
};
const control: CallControlView = {
  originate: async (from, to, options) => {
    if (from === '1002') throw new OffhookError('call.no-phone', { number: from });
    told.push(['originate', from, to, options]);
    return { id: 'new' };
  },
  transfer: async (id, ...rest) => (note('transfer')(id, ...rest), { id: 'next' }),
  play: async (id, ...rest) => note('play')(id, ...rest),
  hangup: note('hangup'), mute: note('mute'), startRecording: note('record'), stopRecording: note('stop recording'), stopPlaying: note('stop playing'), sendDigits: note('digits'),
};

const hookThere = (key: string): void => {
  if (key !== 'crm') throw new OffhookError('settings.not-found', { kind: 'webhook', key });
};

function room(): ConferencesView {
  const member = { id: 'm1', kind: 'phone' as const, number: '1001', name: null, source: null, state: 'in' as const, since: T0, moderator: false, muted: false, deaf: false, talking: false };
  const simple = { ...member, id: 'm2', kind: 'simple' as const, number: null, source: '127.0.0.1:4000' };
  const view = { number: '8000', name: 'Party line', pin: false, maxMembers: 300, locked: false, quiet: false, members: [member, simple] };
  const find = (number: string, id: string) => (number === '8000' ? view.members.find((one) => one.id === id) : undefined);
  const with_ = (number: string, id: string, work: (one: typeof member) => void): boolean => {
    const one = find(number, id);
    if (one) work(one as typeof member);
    return one !== undefined;
  };
  return {
    list: () => [view],
    room: (number) => (number === '8000' ? view : undefined),
    mute: (number, id, muted) => with_(number, id, (one) => void (one.muted = muted)),
    deafen: (number, id, deaf) => id === 'm1' && with_(number, id, (one) => void (one.deaf = deaf)),
    kick: (number, id) => with_(number, id, (one) => void view.members.splice(view.members.indexOf(one), 1)),
    lock: (number, locked) => (number === '8000' ? ((view.locked = locked), true) : false),
    hush: (number, quiet) => (number === '8000' ? ((view.quiet = quiet), true) : false),
    end: () => ((view.members.length = 0), true),
  };
}

function serving(): QueuesView {
  const agent = { number: '1001', queues: ['650'], paused: false, state: 'free' as const, answered: 1, missed: 0, averageTalkMs: 1000 };
  const waiting = { id: 'abc', number: '1002', name: null, priority: 0, position: 1, since: T0, waitedMs: 5, calling: ['1001'] };
  const stats = { offered: 2, answered: 1, abandoned: 0, overflowed: 0, averageWaitMs: 10, averageTalkMs: null, longestWaitMs: 10, serviceLevel: 0.5 };
  const queue = { number: '650', name: 'Support', waiting: [waiting], agents: [agent], stats };
  return {
    list: () => [queue],
    queue: (number) => (number === '650' ? queue : undefined),
    agent: () => agent,
    login: async (one) => one === '1001',
    logout: async (one) => one === '1001',
    pause: async (one, paused) => (one === '1001' ? ((agent.paused = paused), true) : false),
  };
}

const recording = (id: string, more: Partial<Recording> = {}): Recording => ({ id, callId: id, from: '1001', to: '1002', startedAt: T0, durationMs: 100, file: `recordings/${id}.wav`, bytes: 10, state: 'done', problem: null, ...more });

async function fill(store: Store, folder: string): Promise<void> {
  const sound = (path: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), '0123456789');
  };
  for (const id of ['r1', 'r2', 'r3']) {
    await store.recordings.add(recording(id, { startedAt: T0 + Number(id[1]) }));
    sound(`recordings/${id}.wav`);
  }
  await store.recordings.add(recording('running', { state: 'recording' }));
  await store.recordings.add(recording('lost', { startedAt: T0 - 5 }));
  for (const file of ['message-1.wav', 'message-2.wav', 'message-3.wav']) {
    const message = await store.voicemail.begin({ mailbox: '1001', from: '1002', fromName: null, receivedAt: T0, file }, 10);
    if (file !== 'message-3.wav') await store.voicemail.update('1001', message!.id, { state: 'new', durationMs: 1000 });
    sound(`voicemail/1001/${file}`);
  }
  for (const id of ['m1', 'm2']) await store.texts.add({ id, from: '1001', fromName: 'Anna', to: '1002', contentType: 'text/plain', body: 'Hello', state: 'queued', tries: 0, receivedAt: T0, endedAt: null }, { each: 9, bySender: 9 });
  await store.texts.tried('m1', { state: 'delivered', endedAt: T0 + 5 });
  await store.records.add(['c1', 'c2', 'c3'].map((id) => callRow(id, { startedAt: T0 + Number(id[1]) })));
  await store.tokens.add({ name: 'old', scope: 'read', digest: 'a'.repeat(64), createdAt: T0 });
}

let one: House;
let description: Description;
let locations: Locations;

beforeAll(async () => {
  one = await house(async (store, folder) => {
    await fill(store, folder);
    locations = new Locations(store, { maxExpires: 3600 }, { clock, log: silentLogger });
    const binding = { extension: '1001', uri: 'sip:1001@192.0.2.1', source: { protocol: 'udp' as const, address: '192.0.2.1', port: 5060 }, instance: null, regId: null, callId: 'x', cseq: 1, q: 1, userAgent: 'a phone', path: null, expiresAt: clock.now() + 60_000, updatedAt: clock.now() };
    locations.apply('1001', { put: [binding], remove: [] });
    locations.apply('1002', { put: [{ ...binding, extension: '1002' }], remove: [] });
    const boxes = new Mailboxes({ store, data: folder, settings: { maxSeconds: 1, minSeconds: 0, silenceSeconds: 1, maxMessages: 9 }, clock, random: systemRandom, log: silentLogger, mail: false });
    const { views, calls } = shown();
    calls.up = [up()];
    calls.ended = [ended()];
    return {
      calls: views.calls, control, conferences: room(), queues: serving(),
      trunks: { list: () => [{ name: 'provider', label: '', enabled: true, state: 'up', registered: true, since: T0, host: 'sip.provider.example', problem: null, latencyMs: 12, calls: 1, spentToday: 0.5 }] },
      alarms: {
        up: () => [{ name: 'trunk', subject: 'provider', severity: 'critical', text: 'No calls go over the trunk provider: it does not answer.', since: T0 }],
        past: () => [{ name: 'ports', subject: '', severity: 'critical', text: '3 of 100 pairs of RTP ports are free.', since: T0, clearedAt: T0 + 60_000 }],
      },
      webhooks: {
        list: () => [{ name: 'crm', state: 'failing', waiting: 2, delivered: 3, failed: 4, buried: 1, problem: 'it answered 500', failingSince: T0, nextAt: T0 + 1000 }],
        test: async (name) => (hookThere(name), { status: 204, problem: null, tookMs: 12 }),
        dead: async (name) => (hookThere(name), [{ hook: name, event: 7, type: 'call.ended', body: '{"id":7,"type":"call.ended"}', state: 'dead' as const, tries: 3, createdAt: T0, endedAt: T0 + 5, problem: 'it answered 400' }]),
        redeliver: async (name, events) => (hookThere(name), events?.length ?? 1),
        removeDead: async (name, event) => (hookThere(name), event === 7),
      },
      contacts: contactsView(locations, clock),
      voicemail: voicemailView(store, boxes),
      recordings: recordingsView(store.recordings, folder),
      messages: store.texts,
      records: recordsView(store.records, { flush: async () => undefined }),
      tokens: { list: () => store.tokens.list(), add: (token) => store.tokens.add(token), remove: (name) => store.tokens.remove(name), now: () => T0 },
      config: { inForce: () => settingsInForce(loadConfig({ env: {}, flags: { 'engine.secret': 'very-secret' } })) },
    };
  });
  description = await one.describe();
});
afterAll(async () => {
  await locations.close();
  expect(one.faults).toEqual([]);
  await one.close();
});

interface Scene {
  /** What it is asked for, with names of the path filled in. */
  url: string;
  status: number;
  scope: Scope | 'open';
  body?: Record<string, unknown>;
  /** The same of something that is not there. */
  unknown?: string;
}

/** In this order: what removes comes last. */
const scenes: Record<string, Scene> = {
  'get /api/v1/calls': { url: '/api/v1/calls', status: 200, scope: 'read' },
  'get /api/v1/calls/ended': { url: '/api/v1/calls/ended', status: 200, scope: 'read' },
  'get /api/v1/calls/{id}': { url: '/api/v1/calls/abc', status: 200, scope: 'read', unknown: '/api/v1/calls/nobody' },
  'post /api/v1/calls': { url: '/api/v1/calls', status: 201, scope: 'write', body: { from: '1001', to: '1002', autoAnswer: true, ringSeconds: 20 } },
  'post /api/v1/calls/{id}/transfer': { url: '/api/v1/calls/abc/transfer', status: 200, scope: 'write', body: { to: '1002', leg: 'callee' }, unknown: '/api/v1/calls/nobody/transfer' },
  'post /api/v1/calls/{id}/mute': { url: '/api/v1/calls/abc/mute', status: 204, scope: 'write', body: { leg: 'caller', on: true }, unknown: '/api/v1/calls/nobody/mute' },
  'post /api/v1/calls/{id}/record': { url: '/api/v1/calls/abc/record', status: 204, scope: 'write', body: { on: true }, unknown: '/api/v1/calls/nobody/record' },
  'post /api/v1/calls/{id}/play': { url: '/api/v1/calls/abc/play', status: 204, scope: 'write', body: { what: [{ prompt: 'goodbye' }, { recording: 'r1' }], to: 'caller', loop: true }, unknown: '/api/v1/calls/nobody/play' },
  'delete /api/v1/calls/{id}/play': { url: '/api/v1/calls/abc/play?to=caller', status: 204, scope: 'write', unknown: '/api/v1/calls/nobody/play' },
  'post /api/v1/calls/{id}/dtmf': { url: '/api/v1/calls/abc/dtmf', status: 204, scope: 'write', body: { to: 'callee', digits: '42#' }, unknown: '/api/v1/calls/nobody/dtmf' },
  'delete /api/v1/calls/{id}': { url: '/api/v1/calls/abc', status: 204, scope: 'write', unknown: '/api/v1/calls/nobody' },
  'get /api/v1/trunk-states': { url: '/api/v1/trunk-states', status: 200, scope: 'read' },
  'get /api/v1/alarms': { url: '/api/v1/alarms', status: 200, scope: 'read' },
  'get /api/v1/webhook-states': { url: '/api/v1/webhook-states', status: 200, scope: 'read' },
  'post /api/v1/webhooks/{name}/test': { url: '/api/v1/webhooks/crm/test', status: 200, scope: 'write', unknown: '/api/v1/webhooks/none/test' },
  'get /api/v1/webhooks/{name}/dead-letters': { url: '/api/v1/webhooks/crm/dead-letters?limit=1', status: 200, scope: 'read', unknown: '/api/v1/webhooks/none/dead-letters' },
  'post /api/v1/webhooks/{name}/dead-letters/redeliver': { url: '/api/v1/webhooks/crm/dead-letters/redeliver', status: 200, scope: 'write', body: { events: [7] }, unknown: '/api/v1/webhooks/none/dead-letters/redeliver' },
  'delete /api/v1/webhooks/{name}/dead-letters/{event}': { url: '/api/v1/webhooks/crm/dead-letters/7', status: 204, scope: 'write', unknown: '/api/v1/webhooks/crm/dead-letters/8' },
  'get /api/v1/contacts': { url: '/api/v1/contacts?limit=1', status: 200, scope: 'read' },
  'get /api/v1/queue-status': { url: '/api/v1/queue-status', status: 200, scope: 'read' },
  'get /api/v1/queue-status/{number}': { url: '/api/v1/queue-status/650', status: 200, scope: 'read', unknown: '/api/v1/queue-status/651' },
  'put /api/v1/queue-status/{number}/agents/{agent}': { url: '/api/v1/queue-status/650/agents/1001', status: 200, scope: 'write', unknown: '/api/v1/queue-status/651/agents/1001' },
  'delete /api/v1/queue-status/{number}/agents/{agent}': { url: '/api/v1/queue-status/650/agents/1001', status: 204, scope: 'write', unknown: '/api/v1/queue-status/650/agents/1009' },
  'patch /api/v1/agents/{number}': { url: '/api/v1/agents/1001', status: 200, scope: 'write', body: { paused: true }, unknown: '/api/v1/agents/1009' },
  'get /api/v1/conferences': { url: '/api/v1/conferences', status: 200, scope: 'read' },
  'get /api/v1/conferences/{number}': { url: '/api/v1/conferences/8000', status: 200, scope: 'read', unknown: '/api/v1/conferences/9999' },
  'patch /api/v1/conferences/{number}': { url: '/api/v1/conferences/8000', status: 200, scope: 'write', body: { locked: true, quiet: true }, unknown: '/api/v1/conferences/9999' },
  'patch /api/v1/conferences/{number}/members/{member}': { url: '/api/v1/conferences/8000/members/m1', status: 200, scope: 'write', body: { muted: true, deaf: true }, unknown: '/api/v1/conferences/8000/members/m9' },
  'delete /api/v1/conferences/{number}/members/{member}': { url: '/api/v1/conferences/8000/members/m1', status: 204, scope: 'write', unknown: '/api/v1/conferences/8000/members/m9' },
  'delete /api/v1/conferences/{number}': { url: '/api/v1/conferences/8000', status: 204, scope: 'write', unknown: '/api/v1/conferences/9999' },
  'get /api/v1/mailboxes/{number}/messages': { url: '/api/v1/mailboxes/1001/messages', status: 200, scope: 'read', unknown: '/api/v1/mailboxes/9999/messages' },
  'get /api/v1/mailboxes/{number}/messages/{id}': { url: '/api/v1/mailboxes/1001/messages/1', status: 200, scope: 'read', unknown: '/api/v1/mailboxes/1001/messages/9' },
  'get /api/v1/mailboxes/{number}/messages/{id}/sound': { url: '/api/v1/mailboxes/1001/messages/1/sound', status: 200, scope: 'read', unknown: '/api/v1/mailboxes/1001/messages/9/sound' },
  'patch /api/v1/mailboxes/{number}/messages/{id}': { url: '/api/v1/mailboxes/1001/messages/1', status: 200, scope: 'write', body: { state: 'saved' }, unknown: '/api/v1/mailboxes/1001/messages/9' },
  'delete /api/v1/mailboxes/{number}/messages/{id}': { url: '/api/v1/mailboxes/1001/messages/1', status: 204, scope: 'write', unknown: '/api/v1/mailboxes/1001/messages/1' },
  'get /api/v1/recordings': { url: '/api/v1/recordings?limit=2&from=1001', status: 200, scope: 'read' },
  'get /api/v1/recordings/{id}': { url: '/api/v1/recordings/r1', status: 200, scope: 'read', unknown: '/api/v1/recordings/r9' },
  'get /api/v1/recordings/{id}/sound': { url: '/api/v1/recordings/r1/sound', status: 200, scope: 'read', unknown: '/api/v1/recordings/r9/sound' },
  'delete /api/v1/recordings/{id}': { url: '/api/v1/recordings/r3', status: 204, scope: 'write', unknown: '/api/v1/recordings/r3' },
  'get /api/v1/messages': { url: '/api/v1/messages?limit=1&from=1001', status: 200, scope: 'read' },
  'get /api/v1/messages/{id}': { url: '/api/v1/messages/m1', status: 200, scope: 'read', unknown: '/api/v1/messages/m9' },
  'get /api/v1/records': { url: '/api/v1/records?limit=2&answered=true&number=1001', status: 200, scope: 'read' },
  'get /api/v1/records/{id}': { url: '/api/v1/records/c1', status: 200, scope: 'read', unknown: '/api/v1/records/c9' },
  'get /api/v1/tokens': { url: '/api/v1/tokens', status: 200, scope: 'admin' },
  'post /api/v1/tokens': { url: '/api/v1/tokens', status: 201, scope: 'admin', body: { name: 'fresh', scope: 'write' } },
  'delete /api/v1/tokens/{name}': { url: '/api/v1/tokens/old', status: 204, scope: 'admin', unknown: '/api/v1/tokens/nobody' },
  'get /api/v1/config': { url: '/api/v1/config', status: 200, scope: 'admin' },
  'get /api/v1/engine/stats': { url: '/api/v1/engine/stats', status: 200, scope: 'read' },
  'get /api/v1/engine/calls': { url: '/api/v1/engine/calls', status: 200, scope: 'read' },
  'get /healthz': { url: '/healthz', status: 200, scope: 'open' },
  'get /readyz': { url: '/readyz', status: 200, scope: 'open' },
  'get /metrics': { url: '/metrics', status: 200, scope: 'read' },
};
/** Proved elsewhere: what is set (settings.test.ts), and what has suites of its own. */
const elsewhere = new Set(['get /api/v1/records.csv', 'get /api/v1/engine/ladder', 'delete /api/v1/contacts/{extension}/{id}', ...everything.flatMap(({ plural, key }) => [`/api/v1/${plural}`, `/api/v1/${plural}/{${key}}`].flatMap((path) => ['get', 'post', 'put', 'patch', 'delete'].map((method) => `${method} ${path}`)))]);

it('every operation of the description is looked at', () => {
  const all = Object.entries(description.paths).flatMap(([path, of]) => Object.keys(of).map((method) => `${method} ${path}`));
  expect(all.filter((name) => !(name in scenes) && !elsewhere.has(name))).toEqual([]);
  expect(Object.keys(scenes).filter((name) => !all.includes(name))).toEqual([]);
});

describe.each(Object.entries(scenes))('%s', (name, { url, status, scope, body, unknown }) => {
  const [method = '', path = ''] = name.split(' ');

  it('takes a token that may', async () => {
    if (scope === 'open') return;
    isProblem(await one.ask(method, url, { body, scope: 'none' }), 401);
    if (scope !== 'read') isProblem(await one.ask(method, url, { body, scope: 'read' }), 403);
    if (scope === 'admin') isProblem(await one.ask(method, url, { body, scope: 'write' }), 403);
  });

  it('names what is wrong in a body', async () => {
    const schema = description.paths[path]![method]!.requestBody?.content['application/json']?.schema;
    expect(schema === undefined).toBe(body === undefined);
    if (!schema || !body) return;
    for (const { what, field, value } of badValues(schema, body)) {
      const { errors = [] } = isProblem(await one.ask(method, url, { body: value }), 422);
      expect([what, field, errors.some((error) => error.field === field || error.field.startsWith(`${field}.`))]).toEqual([what, field, true]);
    }
    for (const [text, type, expected] of [['{', 'application/json', 400], ['x', 'text/plain', 415], ['[]', 'application/json', 422], ['"x"', 'application/json', 422]] as const) isProblem(await one.ask(method, url, { body: text, type }), expected);
  });

  it('says that there is none', async () => {
    if (unknown !== undefined && unknown !== url) isProblem(await one.ask(method, unknown, { body }), 404);
  });

  it('answers as it is described', async () => {
    const answer = await one.ask(method, url, { body, scope: scope === 'open' ? 'none' : scope });
    expect([answer.status, answer.status < 400 || answer.text]).toEqual([status, true]);
    const schema = description.paths[path]![method]!.responses[status]?.content?.['application/json']?.schema;
    if (schema) expect(fits(schema, answer.body)).toBe(true);
    else expect(answer.body).toBeUndefined();
    if (status === 204) expect(answer.text).toBe('');
    if (unknown === url) isProblem(await one.ask(method, url, { body }), 404);
  });
});

it('calls are told what was asked, and by whom', () => {
  expect(told).toEqual(expect.arrayContaining([
    ['originate', '1001', '1002', { by: 'a program', autoAnswer: true, ringSeconds: 20 }],
    ['transfer', 'abc', '1002', 'callee', 'a program'],
    ['mute', 'abc', 'caller', true],
    ['record', 'abc'],
    ['play', 'abc', { what: [{ prompt: 'goodbye' }, { recording: 'r1' }], to: 'caller', loop: true }],
    ['stop playing', 'abc', 'caller'],
    ['digits', 'abc', 'callee', '42#'],
    ['hangup', 'abc', 'a program'],
  ]));
});

it('what a call cannot do is a conflict, with the reason', async () => {
  expect(isProblem(await one.ask('POST', '/api/v1/calls', { body: { from: '1002', to: '1001' } }), 409).code).toBe('call.no-phone');
});

it('sound is sent whole, or the part that was asked for', async () => {
  const ask = async (range?: string, url = '/api/v1/recordings/r1/sound') => {
    const { status, headers, text } = await one.ask('GET', url, { headers: range === undefined ? {} : { range } });
    return [status, text, headers['content-range'], headers['content-length'], headers['content-type']];
  };
  expect(await ask()).toEqual([200, '0123456789', undefined, '10', 'audio/wav']);
  expect(await ask('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10', '3', 'audio/wav']);
  expect(await ask('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10', '3', 'audio/wav']);
  expect(await ask('bytes=-2')).toEqual([206, '89', 'bytes 8-9/10', '2', 'audio/wav']);
  expect(await ask('bytes=8-99')).toEqual([206, '89', 'bytes 8-9/10', '2', 'audio/wav']);
  expect((await ask('bytes=0-1,3-4'))[0]).toBe(200);
  expect((await ask('lines=1-2'))[0]).toBe(200);
  for (const range of ['bytes=10-', 'bytes=5-3', 'bytes=-0']) isProblem(await one.ask('GET', '/api/v1/recordings/r1/sound', { headers: { range } }), 416);
  isProblem(await one.ask('GET', '/api/v1/recordings/lost/sound'), 404);
  const head = await one.ask('HEAD', '/api/v1/recordings/r1/sound');
  expect([head.status, head.headers['content-length'], head.text]).toEqual([200, '10', '']);
});

it('what is still being recorded stays until it is over', async () => {
  for (const [method, url] of [['GET', '/recordings/running/sound'], ['DELETE', '/recordings/running'], ['GET', '/mailboxes/1001/messages/3/sound'], ['DELETE', '/mailboxes/1001/messages/3']] as const) isProblem(await one.ask(method, `/api/v1${url}`), 409);
});

it('recordings follow page by page, the newest first, those of the same moment in order', async () => {
  const seen: string[] = [];
  let url: string | undefined = '/api/v1/recordings?limit=1&to=1002';
  while (url !== undefined) {
    const { body, headers } = await one.ask('GET', url);
    seen.push(...(body as { recordings: Recording[] }).recordings.map(({ id }) => id));
    url = /^<([^>]+)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1];
  }
  expect(seen).toEqual((await one.store.recordings.list()).map(({ id }) => id));
  for (const query of ['cursor=x', 'since=yesterday', 'state=gone', 'limit=0']) isProblem(await one.ask('GET', `/api/v1/recordings?${query}`), 400);
});

it('short messages follow page by page, the newest first', async () => {
  const list = async (query: string) => (await one.ask('GET', `/api/v1/messages${query}`)).body as { messages: Array<{ id: string; state: string; endedAt: string | null }>; next: string | null };
  const first = await list('?limit=1');
  expect([first.messages.map(({ id, state, endedAt }) => [id, state, endedAt]), first.next]).toEqual([[['m2', 'queued', null]], 'm2']);
  const second = await list('?limit=1&cursor=m2');
  expect([second.messages.map(({ id, state, endedAt }) => [id, state, endedAt]), second.next]).toEqual([[['m1', 'delivered', new Date(T0 + 5).toISOString()]], null]);
  expect((await list('?state=failed')).messages).toEqual([]);
});

it('records follow page by page, the newest first, and come as a table', async () => {
  const seen: string[] = [];
  let url: string | undefined = '/api/v1/records?limit=1&since=2026-01-01T00:00:00Z';
  while (url !== undefined) {
    const { body, headers } = await one.ask('GET', url);
    seen.push(...(body as { records: Array<{ id: string }> }).records.map(({ id }) => id));
    url = /^<([^>]+)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1];
  }
  expect(seen).toEqual(['c3', 'c2', 'c1']);
  for (const query of ['cursor=x', 'since=yesterday', 'answered=maybe', 'limit=0']) isProblem(await one.ask('GET', `/api/v1/records?${query}`), 400);
  isProblem(await one.ask('GET', '/api/v1/records.csv', { scope: 'none' }), 401);
  const { status, headers, text } = await one.ask('GET', '/api/v1/records.csv?cause=hung-up', { scope: 'read' });
  expect([status, headers['content-type'], text.startsWith(csvHead()), text.split('\r\n').map((line) => line.slice(0, 2))]).toEqual([200, 'text/csv; charset=utf-8; header=present', true, ['id', 'c3', 'c2', 'c1', '']]);
});

it('contacts are listed by extension, and forgotten on demand', async () => {
  const list = async (query = '') => (await one.ask('GET', `/api/v1/contacts${query}`)).body as { contacts: Array<{ id: string; extension: string; source: string; expiresAt: string }>; next: string | null };
  const { contacts, next } = await list('?limit=1');
  expect([contacts, next]).toEqual([[expect.objectContaining({ extension: '1001', source: 'udp:192.0.2.1:5060', expiresAt: new Date(T0 + 60_000).toISOString() })], '1001']);
  expect((await list(`?cursor=${next}`)).contacts.map(({ extension }) => extension)).toEqual(['1002']);
  isProblem(await one.ask('DELETE', `/api/v1/contacts/1001/${contacts[0]!.id}`, { scope: 'read' }), 403);
  expect((await one.ask('DELETE', `/api/v1/contacts/1001/${contacts[0]!.id}`)).status).toBe(204);
  isProblem(await one.ask('DELETE', `/api/v1/contacts/1001/${contacts[0]!.id}`), 404);
  expect([(await list('?extension=1001')).contacts, locations.lookup('1001')]).toEqual([[], []]);
});

it('a token is shown once', async () => {
  const { token } = (await one.ask('POST', '/api/v1/tokens', { body: { name: 'again' } })).body as { token: string };
  expect(token).toMatch(/^offhook_/);
  expect((await one.ask('GET', '/api/v1/tokens')).text).not.toContain(token.slice(8));
  isProblem(await one.ask('POST', '/api/v1/tokens', { body: { name: 'again' } }), 409);
});

it('an agent whom a queue does not let in', async () => {
  expect(isProblem(await one.ask('PUT', '/api/v1/queue-status/650/agents/1009'), 409).code).toBe('queue.not-open');
});

it('a client of the simple packet format always hears', async () => {
  const two = await house(() => ({ conferences: room() }));
  expect(isProblem(await two.ask('PATCH', '/api/v1/conferences/8000/members/m2', { body: { deaf: true } }), 409).code).toBe('room.always-hears');
  await two.close();
});

it('secrets of the settings are not told', async () => {
  const { text } = await one.ask('GET', '/api/v1/config');
  expect([text.includes('very-secret'), text.includes('{"key":"engine.secret","value":true')]).toEqual([false, true]);
});
