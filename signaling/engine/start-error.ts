/** What kept an engine from starting, and which setting it is about. */
import { CertificateError } from './transport/certificates';

export type StartSetting = 'sip.listen' | 'sip.tlsCertificates' | 'sip.tlsKeys' | 'sip.tlsAuthorities' | 'sip.dnsServers' | 'engine.control' | 'engine.tlsCertificate' | 'engine.tlsKey' | 'engine.tlsAuthorities' | 'engine.handlerAuthorities' | 'capture.address' | 'limits' | 'overload';

export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  constructor(
    readonly setting: StartSetting,
    message: string,
    /** The system's error code (EADDRINUSE …), when it is one. */
    readonly code?: string,
  ) {
    super(message);
  }
}

const certificateSettings = {
  'sip.listen': { certificates: 'sip.tlsCertificates', key: 'sip.tlsKeys', authorities: 'sip.tlsAuthorities', handlers: 'engine.handlerAuthorities' },
  'engine.control': { certificates: 'engine.tlsCertificate', key: 'engine.tlsKey', authorities: 'engine.tlsAuthorities', handlers: 'engine.handlerAuthorities' },
} as const;

/** `setting` is what the error is about unless it says so itself. */
export function startError(setting: keyof typeof certificateSettings, error: unknown, prefix?: string): EngineStartError {
  const { message, code } = error as { message: string; code?: unknown };
  if (error instanceof CertificateError) return new EngineStartError(certificateSettings[setting][error.about], message);
  return new EngineStartError(setting, prefix === undefined ? message : `${prefix}: ${message}`, typeof code === 'string' ? code : undefined);
}
