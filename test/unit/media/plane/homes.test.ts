/** Where rooms and the door of the simple packet format are, when workers come and go. */
import type { SimpleEvent, SimpleOptions } from '../../../../media/audio-types';
import { RoomDirectory } from '../../../../media/plane/room-directory';
import { SimpleHome } from '../../../../media/plane/simple-home';
import { LoadMeter } from '../../../../media/plane/load-meter';
import type { WorkerCounters } from '../../../../media/worker-protocol';
import type { WorkerLink } from '../../../../media/worker-link';
import { fakeLink, settle } from './fake-link';

describe('rooms', () => {
  const HERE = { roomStats: { members: [{}] } };
  const EMPTY = { roomStats: undefined };

  test('one that has somebody in another worker is not entered; one that is empty there moves; one whose worker is dead is free', async () => {
    const [one, two] = [fakeLink(HERE), fakeLink(EMPTY)];
    const rooms = new RoomDirectory(() => new Set());
    expect(rooms.enter('r', one.link, 'e1')).toBeUndefined();
    expect(rooms.enter('r', one.link, 'e2')).toBeUndefined();
    expect(one.asked).toEqual([]);
    await expect(rooms.enter('r', two.link, 'e3')).rejects.toMatchObject({ code: 'other-session' });
    expect(rooms.linkOf('r')).toBe(one.link);
    one.answers['roomStats'] = undefined;
    await rooms.enter('r', two.link, 'e3');
    expect(rooms.linkOf('r')).toBe(two.link);
    two.link.alive = false;
    expect(rooms.linkOf('r')).toBeUndefined();
    expect(rooms.enter('r', one.link, 'e4')).toBeUndefined();
    rooms.forget(two.link);
    expect(rooms.linkOf('r')).toBe(one.link);
    rooms.forget(one.link);
    expect([rooms.linkOf('r'), rooms.size]).toEqual([undefined, 0]);
  });

  test('names of rooms that have ended do not pile up; those that are kept stay', async () => {
    const worker = fakeLink(EMPTY);
    const rooms = new RoomDirectory(() => new Set(['kept']));
    rooms.set('kept', worker.link);
    for (let i = 0; i < 10_000; i++) {
      rooms.enter(`r${i}`, worker.link, 'e1');
      if (i % 100 === 0) await settle();
      expect(rooms.size).toBeLessThan(1400);
    }
    expect(rooms.linkOf('kept')).toBe(worker.link);
  });
});

describe('the door of the simple packet format', () => {
  const options = (...nears: string[]): SimpleOptions => ({ rooms: nears.map((near, i) => ({ number: 8000 + i, room: `${8000 + i}`, near })), port: 0 }) as unknown as SimpleOptions;

  function set() {
    const workers = [fakeLink({ openSimple: 4000, setSimple: true }), fakeLink({ openSimple: 4000, setSimple: true })];
    const homes = new Map<string, WorkerLink>();
    const told: SimpleEvent[] = [];
    const placed: string[] = [];
    let over: () => void = () => undefined;
    const home = new SimpleHome({
      homeOf: (near) => homes.get(near),
      leastLoaded: () => workers.map(({ link }) => link).find(({ alive }) => alive),
      placed: (room, link) => void placed.push(`${room} in ${workers.findIndex((worker) => worker.link === link)}`),
      tell: (event) => void told.push(event),
      pause: () => new Promise<void>((resolve) => (over = resolve)),
    });
    const pauseOver = async (): Promise<void> => {
      over();
      await settle();
    };
    const die = (i: number): void => {
      workers[i]!.link.alive = false;
      home.forget(workers[i]!.link);
    };
    return { workers, homes, home, told, placed, die, pauseOver };
  }

  test('is where the members of its rooms are, else where there is most room; whoever comes near them goes there', async () => {
    const { workers, homes, home, placed } = set();
    homes.set('line', workers[1]!.link);
    expect(await home.open(options('line', 'hall'))).toBe(4000);
    expect([home.linkNear('hall'), home.linkNear('elsewhere'), [...home.rooms], placed]).toEqual([workers[1]!.link, undefined, ['8000', '8001'], ['8000 in 1', '8001 in 1']]);
    homes.set('hall', workers[0]!.link);
    await expect(home.open(options('line', 'hall'))).rejects.toMatchObject({ code: 'other-session' });
  });

  test('its worker dies: clients have left, in words, and it opens in the next one at the same port, as soon as that goes', async () => {
    const { workers, home, told, placed, die, pauseOver } = set();
    await home.open(options('line'));
    const client: SimpleEvent = { kind: 'joined', id: 's1', room: '8000', source: '192.0.2.1:5' };
    home.heard(client);
    die(1);
    expect(told).toEqual([client]);
    die(0);
    expect(told[1]).toEqual({ ...client, kind: 'left', why: 'worker-lost' });
    expect([home.linkNear('line'), await home.set('s1', null), await home.stats()]).toEqual([undefined, false, undefined]);
    await pauseOver(); // nobody is there yet
    workers[1]!.link.alive = true;
    await pauseOver();
    expect([home.linkNear('line') === workers[1]!.link, placed, await home.set('s1', null)]).toEqual([true, ['8000 in 0', '8000 in 1'], true]);
  });

  test.each(['closed', 'opened otherwise', 'the plane ended'])('%s while it waits to be opened again: it is not opened as it was', async (what) => {
    const { workers, home, die, pauseOver } = set();
    await home.open(options('line'));
    die(0);
    if (what === 'closed') await home.close();
    if (what === 'opened otherwise') await home.open(options('other'));
    if (what === 'the plane ended') home.end();
    const before = workers[1]!.asked.length;
    await pauseOver();
    expect([workers[1]!.asked.length, [...home.rooms].length]).toEqual([before, what === 'closed' ? 0 : 1]);
  });
});

test('load is reckoned from look to look, for each worker by itself', () => {
  const clock = { ms: 1000 };
  const meter = new LoadMeter(() => clock.ms);
  const [one, two] = [{}, {}];
  const at = (packets: number, busyMs: number | null) => ({ packets, busyMs }) as WorkerCounters;
  expect(meter.look(one, at(500, 70))).toMatchObject({ packets: 500, packetsPerSecond: 0, busy: 0 });
  clock.ms += 2000;
  expect(meter.look(one, at(700, 570))).toMatchObject({ packetsPerSecond: 100, busy: 0.25 });
  expect(meter.look(two, at(9, null))).toMatchObject({ packetsPerSecond: 0, busy: null });
});
