/** `offhook extension add|list|show|set|remove`: works on the data folder, whether the server runs or not. */
import { rm } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type Config } from '../config';
import { checkPassword, randomPassword } from '../credentials';
import { OffhookError } from '../errors';
import { checkExtensionNumber } from '../numbers';
import { addExtension, ha1For } from '../store/seed';
import { type Extension, type ExtensionPatch, type MailboxPatch, openStore, type Store } from '../store/store';
import { voicemailFolder } from '../voicemail-folder';
import type { Context } from './context';
import { diversionPatch, type DiversionOptions } from './extension-diversion';
import { extensionDetails, extensionJson, extensionTable } from './extension-output';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface ExtensionOptions extends SettingOptions, DiversionOptions {
  password?: string;
  newPassword?: boolean;
  name?: string;
  media?: Extension['media'];
  srtp?: Extension['srtp'];
  recording?: Extension['recording'];
  voicemail?: 'on' | 'off';
  email?: string;
  json?: boolean;
}

export function addExtensionCommands(program: Command, context: Context): void {
  const group = program.command('extension').description('the phones of this system; works whether the server runs or not').helpCommand(false);
  const option = {
    name: () => new Option('--name <name>', 'name that other phones show'),
    media: () => new Option('--media <how>', 'media through us, or between the phones directly').choices(['anchored', 'direct']),
    srtp: () => new Option('--srtp <when>', 'encrypted media (SRTP with SDES keys): never, as the phone likes, or nothing else').choices(['off', 'optional', 'required']),
    recording: () => new Option('--recording <when>', 'calls recorded: never, when somebody in the call presses *1, or always').choices(['never', 'on-demand', 'always']),
  };

  const add = group.command('add <number>').description('add an extension; without --password one is made and shown once');
  add.option('--password <password>', 'password of the phone').addOption(option.name()).addOption(option.media()).addOption(option.srtp()).addOption(option.recording());
  add.action((number: string, options: ExtensionOptions) => runAdd(context, number, options));

  const list = group.command('list').description('list the extensions');
  list.action((options: ExtensionOptions) => runList(context, options));

  const show = group.command('show <number>').description('show an extension and where it is registered');
  show.action((number: string, options: ExtensionOptions) => runShow(context, number, options));

  const set = group.command('set <number>').description('change an extension');
  set.option('--password <password>', 'another password').addOption(new Option('--new-password', 'make another password and show it once').conflicts('password'));
  set.addOption(option.name()).addOption(option.media()).addOption(option.srtp()).addOption(option.recording());
  set.addOption(new Option('--voicemail <whether>', 'whether calls that nobody takes go to its mailbox').choices(['on', 'off']));
  set.option('--email <address>', 'where its new messages are sent; empty: nowhere');
  set.option('--forward-always <number>', 'where its calls go; “voicemail”: its mailbox, “none”: its phones ring');
  set.option('--forward-busy <number>', 'where they go when it is busy, declines, or does not want to be disturbed');
  set.option('--forward-no-answer <number>', 'where they go when nobody answers').option('--forward-offline <number>', 'where they go when it has no phone that can be reached');
  set.option('--ring-seconds <seconds>', 'how long its phones ring, 1 to 3600; “default”: call.ringSeconds');
  set.addOption(new Option('--do-not-disturb <whether>', 'whether its phones are left in peace').choices(['on', 'off']));
  set.action((number: string, options: ExtensionOptions) => runSet(context, number, options));

  const remove = group.command('remove <number>').description('remove an extension and its registrations');
  remove.action((number: string, options: ExtensionOptions) => runRemove(context, number, options));

  for (const command of [add, list, show, set, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runAdd(context: Context, number: string, options: ExtensionOptions): Promise<void> {
  checkExtensionNumber(number);
  const name = checkName(options.name);
  const { password, shown } = passwordFrom(context, options.password);
  const createdAt = context.clock.wall().getTime();
  await withStore(context, options, true, async (store, config) => {
    const { media = 'anchored', srtp = 'optional', recording = 'on-demand' } = options;
    const added = await store.transaction((parts) => addExtension(parts, config, { number, password, name, media, srtp, recording, createdAt }));
    if (options.json) context.out(json({ ...extensionJson(added), ...shown }));
    else context.out(`Extension ${number} was added.\n${passwordLine(shown)}`);
  });
}

async function runList(context: Context, options: ExtensionOptions): Promise<void> {
  await withStore(context, options, false, async (store) => {
    const [extensions, contacts] = [await store.extensions.list(), await store.contacts.all()];
    const now = context.clock.wall().getTime();
    context.out(options.json ? json(extensions.map((one) => extensionJson(one, contacts, now))) : extensionTable(extensions, contacts, now));
  });
}

async function runShow(context: Context, number: string, options: ExtensionOptions): Promise<void> {
  await withStore(context, options, false, async (store) => {
    const extension = await existing(store, number);
    const contacts = await store.contacts.of(number);
    const now = context.clock.wall().getTime();
    const box = await store.voicemail.mailbox(number);
    const mailbox = { voicemail: box.enabled, email: box.email, pin: box.pin !== null, messages: await store.voicemail.counts(number) };
    context.out(options.json ? json({ ...extensionJson(extension, contacts, now), mailbox }) : extensionDetails(extension, contacts, now, mailbox));
  });
}

async function runSet(context: Context, number: string, options: ExtensionOptions): Promise<void> {
  const { name, media, srtp, recording } = options;
  const mailbox = mailboxPatch(options);
  const diversion = diversionPatch(options, number);
  if (options.password === undefined && !options.newPassword && [name, media, srtp, recording, mailbox, diversion].every((one) => one === undefined)) {
    throw new OffhookError('command.usage', { problem: 'Nothing to change: name at least one of the options that `offhook extension set --help` lists.' });
  }
  const changesPassword = options.password !== undefined || options.newPassword;
  const { password, shown } = passwordFrom(context, options.password);
  await withStore(context, options, false, async (store, config) => {
    const changed = await store.transaction(async (parts) => {
      const patch: ExtensionPatch = {
        ...(name !== undefined && { name: checkName(name) }),
        ...(media !== undefined && { media }),
        ...(srtp !== undefined && { srtp }),
        ...(recording !== undefined && { recording }),
        ...(diversion && { diversion }),
        ...(changesPassword && { ha1: await ha1For(parts, config, number, password) }),
      };
      await parts.extensions.update(number, patch);
      if (mailbox) await parts.voicemail.set(number, mailbox);
      return existing(parts, number);
    });
    const box = mailbox && (await store.voicemail.mailbox(number));
    if (options.json) context.out(json({ ...extensionJson(changed), ...(box && { voicemail: box.enabled, email: box.email }), ...shown }));
    else context.out(`Extension ${number} was changed.\n${options.newPassword ? passwordLine(shown) : ''}`);
  });
}

async function runRemove(context: Context, number: string, options: ExtensionOptions): Promise<void> {
  await withStore(context, options, false, async (store, config) => {
    if (!(await store.extensions.remove(number))) throw new OffhookError('store.not-found', { number });
    // what people said to somebody who is gone is nobody's business any more
    await rm(voicemailFolder(config.data, number), { recursive: true, force: true });
    context.out(options.json ? json({ number, removed: true }) : `Extension ${number} was removed.\n`);
  });
}

async function withStore(context: Context, options: ExtensionOptions, create: boolean, work: (store: Store, config: Config) => Promise<void>): Promise<void> {
  const config = configFor(options, context);
  const store = await openStore({ dataDir: config.data, create, clock: context.clock });
  try {
    await work(store, config);
  } finally {
    await store.close();
  }
}

async function existing(parts: Pick<Store, 'extensions'>, number: string): Promise<Extension> {
  const extension = await parts.extensions.get(number);
  if (!extension) throw new OffhookError('store.not-found', { number });
  return extension;
}

/** The password to use, and what of it is shown: one that was made, once; never one that the person typed. */
function passwordFrom(context: Context, given: string | undefined): { password: string; shown: { password?: string } } {
  if (given !== undefined) return { password: checkPassword(given), shown: {} };
  const password = randomPassword(context.random);
  return { password, shown: { password } };
}

function passwordLine(shown: { password?: string }): string {
  return shown.password === undefined ? '' : `Password (shown only now): ${shown.password}\n`;
}

/** An empty name takes it away. Errors: `extension.bad-name`. */
function checkName(name: string | undefined): string | null {
  if (name === undefined || name === '') return null;
  const reason = name.length > 64 ? 'it has more than 64 characters' : /\p{Cc}/u.test(name) ? 'it has a control character' : undefined;
  if (reason) throw new OffhookError('extension.bad-name', { reason });
  return name;
}

/** Undefined: nothing of it is to change. Errors: `mailbox.bad-email`. */
function mailboxPatch({ voicemail, email }: ExtensionOptions): MailboxPatch | undefined {
  if (voicemail === undefined && email === undefined) return undefined;
  if (email !== undefined && email !== '' && !/^[^\s@<>",;:]{1,64}@[^\s@<>",;:]{1,255}$/.test(email)) throw new OffhookError('mailbox.bad-email', { email });
  return { ...(voicemail !== undefined && { enabled: voicemail === 'on' }), ...(email !== undefined && { email: email === '' ? null : email }) };
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
