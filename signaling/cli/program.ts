/**
 * The command line. Exit codes: 0 done, 1 could not do it, 2 wrong usage or a bad setting.
 * What goes wrong is one sentence on stderr, never a stack.
 */
import { Command, CommanderError } from 'commander';
import { describe, isOffhookError } from '../errors';
import { addAlarms } from './alarms';
import { addApply } from './apply';
import { addBench } from './bench';
import { addConfig } from './config-command';
import { type Context, type SetExitCode, systemContext } from './context';
import { addEvents } from './events';
import { addExtensionCommands } from './extension';
import { addRoomCommands } from './room';
import { addPromptCommands } from './prompt';
import { addRecordsCommands } from './records';
import { addRecordingCommands } from './recording';
import { addPhone } from './phone';
import { addLadder } from './ladder';
import { addServe } from './serve';
import { addStats } from './stats';
import { addTokenCommands } from './token';
import { addVoicemailCommands } from './voicemail';

/** Runs `offhook ARGV…` and resolves with its exit code; never rejects. */
export async function main(argv: readonly string[], overrides: Partial<Context> = {}): Promise<number> {
  const context: Context = { ...systemContext, ...overrides };
  let exitCode = 0;
  const program = buildProgram(context, (code) => (exitCode = code));
  // a server has no use for the commands of the kinds, which have their price in memory
  const [first = '--help'] = argv;
  if (first === '--help' || first === '-h' || !(first.startsWith('-') || program.commands.some((command) => command.name() === first))) addKinds(program, context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own sentence; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.err(`offhook: ${describe(error)}\n`);
    return isOffhookError(error) ? error.exitCode : 1;
  }
}

function buildProgram(context: Context, setExitCode: SetExitCode): Command {
  const program = new Command('offhook');
  program
    .description('A phone system: SIP registrar and back-to-back user agent with a media server')
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err, outputError: (text, write) => write(text.replace(/^error: /, 'offhook: ')) })
    .showSuggestionAfterError()
    .helpCommand(false);
  addServe(program, context, setExitCode);
  addPhone(program, context, setExitCode);
  addExtensionCommands(program, context);
  addRoomCommands(program, context);
  addPromptCommands(program, context);
  addRecordingCommands(program, context);
  addRecordsCommands(program, context);
  addVoicemailCommands(program, context);
  addTokenCommands(program, context);
  addStats(program, context);
  addAlarms(program, context, setExitCode);
  addEvents(program, context);
  addLadder(program, context);
  addApply(program, context);
  addConfig(program, context);
  addBench(program, context, setExitCode);
  return program;
}

function addKinds(program: Command, context: Context): void {
  const { addKindCommands } = require('./kind-commands') as typeof import('./kind-commands');
  addKindCommands(program, context);
  const { addTrunkStatus } = require('./trunk-status') as typeof import('./trunk-status');
  addTrunkStatus(program, context);
  const { addWebhookCommands } = require('./webhook') as typeof import('./webhook');
  addWebhookCommands(program, context);
}
