/** Calls whose sound is made here: no codec in common, keys in another form; changes between relay and room; music for whoever is held. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioSetup } from '../../../media/audio-types';
import { musicFiles, ownMusic } from '../../../signaling/app/hold-music';
import { eventually } from '../../support/wait';
import { World, type FakeDialog } from './call-fakes';

const A = '192.168.7.20';
const B = '192.168.9.30';
const maps: Record<string, string> = { 96: 'opus/48000/2', 97: 'telephone-event/48000', 101: 'telephone-event/8000' };
const sdp = (host: string, version: number, formats: string, ...attributes: string[]) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio 7000 RTP/AVP ${formats}`,
    ...formats.split(' ').flatMap((n) => (maps[n] ? [`a=rtpmap:${n} ${maps[n]}`] : [])), ...attributes, '',
  ].join('\r\n');
const formats = (text: string | undefined) => /^m=audio \d+ \S+ (.*)\r$/m.exec(text ?? '')?.[1];
const directionOf = (text: string | undefined) => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(text ?? '')?.[1];

const folder = mkdtempSync(join(tmpdir(), 'offhook-moh-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Up {
  w: World;
  caller: FakeDialog;
  phone: FakeDialog;
  /** What the plane was asked to do since, by name. */
  since(): string[];
}

async function up(ofA: string, ofB: string, media = { transcode: true, holdMusic: null as string | null }): Promise<Up> {
  const w = new World({ media });
  await w.dial(sdp(A, 1, ofA));
  const phone = w.fork().answers(sdp(B, 1, ofB));
  await w.settle();
  let seen = w.plane.calls.length;
  return {
    w,
    caller: w.answer.dialog,
    phone,
    since: () => {
      const names = w.plane.calls.slice(seen).map(([name, id]) => `${name} ${typeof id === 'string' ? id : JSON.stringify(id)}`);
      seen = w.plane.calls.length;
      return names;
    },
  };
}

const audio = (w: World, id: string): AudioSetup => {
  const setup = w.plane.audio.get(id);
  if (!setup) throw new Error(`${id} has no sound`);
  return setup;
};

