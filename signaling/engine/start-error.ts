/** What kept an engine from starting, and which setting it is about. */
import { CertificateError } from './transport/certificates';

export type StartSetting = 'sip.listen' | 'sip.tlsCertificates' | 'sip.tlsKeys' | 'sip.tlsAuthorities' | 'sip.dnsServers' | 'engine.control' | 'capture.address' | 'limits' | 'overload';

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

const certificateSettings = { certificates: 'sip.tlsCertificates', key: 'sip.tlsKeys', authorities: 'sip.tlsAuthorities' } as const;

/** `setting` is what the error is about unless it says so itself. */
export function startError(setting: StartSetting, error: unknown, prefix?: string): EngineStartError {
  const { message, code } = error as { message: string; code?: unknown };
  const about = error instanceof CertificateError ? certificateSettings[error.about] : setting;
  return new EngineStartError(about, prefix === undefined ? message : `${prefix}: ${message}`, typeof code === 'string' ? code : undefined);
}
