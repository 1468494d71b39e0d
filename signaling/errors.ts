/**
 * Every error a person or a phone is told about: code, sentence, what it is answered as, whether trying again can help.
 *
 * One table, so that a sentence is written once and can be looked up by its code. `{name}` in a sentence is filled from the error's
 * fields, and the compiler asks for exactly the fields that the sentence names. Nobody sees a stack: `describe` turns anything thrown
 * into one sentence.
 */

interface Row {
  /** What is wrong and what to do about it. */
  sentence: string;
  /** Exit code of the command that met it: 1 could not do it (default), 2 wrong usage or a bad setting. */
  exit?: 1 | 2;
  /** SIP status where a phone's request is answered with it (RFC 3261 §21). */
  sip?: number;
  /** Status where a request to the HTTP API is answered with it (RFC 9110 §15); 500 when absent. */
  http?: number;
  /** True when the same request may succeed a moment later. */
  retryable?: boolean;
}

const table = {
  'config.bad-value': { sentence: '{setting} is {value} (from {source}), but must be {allowed}.', exit: 2 },
  'config.unknown-setting': { sentence: 'There is no setting {setting} (from {source}). {hint}', exit: 2 },
  'config.conflict': { sentence: '{problem}', exit: 2 },
  'config.unreadable-file': { sentence: 'The configuration file {file} cannot be read: {reason}.', exit: 2 },
  'config.bad-file': { sentence: 'The configuration file {file} is not YAML or JSON that Offhook understands: {reason}.', exit: 2 },

  'start.bad-setting': { sentence: '{setting}: {reason}', exit: 2 },

  'store.missing': { sentence: 'There is no Offhook data in {folder}. Start the server once, add an extension, or name the folder with --data.' },
  'store.unwritable': { sentence: 'data: the data folder {folder} cannot be used: {reason}. Make it writable, or name another one with --data.', exit: 2 },
  'store.not-a-database': { sentence: '{file} is not an Offhook database. Move it away, or name another data folder with --data.', exit: 2 },
  'store.corrupt': { sentence: 'The database {file} is damaged ({reason}). Restore it from a backup, or move it away to start afresh.', exit: 2 },
  'store.newer': { sentence: 'The data in {folder} was made by a newer Offhook (it knows “{migration}”). Update Offhook, or name another data folder with --data.', exit: 2 },
  'store.busy': { sentence: 'The database {file} is locked by another process. Try again.', sip: 503, retryable: true, http: 503 },
  'store.full': { sentence: 'The database {file} cannot grow: the disk is full or the file too large.', sip: 503, retryable: true, http: 507 },
  'store.failed': { sentence: 'The database {file} failed: {reason}.', sip: 500 },
  'store.closed': { sentence: 'The store is closed.', sip: 503, http: 503 },
  'store.exists': { sentence: 'Extension {number} exists already.', http: 409 },
  'store.not-found': { sentence: 'There is no extension {number}.', sip: 404, http: 404 },
  'store.room-exists': { sentence: 'Room {number} exists already.', http: 409 },
  'store.room-not-found': { sentence: 'There is no room {number}.', sip: 404, http: 404 },
  'store.token-exists': { sentence: 'There is a token {name} already. Choose another name, or remove it with “offhook token remove {name}”.', http: 409 },
  'store.token-not-found': { sentence: 'There is no token {name}. “offhook token list” shows those that there are.', http: 404 },
  'store.realm-changed': {
    sentence:
      'sip.realm is “{realm}”, but the passwords in {folder} were made for the realm “{stored}” and would no longer be accepted. ' +
      'Set sip.realm to “{stored}”, or remove the extensions, start with the new realm and add them again.',
    exit: 2,
  },

  'extension.bad-number': { sentence: '“{number}” cannot be an extension: {reason}.', exit: 2, http: 422 },
  'extension.bad-password': { sentence: 'This password cannot be used: {reason}.', exit: 2, http: 422 },
  'extension.bad-target': { sentence: 'Calls cannot be forwarded to “{target}”: {reason}.', exit: 2, http: 422 },
  'extension.bad-name': { sentence: 'This name cannot be used: {reason}.', exit: 2, http: 422 },

  'call.not-found': { sentence: 'There is no call {id}, or not any more.', http: 404 },
  'call.no-phone': { sentence: '{number} has no phone registered.', http: 409 },
  'call.no-number': { sentence: 'There is no number {number}.', http: 404 },
  'call.not-taken': { sentence: 'The call cannot be made: {reason}.', http: 503, retryable: true },
  'call.not-moved': { sentence: 'The phone stays where it was: {reason}.', http: 409 },
  'call.no-prompt': { sentence: 'There is no prompt “{prompt}”.', http: 404 },
  'call.not-so': { sentence: 'This cannot be done with the call: {reason}.', http: 409 },

  'number.bad': { sentence: '“{number}” cannot be dialled: {reason}.', exit: 2, http: 422 },
  'settings.bad': { sentence: '{what} cannot be so: {problems}.', exit: 2, http: 422 },
  'settings.changed': { sentence: '{what} is not as you saw it any more: somebody else has changed it. Look again, and repeat your change.', http: 412 },
  'settings.exists': { sentence: 'There is {what} already.', http: 409 },
  'settings.in-use': { sentence: '{what} cannot be removed: {who} names it. Change that first.', http: 409 },
  'apply.unreadable': { sentence: 'The file {file} cannot be read: {reason}.', exit: 2 },
  'apply.refused': { sentence: '{file} cannot be applied, and nothing was changed:{problems}' },
  'apply.changed': { sentence: 'Somebody else has changed what {file} is about while you looked at it, and nothing was changed. Apply it again.' },
  'settings.not-found': { sentence: 'There is no {kind} {key}.', http: 404 },

  'room.bad-number': { sentence: '“{number}” cannot be a conference room: {reason}.', exit: 2, http: 422 },
  'room.bad-pin': { sentence: 'This PIN cannot be used: {reason}.', exit: 2, http: 422 },
  'room.bad-settings': { sentence: '{problem}', exit: 2, http: 422 },
  'room.party-line': { sentence: 'The party line, {number}, is always there and cannot be removed; “offhook room set {number} --pin PIN” keeps people out.', exit: 2, http: 409 },

  'room.no-member': { sentence: 'There is no {member} in room {number}.', http: 404 },
  'room.always-hears': { sentence: '{member} is a client of the simple packet format, which always hears.', http: 409 },
  'queue.not-open': { sentence: 'Queue {queue} has no agent {agent}: there is no such extension, or the queue is not open to it.', http: 409 },
  'queue.no-agent': { sentence: '{agent} is not logged in.', http: 404 },
  'message.not-found': { sentence: 'There is no message {id}, or not any more.', http: 404 },
  'contact.not-found': { sentence: '{number} is not registered there ({id}).', http: 404 },

  'token.bad-name': { sentence: '“{name}” cannot be the name of a token: it must be 1 to 64 letters, digits, spaces, dots, - and _, a letter or digit first.', exit: 2, http: 422 },

  'mailbox.bad-pin': { sentence: 'This PIN cannot be used: it must be 4 to 10 digits.', exit: 2, http: 422 },
  'mailbox.bad-email': { sentence: '“{email}” is not an e-mail address.', exit: 2, http: 422 },
  'mailbox.no-message': { sentence: 'There is no message {id} in the mailbox of {number}.', http: 404 },
  'mailbox.running': { sentence: 'Message {id} of {number} is still being spoken.', http: 409 },
  'mailbox.bad-file': { sentence: '{file} cannot be written: {reason}.' },

  'webhook.off': { sentence: 'Nothing is sent to the webhook {name}: it {why}. Change it first.', http: 409 },
  'webhook.test-failed': { sentence: 'The webhook {name} did not take the event: {problem}.' },
  'events.bad-count': { sentence: '--count is {count}, but must be a number from 1 on.', exit: 2 },
  'webhook.no-letter': { sentence: 'The webhook {name} has no dead letter {event}.', http: 404 },
  'events.bad-question': { sentence: '“type” takes names of events with commas between them, “since” the id of one.', http: 400 },
  'events.too-many': { sentence: 'No more than {most} programs listen to events at once. Try again later.', http: 503, retryable: true },
  'record.not-found': { sentence: 'There is no record of a call {id}. “offhook records list” shows those that there are.', http: 404 },
  'record.not-exported': { sentence: 'The records cannot be written to {file}: {reason}.' },
  'prompt.bad': { sentence: '{problem}', exit: 2, http: 422 },
  'prompt.not-found': { sentence: 'There is no sound {name}. “offhook prompt list” shows those that there are.', http: 404 },

  'recording.not-found': { sentence: 'There is no recording {id}. “offhook recording list” shows those that there are.', http: 404 },
  'recording.running': { sentence: 'Recording {id} is not over yet. Its call has to end first; after a crash of the server, its next start ends it.', http: 409 },
  'recording.not-exported': { sentence: 'Recording {id} cannot be copied to {file}: {reason}.' },
  'recording.not-removed': { sentence: 'Recording {id} cannot be removed: {reason}.' },

  'server.not-running': { sentence: 'No server runs on the data folder {folder}. Start one with “offhook serve”, or name the folder of one that runs with --data.', exit: 2 },
  'server.running': { sentence: 'A server runs on the data folder {folder} already. Stop it, or name another folder with --data.', exit: 2 },
  'server.starting': { sentence: 'The server is only starting. Try again.', http: 503, retryable: true },
  'server.not-ready': { sentence: 'Calls cannot be made just now: {reason}.', http: 503, retryable: true },
  'server.unreachable': { sentence: 'The server on the data folder {folder} cannot be asked: {reason}.' },
  'server.refused': { sentence: '{problem}' },

  'api.no-route': { sentence: 'There is nothing at {method} {path}; GET /api/v1/openapi.json tells what there is.', http: 404 },
  'api.bad-request': { sentence: '{problem}', http: 400 },
  'api.bad-body': { sentence: '{problem}', http: 422 },
  'api.no-file': { sentence: 'Its file is gone.', http: 404 },
  'api.bad-range': { sentence: 'It has {size} bytes: the part that was asked for is not among them.', http: 416 },
  'api.unauthorized': { sentence: 'This takes a token (“offhook token add NAME”), shown as “Authorization: Bearer TOKEN”.', http: 401 },
  'api.bad-token': { sentence: 'This token is not known, or not any more.', http: 401 },
  'api.too-many-failures': { sentence: 'Too many tokens from this address were wrong. Try again in {seconds} seconds.', http: 429, retryable: true },
  'api.forbidden': { sentence: '{who} may not ask this: it takes the scope “{scope}”.', http: 403 },
  'api.fault': { sentence: 'Something went wrong inside the server; its log says what.', http: 500 },

  'engine.elsewhere': { sentence: 'This server runs on a drachtio-server, and has no SIP engine of its own that could be asked.', http: 409 },
  'engine.no-messages': { sentence: 'No message of {calls} is remembered. “offhook ladder” lists the calls that are.', http: 404 },

  'command.usage': { sentence: '{problem}', exit: 2 },
  'command.no-bench': { sentence: 'The benchmarks are not part of this installation: {file} is missing.' },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof table;
export type StoreErrorCode = Extract<ErrorCode, `store.${string}`>;

type NamesIn<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
/** What must be given with an error of this code: one value for every `{name}` in its sentence. */
export type ErrorFields<C extends ErrorCode> = Record<NamesIn<(typeof table)[C]['sentence']>, string | number>;

export class OffhookError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'OffhookError';
  readonly exitCode: 1 | 2;
  /** SIP status to answer a phone with; undefined for errors that never reach one. */
  readonly sipStatus: number | undefined;
  readonly httpStatus: number;
  readonly retryable: boolean;

  constructor(
    readonly code: C,
    readonly fields: ErrorFields<C>,
    options?: ErrorOptions,
  ) {
    const row: Row = table[code];
    super(fill(row.sentence, fields), options);
    this.exitCode = row.exit ?? 1;
    this.sipStatus = row.sip;
    this.httpStatus = row.http ?? 500;
    this.retryable = row.retryable ?? false;
  }
}

/** Whether `error` is ours, and of this code when one is given. */
export function isOffhookError<C extends ErrorCode>(error: unknown, code?: C): error is OffhookError<C> {
  return error instanceof OffhookError && (code === undefined || error.code === code);
}

/** Anything thrown as one sentence for a person; never a stack. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `Unexpected: ${String(error)}`;
  if (error instanceof OffhookError) return error.message;
  return `Unexpected ${error.name}: ${error.message.split('\n')[0] ?? ''}`;
}

/** All codes with their rows, for documentation and its test. */
export function errorTable(): ReadonlyArray<Readonly<Row> & { code: ErrorCode }> {
  return Object.entries(table).map(([code, row]) => ({ code: code as ErrorCode, ...row }));
}

function fill(sentence: string, fields: Record<string, string | number>): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(fields[name]));
}