describe('no codec in common', () => {
  test('both phones speak their own, in a room of two', async () => {
    const { w } = await up('0 101', '96 101');
    expect(formats(w.fork().options.localSdp)).toBe('0 96 9 8 101 97');
    expect(formats(w.answer.sdp)).toBe('0 101');
    expect(w.plane.calls.map(([name, id, x]) => [name, id, ...(name === 'join' ? [x] : [])])).toEqual([
      ['setRemote', 'e0'], ['setRemote', 'e1'], ['setAudio', 'e0'], ['setAudio', 'e1'],
      ['join', 'e0', expect.stringMatching(/^call:[0-9a-f]{12}$/)], ['detectTones', 'e0'], ['join', 'e1', expect.stringMatching(/^call:/)], ['detectTones', 'e1'],
    ]);
    expect(w.plane.of('join').map((c) => c[3])).toEqual([{ passDigits: true }, { passDigits: true }]);
    expect(audio(w, 'e0')).toMatchObject({ send: { codec: 'PCMU', payloadType: 0, ptimeMs: 20 }, receive: [{ codec: 'PCMU' }], telephoneEvent: { send: { payloadType: 101 } } });
    expect(audio(w, 'e1')).toMatchObject({ send: { codec: 'opus', payloadType: 96 }, receive: [{ codec: 'opus', payloadType: 96 }], telephoneEvent: { send: { payloadType: 101 } } });
    expect(w.calls.stats()).toMatchObject({ mixed: 1 });
  });

  test('switched off: it is refused, and the phone was offered what the caller has', async () => {
    const w = new World({ media: { transcode: false, holdMusic: null } });
    const { res } = await w.dial(sdp(A, 1, '0 101'));
    expect(formats(w.fork().options.localSdp)).toBe('0 101');
    w.fork().answers(sdp(B, 1, '96 101'));
    expect(res.final?.status).toBe(488);
  });

  test('in common: relayed as ever', async () => {
    const { w } = await up('0 8 101', '0 101');
    expect(w.plane.calls.map(([name]) => name)).toEqual(['setRemote', 'setRemote', 'connect']);
    expect(w.calls.stats()).toMatchObject({ mixed: 0 });
  });

  test('the phone has no keys: a room, and its sound is listened to', async () => {
    const { w } = await up('0 101', '0');
    expect(w.plane.of('detectTones')).toEqual([['detectTones', 'e0', false], ['detectTones', 'e1', true]]);
    expect(formats(w.answer.sdp)).toBe('0 101');
  });

  test('hold in a room: each direction stops where it is agreed to', async () => {
    const { w, caller, phone } = await up('0 101', '96 101');
    const res = caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '96 101', 'a=recvonly'));
    expect(directionOf(res.final?.body)).toBe('recvonly');
    await w.settle();
    expect([audio(w, 'e0'), audio(w, 'e1')]).toMatchObject([{ send: null, receive: [{ codec: 'PCMU' }] }, { send: { codec: 'opus' }, receive: [] }]);
    expect(w.calls.stats()).toMatchObject({ mixed: 1 });
  });

  test('from room to relay and back, as the codecs change', async () => {
    const { w, caller, phone, since } = await up('0 101', '96 101');
    const change = async (version: number, ofA: string, ofB: string) => {
      caller.receives('INVITE', sdp(A, version, ofA));
      phone.requests.at(-1)?.answer(200, sdp(B, version, ofB));
      await w.settle();
      return since();
    };
    expect(await change(2, '96 101', '96 101')).toEqual(['connect e0']);
    expect(await change(3, '0 101', '96 101')).toEqual(['setAudio e0', 'setAudio e1', 'join e0', 'detectTones e0', 'join e1', 'detectTones e1']);
    // a refresh is no change
    expect(caller.receives('INVITE', sdp(A, 3, '0 101')).final?.status).toBe(200);
    expect(await w.settle().then(since)).toEqual([]);
    expect(w.calls.stats()).toMatchObject({ mixed: 2, refreshes: 1 });
  });

  test('a re-INVITE without SDP is offered the other phone\'s formats and ours, and needs nobody else', async () => {
    const { w, caller, phone } = await up('0 101', '96 101');
    const res = caller.receives('INVITE', '', { cseq: '2 INVITE' });
    expect(formats(res.final?.body)).toBe('96 9 0 8 101 97');
    caller.acks(sdp(A, 2, '8 101'), 2);
    await w.settle();
    expect(phone.requests).toEqual([]);
    expect(audio(w, 'e0')).toMatchObject({ send: { codec: 'PCMA' } });
  });

  test('an INVITE without SDP', async () => {
    const w = new World({ media: { transcode: true, holdMusic: null } });
    await w.dial('');
    w.fork().answers(sdp(B, 1, '96 101'));
    expect(formats(w.answer.sdp)).toBe('96 9 0 8 101 97');
    w.answer.dialog.acks(sdp(A, 1, '0 101'));
    await w.settle();
    expect([audio(w, 'e0').send?.codec, audio(w, 'e1').send?.codec]).toEqual(['PCMU', 'opus']);
    expect(w.fork().dialog.requests).toEqual([]);
  });

  test('early media is turned into what the caller hears', async () => {
    const w = new World({ media: { transcode: true, holdMusic: null } });
    const { res } = await w.dial(sdp(A, 1, '0 101'));
    w.fork().provisional(183, sdp(B, 1, '96 101'));
    await w.settle();
    expect(formats(res.sent[0]?.body)).toBe('0 101');
    expect(audio(w, 'e0').send?.codec).toBe('PCMU');
  });

  test('nothing of the plane is left', async () => {
    const { w, phone } = await up('0 101', '96 101');
    phone.bye();
    await w.settle();
    expect(w.left).toEqual({ calls: 0, ports: 0, timers: 0 });
  });
});

