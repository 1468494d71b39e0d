/** Headers that ask a phone to answer by itself. */

/** RFC 5373, and what desk phones and softphones understood before: each takes one of them and leaves the others alone. */
export const autoAnswer = (host: string): Record<string, string> => ({
  'Answer-Mode': 'Auto',
  'Call-Info': `<sip:${host}>;answer-after=0`,
  'Alert-Info': `<http://${host}>;info=alert-autoanswer;delay=0`,
});
