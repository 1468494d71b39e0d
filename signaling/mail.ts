/** Sending e-mail: the one door to nodemailer, which is loaded when there is a mail server to talk to. */

export interface SmtpSettings {
  host: string;
  port: number;
  /** STARTTLS or TLS from the start, both with a certificate that is checked; or in clear. */
  secure: 'starttls' | 'tls' | 'none';
  user: string | null;
  password: string | null;
  from: string;
}

export interface Mail {
  to: string;
  subject: string;
  text: string;
  attachment?: { name: string; path: string; type: string } | undefined;
}

export interface Mailer {
  /** Resolves when the server has taken it. Errors: `MailError`. */
  send(mail: Mail): Promise<void>;
  close(): void;
}

export class MailError extends Error {
  override readonly name = 'MailError';
  constructor(
    message: string,
    /** Whether trying again cannot help: the server refused this message or its address for good (5xx, RFC 5321 §4.2.1). */
    readonly final: boolean,
  ) {
    super(message);
  }
}

interface Transport {
  sendMail(mail: object): Promise<unknown>;
  close(): void;
}

const TIMEOUT_MS = 30_000;

export function createMailer({ host, port, secure, user, password, from }: SmtpSettings): Mailer {
  const { createTransport } = require('nodemailer') as { createTransport(options: object): Transport };
  const transport = createTransport({
    host,
    port,
    secure: secure === 'tls',
    requireTLS: secure === 'starttls',
    ignoreTLS: secure === 'none',
    ...(user !== null && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: 2 * TIMEOUT_MS,
    // what is attached is a file of ours, never an address that somebody wrote
    disableUrlAccess: true,
  });
  return {
    async send({ to, subject, text, attachment }) {
      const attachments = attachment ? [{ filename: attachment.name, path: attachment.path, contentType: attachment.type }] : [];
      try {
        // as objects: a name or an address in it is no list of further ones
        await transport.sendMail({ from: { name: 'Voicemail', address: from }, to: { name: '', address: to }, subject, text, attachments, headers: { 'Auto-Submitted': 'auto-generated' } });
      } catch (err) {
        const { responseCode = 0, code, message } = err as { responseCode?: number; code?: string; message: string };
        // a password that is refused is the system's trouble, not the message's
        throw new MailError(message.split('\n')[0] ?? '', responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE'));
      }
    },
    close: () => transport.close(),
  };
}
