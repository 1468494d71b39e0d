/** What a status says, for people: what is wrong and, where something can be done, what. One sentence each, whole without anything before it. */

/** What was asked for. */
export type Asked = 'call' | 'message' | 'transfer' | 'request';

const sentences: Readonly<Record<number, string>> = {
  // '{it}' is what was asked for.
  400: 'the far end did not understand the {it}',
  401: 'the password was not accepted: check the user name and the password',
  402: 'the {it} has to be paid for',
  403: 'the server does not allow this {it}',
  404: 'there is nobody at this number',
  405: 'the far end does not do this',
  407: 'the password was not accepted: check the user name and the password',
  408: 'nobody answered: the far end could not be reached in time',
  410: 'this number is not in use any more',
  413: 'what was sent is too long',
  415: 'the far end cannot show this kind of content',
  416: 'the far end does not understand this kind of address',
  420: 'the far end lacks something that the {it} needs',
  423: 'the server wants a longer time of registration',
  429: 'the far end wants to know who asks for the transfer',
  433: 'anonymous calls are not taken here',
  480: 'nobody can be reached there just now',
  481: 'the far end does not know of this call any more',
  482: 'the {it} went round in a circle',
  483: 'the {it} went through too many servers',
  484: 'the number is not complete',
  485: 'the number could be several people',
  486: 'the line is busy',
  487: 'the {it} was given up before it was answered',
  488: 'the two phones have no way to speak in common (codecs, encryption)',
  489: 'the server does not offer this kind of notice',
  491: 'both sides changed the call at the same time: try again',
  500: 'the server has a fault',
  501: 'the server cannot do this',
  502: 'the way to the far end is broken',
  503: 'the service is not available just now: try again later',
  504: 'a server on the way did not answer in time',
  505: 'the far end speaks another version of SIP',
  513: 'what was sent is too long',
  600: 'the line is busy, everywhere',
  603: 'the {it} was declined',
  604: 'there is nobody at this number, anywhere',
  606: 'the far end does not take this kind of {it}',
};

/** A sentence for a final status; `reason`: the phrase of the response, for what has none. */
export function sentenceFor(status: number, reason = '', it: Asked = 'call'): string {
  const own = sentences[status];
  if (own !== undefined) return own.replace('{it}', it);
  const kind = status >= 600 ? `the ${it} was refused everywhere` : status >= 500 ? 'the server has a fault' : status >= 400 ? `the ${it} was refused` : status >= 300 ? `the ${it} is to go elsewhere, and there was no way there` : 'unexpected answer';
  return `${kind} (${status}${reason ? ` ${reason}` : ''})`;
}

/** Why a registration did not come about; `domain`: the registrar's. */
export function registrationSentence(domain: string, status: number, reason = ''): string {
  if (status === 401 || status === 407) return `${domain} did not accept the password: check the user name and the password`;
  if (status === 403) return `${domain} does not let this account in: check the user name, the password and the domain`;
  if (status === 404 || status === 604) return `${domain} does not know this account: check the user name and the domain`;
  if (status === 408) return `${domain} did not answer in time: check its address, and that it runs`;
  if (status === 503) return `${domain} is not available just now`;
  return `${domain} did not take the registration (${status}${reason ? ` ${reason}` : ''})`;
}
