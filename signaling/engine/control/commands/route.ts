/**
 * `route|<verb>` and `remove_route|<verb>`: lower-case SIP method, or `cdr:…`. Both are answered `OK`. Unlike the real server, the
 * engine keeps one entry per connection and verb, and removes only the verb named.
 */
import type { Command } from './command';

export const route: Command = {
  verb: 'route',
  run(context, connection, frame) {
    const verb = frame.args[0]?.toLowerCase() ?? '';
    if (!/^[a-z][a-z0-9.:_-]{0,31}$/.test(verb)) {
      connection.reply(frame.id, 'NOK|route needs a SIP method in lower case');
      return;
    }
    if (context.routes.count(connection) >= context.limits.maxRoutesPerConnection) {
      connection.reply(frame.id, 'NOK|too many routes on one connection');
      return;
    }
    context.routes.add(connection, verb);
    connection.reply(frame.id, 'OK');
  },
};

export const removeRoute: Command = {
  verb: 'remove_route',
  run(context, connection, frame) {
    context.routes.remove(connection, frame.args[0]?.toLowerCase() ?? '');
    connection.reply(frame.id, 'OK');
  },
};
