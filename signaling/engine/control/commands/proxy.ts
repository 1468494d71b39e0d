/**
 * `proxy|<transactionId>|remainInDialog|fullResponse|followRedirects|simultaneous or serial|<provisional>|<final>|<destination>|…`, and a
 * SIP message whose headers go into every copy. Each of the words may be empty.
 *
 *     OK|<META6>|||continue + response     a target's final response, with fullResponse
 *     OK|done                              all is over; without fullResponse: a copy is on its way
 *     NOK|<reason>                         nothing was sent to any target
 */
import { parseAppMessage } from '../../core/app-message';
import type { ProxyListener, ProxySpec } from '../../core/proxy/spec';
import { Headers } from '../../wire/headers';
import { messageText } from '../../wire/serialize';
import type { Connection } from '../connection';
import { idToken, refusal, type Frame } from '../frame';
import { meta } from '../meta';
import type { Command, CommandContext } from './command';

export const proxy: Command = {
  verb: 'proxy',
  run(context, connection, frame) {
    const spec = readSpec(frame);
    if (typeof spec === 'string') connection.reply(frame.id, refusal(spec));
    else context.core.proxy(connection, idToken(frame.args[0]), spec, listener(context, connection, frame));
  },
};

/** A string: what is wrong with it. */
function readSpec(frame: Frame): ProxySpec | string {
  const [, remain, , redirects, order, provisional, final, ...destinations] = frame.args;
  const message = frame.sip === undefined ? undefined : parseAppMessage(frame.sip);
  if (frame.sip !== undefined && message?.kind !== 'request') return 'a proxy command carries a request';
  const provisionalTimeoutMs = readTime(provisional);
  const finalTimeoutMs = readTime(final);
  if (provisionalTimeoutMs === null || finalTimeoutMs === null) {
    return `a timeout is a number followed by ms or s, such as 1500ms or 2s: ${provisionalTimeoutMs === null ? provisional : final}`;
  }
  return {
    destinations: destinations.filter((uri) => uri !== ''),
    remain: remain === 'remainInDialog',
    followRedirects: redirects === 'followRedirects',
    simultaneous: order === 'simultaneous',
    provisionalTimeoutMs,
    finalTimeoutMs,
    headers: message?.headers ?? new Headers(),
  };
}

/** Milliseconds; undefined: none was given; null: it cannot be read. A bare number is milliseconds. */
function readTime(token: string | undefined): number | undefined | null {
  const text = idToken(token).trim();
  if (text === '') return undefined;
  const [, number, unit] = /^(\d{1,8})(ms|s)?$/.exec(text) ?? [];
  return number === undefined ? null : Number(number) * (unit === 's' ? 1000 : 1);
}

function listener(context: CommandContext, connection: Connection, { id, args }: Frame): ProxyListener {
  const full = args[2] === 'fullResponse';
  return {
    refused: (reason) => connection.reply(id, refusal(reason)),
    started: () => {
      if (!full) connection.reply(id, 'OK|done');
    },
    response: (response, envelope) => {
      if (!full) return;
      const text = messageText(response);
      connection.reply(id, `OK|${meta(envelope, text, context.wall())}|||continue\r\n${text}`);
    },
    done: () => {
      if (full) connection.reply(id, 'OK|done');
    },
  };
}
