/** `ping` → `OK|pong`. drachtio-srf sends it when asked to and does not look at the answer. */
import type { Command } from './command';

export const ping: Command = {
  verb: 'ping',
  run(_context, connection, frame) {
    connection.reply(frame.id, 'OK|pong');
  },
};
