/** `offhook room add|list|show|set|remove`: conference rooms; works on the data folder, whether the server runs or not. */
import { type Command, Option } from 'commander';
import { OffhookError } from '../errors';
import { checkRoomNumber, fitsSimpleFormat, PARTY_LINE, ROOM_MEMBERS } from '../numbers';
import { noTenant, taken } from '../store/who-has';
import { openStore, type Room, type RoomPatch, type Store } from '../store/store';
import type { Context } from './context';
import { roomDetails, roomJson, roomTable } from './room-output';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

type Switch = 'on' | 'off';

interface RoomOptions extends SettingOptions {
  name?: string;
  pin?: string;
  moderatorPin?: string;
  maxMembers?: string;
  announce?: Switch;
  simple?: Switch;
  startMuted?: Switch;
  waitForModerator?: Switch;
  record?: Switch;
  json?: boolean;
}

export function addRoomCommands(program: Command, context: Context): void {
  const group = program.command('room').description('conference rooms; works whether the server runs or not').helpCommand(false);
  const add = group.command('add <number>').description('add a conference room');
  add.action((number: string, options: RoomOptions) => runAdd(context, number, options));
  const list = group.command('list').description('list the conference rooms');
  list.action((options: RoomOptions) => runList(context, options));
  const show = group.command('show <number>').description('show a conference room, with its PINs');
  show.action((number: string, options: RoomOptions) => runShow(context, number, options));
  const set = group.command('set <number>').description('change a conference room');
  set.action((number: string, options: RoomOptions) => runSet(context, number, options));
  const remove = group.command('remove <number>').description('remove a conference room; whoever is in it hears that it has ended');
  remove.action((number: string, options: RoomOptions) => runRemove(context, number, options));

  for (const command of [add, set]) {
    const onOff = (flag: string, help: string) => command.addOption(new Option(`${flag} <on|off>`, help).choices(['on', 'off']));
    command.option('--name <name>', 'what it is called');
    command.option('--pin <digits>', 'what members enter, 3 to 10 digits; "" for none');
    command.option('--moderator-pin <digits>', 'what makes one a moderator; "" for none');
    command.option('--max-members <count>', `how many may be in it at once (1 to ${ROOM_MEMBERS.most})`);
    onOff('--announce', 'members say their name, which the others hear when they come and go');
    onOff('--simple', 'clients of the simple packet format may come in (without a PIN; see the settings partyline.…)');
    onOff('--start-muted', 'members are muted when they come, until they press *6');
    onOff('--wait-for-moderator', 'members hear music until a moderator is there');
    onOff('--record', 'what is said is to be recorded (kept as a wish: nothing records rooms yet)');
  }
  for (const command of [add, list, show, set, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runAdd(context: Context, number: string, options: RoomOptions): Promise<void> {
  if (number === PARTY_LINE) throw new OffhookError('store.room-exists', { number });
  checkRoomNumber(number);
  const patch = patchFrom(options);
  const fresh: Room = {
    number, name: null, pin: null, moderatorPin: null, maxMembers: ROOM_MEMBERS.default,
    announce: false, simple: false, startMuted: false, waitForModerator: false, record: false,
    ...patch,
    createdAt: context.clock.wall().getTime(),
  };
  checkRoom(fresh);
  await withStore(context, options, true, async (store) => {
    await store.transaction(async (parts) => {
      const who = (await taken(parts, number, 'conference room')) ?? (await noTenant(parts, number));
      if (who !== undefined) throw new OffhookError('room.bad-number', { number, reason: who });
      await parts.rooms.add(fresh);
    });
    context.out(options.json ? json(roomJson(fresh)) : `Room ${number} was added: dial ${number}.\n`);
  });
}

async function runList(context: Context, options: RoomOptions): Promise<void> {
  await withStore(context, options, false, async (store) => {
    const rooms = await store.rooms.list();
    context.out(options.json ? json(rooms.map(roomJson)) : roomTable(rooms));
  });
}

async function runShow(context: Context, number: string, options: RoomOptions): Promise<void> {
  await withStore(context, options, false, async (store) => {
    const room = await existing(store, number);
    context.out(options.json ? json(roomJson(room)) : roomDetails(room));
  });
}

async function runSet(context: Context, number: string, options: RoomOptions): Promise<void> {
  const patch = patchFrom(options);
  if (Object.keys(patch).length === 0) {
    throw new OffhookError('command.usage', { problem: 'Nothing to change: name at least one of --name, --pin, --moderator-pin, --max-members, --announce, --simple, --start-muted, --wait-for-moderator and --record.' });
  }
  await withStore(context, options, false, async (store) => {
    const changed = await store.transaction(async (parts) => {
      await parts.rooms.update(number, patch);
      const room = await existing(parts, number);
      // thrown in here, nothing is changed
      checkRoom(room);
      return room;
    });
    context.out(options.json ? json(roomJson(changed)) : `Room ${number} was changed.\n`);
  });
}

async function runRemove(context: Context, number: string, options: RoomOptions): Promise<void> {
  if (number === PARTY_LINE) throw new OffhookError('room.party-line', { number });
  await withStore(context, options, false, async (store) => {
    if (!(await store.rooms.remove(number))) throw new OffhookError('store.room-not-found', { number });
    context.out(options.json ? json({ number, removed: true }) : `Room ${number} was removed.\n`);
  });
}

async function withStore(context: Context, options: RoomOptions, create: boolean, work: (store: Store) => Promise<void>): Promise<void> {
  const config = configFor(options, context);
  const store = await openStore({ dataDir: config.data, create, clock: context.clock });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

async function existing(parts: Pick<Store, 'rooms'>, number: string): Promise<Room> {
  const room = await parts.rooms.get(number);
  if (!room) throw new OffhookError('store.room-not-found', { number });
  return room;
}

/** What the flags say; each checked by itself. Errors: `room.bad-pin`, `room.bad-settings`, `extension.bad-name`. */
function patchFrom({ name, pin, moderatorPin, maxMembers, announce, simple, startMuted, waitForModerator, record }: RoomOptions): RoomPatch {
  return {
    ...(name !== undefined && { name: checkName(name) }),
    ...(pin !== undefined && { pin: checkPin(pin) }),
    ...(moderatorPin !== undefined && { moderatorPin: checkPin(moderatorPin) }),
    ...(maxMembers !== undefined && { maxMembers: checkCount(maxMembers) }),
    ...(announce !== undefined && { announce: announce === 'on' }),
    ...(simple !== undefined && { simple: simple === 'on' }),
    ...(startMuted !== undefined && { startMuted: startMuted === 'on' }),
    ...(waitForModerator !== undefined && { waitForModerator: waitForModerator === 'on' }),
    ...(record !== undefined && { record: record === 'on' }),
  };
}

/** What the settings of a room must be together. Errors: `room.bad-pin`, `room.bad-settings`. */
function checkRoom({ number, pin, moderatorPin, simple, waitForModerator }: Room): void {
  if (pin !== null && pin === moderatorPin) throw new OffhookError('room.bad-pin', { reason: 'members and moderators need different ones' });
  if (waitForModerator && moderatorPin === null) throw new OffhookError('room.bad-settings', { problem: 'A room that waits for its moderator needs a --moderator-pin, or nobody could begin.' });
  if (simple && !fitsSimpleFormat(number)) {
    throw new OffhookError('room.bad-settings', { problem: `The simple packet format has 16 bits for the number of a room: ${number} does not fit (1 to 65535 do, without a 0 in front).` });
  }
}

/** An empty PIN takes it away. */
function checkPin(pin: string): string | null {
  if (pin === '') return null;
  if (!/^\d{3,10}$/.test(pin)) throw new OffhookError('room.bad-pin', { reason: 'it must be 3 to 10 digits' });
  return pin;
}

function checkCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > ROOM_MEMBERS.most) throw new OffhookError('room.bad-settings', { problem: `--max-members is ${text}, but must be a whole number from 1 to ${ROOM_MEMBERS.most}.` });
  return count;
}

/** An empty name takes it away. */
function checkName(name: string): string | null {
  if (name === '') return null;
  const reason = name.length > 64 ? 'it has more than 64 characters' : /\p{Cc}/u.test(name) ? 'it has a control character' : undefined;
  if (reason) throw new OffhookError('extension.bad-name', { reason });
  return name;
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
