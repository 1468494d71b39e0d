/**
 * `authenticate|<secret>|<tag>,<tag>…` → `OK|<hostports>|<version>|<local hostports>`, or `NO|incorrect secret` and the connection is
 * closed. The version is the one of the real server whose behaviour this engine follows: drachtio-srf sends pings from v0.8.2 on.
 */
import type { Command } from './command';

export const serverVersion = 'v0.9.10-offhook';

export const authenticate: Command = {
  verb: 'authenticate',
  beforeAuthentication: true,
  run(context, connection, frame) {
    // A secret may hold the separator; the tags, behind the last one, cannot.
    const secret = frame.args.length > 1 ? frame.args.slice(0, -1).join('|') : (frame.args[0] ?? '');
    const tags = frame.args.length > 1 ? frame.args[frame.args.length - 1]! : '';
    if (!context.secretMatches(secret)) {
      connection.reject(frame.id, 'incorrect secret', 'wrongSecret');
      return;
    }
    connection.authenticated(readTags(tags));
    const { announced, local } = context.hostports();
    connection.reply(frame.id, `OK|${announced}|${serverVersion}|${local}`);
    connection.greeted();
  },
};

/** PROTOCOL 18: at most twenty, of at most 32 characters; others are as if they had not been said. */
function readTags(text: string): string[] {
  return [...new Set(text.split(','))].filter((tag) => /^[\w\-+@:]{1,32}$/.test(tag)).slice(0, 20);
}
