/** The verbs of the control protocol. Adding one is adding a file and a line here. */
import { authenticate } from './authenticate';
import type { Command } from './command';
import { ping } from './ping';
import { proxy } from './proxy';
import { removeRoute, route } from './route';
import { sip } from './sip';

export const commands: ReadonlyMap<string, Command> = new Map(
  [authenticate, route, removeRoute, ping, sip, proxy].map((command) => [command.verb, command]),
);
