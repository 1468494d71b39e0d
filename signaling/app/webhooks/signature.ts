/** How whoever is sent an event knows that it is from us, and from now: HMAC-SHA-256 (RFC 2104) of `TIMESTAMP.BODY`. */
import { createHmac } from 'node:crypto';

/** `v1=HEX,v1=HEX`: one of each secret. @param timestamp Unix seconds */
export function signatureOf(secrets: readonly string[], timestamp: number, body: string): string {
  return secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`).join(',');
}