describe('music on hold', () => {
  const file = join(folder, 'b.wav');
  writeFileSync(file, '');
  writeFileSync(join(folder, 'a.WAV'), '');
  writeFileSync(join(folder, 'read.me'), '');
  const media = { transcode: true, holdMusic: folder };
  const files = [{ file: join(folder, 'a.WAV') }, { file }];
  const played = async (w: World) => {
    // the folder is read meanwhile
    await eventually('music', () => w.plane.of('play').length > 0, 5000, 1);
    return w.plane.of('play');
  };

  describe.each(['caller', 'phone'] as const)('the %s holds', (who) => {
    test.each<[string, string]>([['sendonly', 'recvonly'], ['inactive', 'inactive']])('%s', async (how, answered) => {
      const call = await up('0 101', '0 101', media);
      const { w } = call;
      const [holder, held, host, otherHost] = who === 'caller' ? [call.caller, call.phone, A, B] : [call.phone, call.caller, B, A];
      const [idOfHolder, idOfHeld] = who === 'caller' ? ['e0', 'e1'] : ['e1', 'e0'];
      const res = holder.receives('INVITE', sdp(host, 2, '0 101', `a=${how}`));
      // held, and told so, but listening
      expect(directionOf(held.requests[0]?.body)).toBe('sendonly');
      held.requests[0]?.answer(200, sdp(otherHost, 2, '0 101', 'a=recvonly'));
      expect(directionOf(res.final?.body)).toBe(answered);
      expect(await played(w)).toEqual([['play', { endpoint: idOfHeld }, files, { loop: true }]]);
      expect(audio(w, idOfHeld)).toMatchObject({ send: { codec: 'PCMU' }, receive: [] });
      expect(audio(w, idOfHolder)).toEqual({ send: null, receive: [], telephoneEvent: null, comfortNoise: null });
      expect(w.calls.stats()).toMatchObject({ mixed: 0, musicFailed: 0 });

      call.since();
      const resumed = holder.receives('INVITE', sdp(host, 3, '0 101'));
      held.requests[1]?.answer(200, sdp(otherHost, 3, '0 101'));
      expect([directionOf(held.requests[1]?.body), directionOf(resumed.final?.body)]).toEqual(['sendrecv', 'sendrecv']);
      await w.settle();
      expect(call.since()).toEqual(['connect e0']);
    });
  });

  test('in a room: the held one hears music, and the other one again afterwards', async () => {
    const { w, caller, phone, since } = await up('0 101', '96 101', media);
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '96 101', 'a=recvonly'));
    expect((await played(w)).length).toBe(1);
    since();
    caller.receives('INVITE', sdp(A, 3, '0 101'));
    phone.requests[1]?.answer(200, sdp(B, 3, '96 101'));
    await w.settle();
    expect(since()).toEqual(['setAudio e0', 'setAudio e1', 'join e0', 'detectTones e0', 'join e1', 'detectTones e1', 'stopPlaying {"endpoint":"e1"}']);
    expect(w.plane.playing.size).toBe(0);
    expect([audio(w, 'e0').send?.codec, audio(w, 'e1').send?.codec]).toEqual(['PCMU', 'opus']);
  });

  test('a refresh while on hold does not begin it anew', async () => {
    const { w, caller, phone } = await up('0 101', '0 101', media);
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    await played(w);
    expect(caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly')).final?.status).toBe(200);
    expect(phone.receives('INVITE', sdp(B, 2, '0 101', 'a=recvonly')).final?.status).toBe(200);
    await w.settle();
    expect([w.plane.of('play').length, phone.requests.length, caller.requests.length]).toEqual([1, 1, 0]);
  });

  test('both hold: nobody listens, nobody hears', async () => {
    const { w, caller, phone } = await up('0 101', '0 101', media);
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    await played(w);
    phone.receives('INVITE', sdp(B, 3, '0 101', 'a=inactive'));
    caller.requests[0]?.answer(200, sdp(A, 3, '0 101', 'a=inactive'));
    await w.settle();
    expect(w.plane.of('connect').at(-1)?.[3]).toMatchObject({ aToB: { flow: false }, bToA: { flow: false } });
    expect(w.plane.of('play').length).toBe(1);
  });

  test.each<[string, () => string, RegExp]>([
    ['a folder that is not there', () => join(folder, 'gone'), /ENOENT/],
    ['a folder without music', () => mkdtempSync(join(folder, 'empty-')), /there is no WAV file/],
  ])('%s: silence, counted and said, and the call goes on', async (_, path, problem) => {
    const { w, caller, phone } = await up('0 101', '0 101', { transcode: true, holdMusic: path() });
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    await eventually('the failure', () => w.calls.stats().musicFailed > 0, 5000, 1);
    expect(w.log.of('no music for a held party')).toEqual([expect.objectContaining({ problem: expect.stringMatching(problem) })]);
    expect(w.calls.list()).toMatchObject([{ state: 'up', held: true }]);
  });

  test('a file that does not play', async () => {
    const { w, caller, phone } = await up('0 101', '0 101', { transcode: true, holdMusic: file });
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    expect((await played(w))[0]?.[2]).toEqual([{ file }]);
    w.plane.finishes({ why: 'failed', playedMs: 0, problem: 'b.wav is no WAV file' });
    await w.settle();
    expect(w.log.of('no music for a held party')).toEqual([expect.objectContaining({ problem: 'b.wav is no WAV file' })]);
  });

  test('resumed before the folder was read: nothing is played', async () => {
    const { w, caller, phone } = await up('0 101', '0 101', media);
    caller.receives('INVITE', sdp(A, 2, '0 101', 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, '0 101', 'a=recvonly'));
    caller.receives('INVITE', sdp(A, 3, '0 101'));
    phone.requests[1]?.answer(200, sdp(B, 3, '0 101'));
    await musicFiles(folder);
    await w.settle();
    expect(w.plane.of('play')).toEqual([]);
  });

  test('the piece of our own is there', async () => {
    expect((await musicFiles(ownMusic)).length).toBeGreaterThan(0);
  });
});
