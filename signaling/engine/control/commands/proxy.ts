/**
 * `proxy|<transactionId>|…`: stateful proxying is not part of this engine yet. It says so in words, so that a program which
 * calls `req.proxy` fails with a reason instead of waiting for ever.
 */
import type { Command } from './command';

export const proxy: Command = {
  verb: 'proxy',
  run(_context, connection, frame) {
    connection.reply(frame.id, 'NOK|this engine does not proxy: use createB2BUA, or run the program on drachtio-server');
  },
};
