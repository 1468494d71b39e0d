/** What a status says, for people: what is wrong and, where something can be done, what. */

const sentences: Readonly<Record<number, string>> = {
  400: 'the far end did not understand the call',
  401: 'the password was not accepted: check the user name and the password',
  402: 'the call has to be paid for',
  403: 'the server does not allow this call',
  404: 'there is nobody at this number',
  405: 'the far end does not do this',
  407: 'the password was not accepted: check the user name and the password',
  408: 'nobody answered: the far end could not be reached in time',
  410: 'this number is not in use any more',
  413: 'what was sent is too long',
  415: 'the far end cannot show this kind of content',
  416: 'the far end does not understand this kind of address',
  420: 'the far end lacks something that the call needs',
  423: 'the server wants a longer time of registration',
  429: 'the far end wants to know who asks for the transfer',
  433: 'anonymous calls are not taken here',
  480: 'nobody can be reached there just now',
  481: 'the far end does not know of this call any more',
  482: 'the call went round in a circle',
  483: 'the call went through too many servers',
  484: 'the number is not complete',
  485: 'the number could be several people',
  486: 'the line is busy',
  487: 'the call was given up before it was answered',
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
  603: 'the call was declined',
  604: 'there is nobody at this number, anywhere',
  606: 'the far end does not take this kind of call',
};

/** A sentence for a final status; `reason`: the phrase of the response, for what has none. */
export function sentenceFor(status: number, reason = ''): string {
  const own = sentences[status];
  if (own !== undefined) return own;
  const kind = status >= 600 ? 'the call was refused everywhere' : status >= 500 ? 'the server has a fault' : status >= 400 ? 'the call was refused' : status >= 300 ? 'the call is to go elsewhere, and there was no way there' : 'unexpected answer';
  return `${kind} (${status}${reason ? ` ${reason}` : ''})`;
}
