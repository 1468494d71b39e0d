/** What the core counts; every path that is not the straight one has its number. */
export const coreCounters = [
  /** Requests handed to an application. */
  'delivered',
  /** Requests sent for an application. */
  'sent',
  /** Refused with 503 because no application registered for the method. */
  'noApplication',
  /** Refused with 503 because of a limit. */
  'overload',
  /** Answered 481: no such dialog. */
  'unknownDialogs',
  /** Answered 482: the same request by another path (RFC 3261 §8.2.2.2). */
  'merged',
  /** CSeq lower than one seen, answered 500 (RFC 3261 §12.2.2). */
  'oldSequences',
  /** Answered 491 or 500 because another INVITE or UPDATE is open. */
  'glares',
  /** Answered 500 because the application said nothing. */
  'unansweredByApplication',
  /** Answered 503 because the application went away. */
  'applicationLost',
  /** Dialogs whose application went away and is waited for; that were handed to it when it was back; that ended because it was not. */
  'orphanedDialogs',
  'returnedDialogs',
  'orphansEnded',
  /** Requests cancelled by the far end. */
  'cancelled',
  /** Further branches of forked INVITEs, ended with BYE. */
  'forkedAnswers',
  /** 2xx sent again because no ACK had come. */
  'answersRepeated',
  /** 2xx that were never acknowledged. */
  'ackTimeouts',
  /** 2xx that we received and no application acknowledged. */
  'unacknowledgedByApplication',
  /** ACKs sent again for a repeated 2xx. */
  'acksRepeated',
  /** BYEs the engine sent by itself. */
  'unsolicitedByes',
  /** Session timers that ran out. */
  'sessionsExpired',
  /** Refreshes sent (RFC 4028 §7.4). */
  'refreshesSent',
  /** Intervals refused with 422. */
  'intervalsTooSmall',
  /** Reliable provisionals sent again (RFC 3262 §3). */
  'reliableRepeated',
  /** Reliable provisionals nobody acknowledged. */
  'prackTimeouts',
  /** Responses made by the engine: 408, 410, 503. */
  'madeResponses',
  /** Responses and ACKs that belong to nothing. */
  'strays',
  /** Requests proxied for an application. */
  'proxied',
  /** Requests and ACKs sent on within record-routed calls. */
  'relayed',
  /** Redirects whose Contacts were tried. */
  'redirectsFollowed',
  /** Targets given up by timer C. */
  'timerC',
  /** Not proxied: 483, no hops left. */
  'tooManyHops',
  /** Not proxied: 482, proxied before (RFC 5393). */
  'loops',
  /** Not proxied: 440, more branches than Max-Breadth allows (RFC 5393 §5). */
  'tooBroad',
  /** Not proxied: 420, Proxy-Require. */
  'badExtensions',
  /** Answered 403: a Route with a flow token that was not made here (RFC 5626 §5.3). */
  'forgedTokens',
  /** Commands answered with NOK. */
  'refusedCommands',
] as const;

export type CoreCounter = (typeof coreCounters)[number];
