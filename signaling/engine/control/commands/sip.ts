/**
 * `sip|<transactionId>|<dialogId>[|<routeUrl>]` with a SIP message: the command that does all the work. Which of the core's doors it
 * goes through is decided by what the message is and which ids it carries:
 *
 *     response                         answers the received request with that transaction id
 *     CANCEL with a transaction id     cancels the INVITE that was sent under it
 *     request with a dialog id         is sent in that dialog (ACK and PRACK too)
 *     request without ids              is sent out of dialog, to routeUrl or its Request-URI
 */
import { parseAppMessage } from '../../core/app-message';
import { idToken } from '../frame';
import type { Command } from './command';

export const sip: Command = {
  verb: 'sip',
  run(context, connection, frame) {
    const message = frame.sip === undefined ? undefined : parseAppMessage(frame.sip);
    if (!message) {
      connection.reply(frame.id, `NOK|invalid request-uri: ${firstLine(frame.sip)}`);
      return;
    }
    const transactionId = idToken(frame.args[0]);
    const dialogId = idToken(frame.args[1]);
    const routeUrl = idToken(frame.args[2]);
    const reply = connection.echo(frame.id);
    if (message.kind === 'response') {
      if (transactionId === '') connection.reject(frame.id, 'transaction id missing', 'malformed');
      else context.core.respond(connection, transactionId, message, reply);
    } else if (transactionId !== '' && message.method === 'CANCEL') {
      context.core.cancel(connection, transactionId, message, reply);
    } else if (dialogId !== '') {
      context.core.requestInDialog(connection, dialogId, message, routeUrl, reply);
    } else if (transactionId !== '') {
      connection.reply(frame.id, `NOK|a transaction id goes with a response or a CANCEL, not with ${message.method}`);
    } else {
      context.core.request(connection, message, routeUrl, reply);
    }
  },
};

function firstLine(text: string | undefined): string {
  return (text ?? '').split(/[\r\n]/, 1)[0]!.slice(0, 200);
}
