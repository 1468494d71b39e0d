/** What a verb of the control protocol is: a name and what to do. Each verb is a file here; `table.ts` is the list of them. */
import type { Core } from '../../core/core';
import type { Connection } from '../connection';
import type { Frame } from '../frame';
import type { Routes } from '../routes';

export interface CommandContext {
  core: Core;
  routes: Routes;
  /** Compares with the secret in constant time. */
  secretMatches(secret: string): boolean;
  /** `proto/host:port,…`: as announced to the world, and as bound. */
  hostports(): { announced: string; local: string };
  /** The time of day, for the envelope of what is told. */
  wall(): Date;
  limits: { maxRoutesPerConnection: number };
}

export interface Command {
  verb: string;
  /** Served to a connection that has not shown the secret. */
  beforeAuthentication?: true;
  run(context: CommandContext, connection: Connection, frame: Frame): void;
}
