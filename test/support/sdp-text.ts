/** Session descriptions for scripted parties: enough of RFC 4566 for one audio stream, written and read as text. */
export interface SdpOptions {
  port: number;
  address?: string;
  /** Payload types in order; 0 (PCMU), 8 (PCMA) and telephone-event 101 by default */
  codecs?: Array<0 | 8 | 9 | 18 | 97 | 101>;
  direction?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** Version in the o= line: goes up with every new description of a session (RFC 3264 §8). */
  version?: number;
  /** Name in the o= line */
  origin?: string;
}

const RTPMAP = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000', 18: 'G729/8000', 97: 'iLBC/8000', 101: 'telephone-event/8000' };

/** For `{{sdp}}` in a scenario. */
export function sdp({ port, address = '127.0.0.1', codecs = [0, 8, 101], direction = 'sendrecv', version = 1, origin = 'sipp' }: SdpOptions): string {
  const where = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
  const lines = ['v=0', `o=${origin} 4711 ${version} ${where}`, 's=-', `c=${where}`, 't=0 0', `m=audio ${port} RTP/AVP ${codecs.join(' ')}`];
  for (const codec of codecs) lines.push(`a=rtpmap:${codec} ${RTPMAP[codec]}`);
  if (codecs.includes(101)) lines.push('a=fmtp:101 0-15');
  lines.push('a=ptime:20', `a=${direction}`);
  return lines.join('\n');
}

/** Where the sender of this message wants audio. @throws Error when it has no audio stream */
export function audioTarget(message: string): { address: string; port: number } {
  const port = /^m=audio (\d+) /m.exec(message)?.[1];
  const address = /^c=IN IP[46] (\S+)/m.exec(message)?.[1];
  if (port === undefined || address === undefined) throw new Error(`no audio stream in:\n${message}`);
  return { address, port: Number(port) };
}
