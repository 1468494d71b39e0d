/**
 * Where our engine tells an application something else than drachtio-server v0.9.10 did in the same scenario, and why. Everything else is
 * compared as recorded.
 */
export interface Difference {
  /** Scenarios; absent: all. */
  only?: string[];
  /** A line of ours. */
  ours: RegExp;
  /** What was recorded in its place, as a replacement of what `ours` matched; absent: nothing was. */
  recorded?: string;
  why: string;
  /** It changes which transaction a line belongs to. */
  moves?: true;
}

export const differences: Difference[] = [
  {
    ours: /^(\S+ echo application n )(?:udp|tcp)( peer dialog:\S+ Msg sent: \| \d+ (?!INVITE).*)$/,
    recorded: '$1-$2',
    why: 'the protocol of a response to anything but INVITE was left empty; drachtio-srf only copies it, and ours is the right one',
  },
  {
    ours: /^(\S+ sip network n )(?:udp|tcp)( peer dialog:(?:from|to) \| ACK.*)$/,
    recorded: '$1-$2',
    why: 'so was that of an ACK',
  },
  {
    ours: /^(\S+ echo application .* \| 18\d INVITE to-tag) \+contact(.*)$/,
    recorded: '$1$2',
    why: 'RFC 3261 §12.1.1: a provisional response that makes an early dialog has a Contact, or nobody could send PRACK or UPDATE in it',
  },
  {
    ours: /^(NOTIFY\d+ echo application .* NOTIFY to-tag) \+contact(.*)$/,
    recorded: '$1$2',
    why: 'RFC 6665 §8.2.1: a NOTIFY has a Contact',
  },
  {
    ours: /^(UPDATE\d+ echo application n )udp( .* \| 200 UPDATE to-tag) \+contact$/,
    recorded: '$1-$2',
    why: 'RFC 3311 §5.2: the answer to an UPDATE has a Contact',
  },
  {
    ours: /^(.* \| 200 INVITE .*)\+require (\+session-expires.*)$/,
    recorded: '$1$2',
    why: 'RFC 4028 §9: who has the caller refresh requires it of the caller',
  },
  {
    ours: /^(cdr:attempt application \| INVITE .*)\+max-breadth (.*)$/,
    recorded: '$1$2',
    why: 'RFC 5393 §5.3.3: a proxied request says how far it may fork',
  },
  {
    only: ['20'],
    ours: /^OPTIONS3 echo application 0 tcp - /,
    recorded: 'OPTIONS3 echo application n tcp peer ',
    why: 'a request that no connection could be made for has not been sent to any address; drachtio-server tells that before it has tried',
  },
  {
    only: ['42'],
    ours: /^OPTIONS2 echo application 0 tcp - /,
    recorded: 'OPTIONS2 echo application 0 tcp peer ',
    why: 'the connection is closed, so there is no address that it would have gone to',
  },
  {
    only: ['85'],
    ours: /^CANCEL1 echo application n /,
    recorded: 'CANCEL1 echo application 0 ',
    why: 'the echo has the CANCEL as it will be sent, and its size',
  },
  {
    only: ['30'],
    ours: /^NOTIFY2 echo application n udp peer dialog:to Msg sent: \| 200 NOTIFY to-tag$/,
    recorded: '- response NOK Response not sent due to unknown transaction',
    moves: true,
    why: 'the last NOTIFY was answered 500 before the application could (PROTOCOL 21.7)',
  },
  {
    only: ['53'],
    ours: /^cdr:stop application ack-timeout /,
    why: 'every call that has started ends in the records, too',
  },
  {
    only: ['58'],
    ours: /^INVITE1 sip network n udp peer dialog:- \| CANCEL/,
    why: 'an INVITE that its application never answers is answered for it, and the application told, as of a CANCEL (PROTOCOL 21.6)',
  },
  {
    only: ['62'],
    ours: /^INVITE2 echo application n udp peer dialog:from Msg sent: \| 200 INVITE to-tag \+contact \+content-type body$/,
    recorded: '- response NOK Response not sent due to unknown transaction',
    moves: true,
    why: 'a provisional response to a re-INVITE lost the final one (PROTOCOL 21.7)',
  },
  { only: ['62'], ours: /^ACK1 sip /, why: 'and with it, its ACK' },
  { only: ['63'], ours: /^(?:INVITE2 sip network .* 200 INVITE|ACK2 echo) /, why: 'the same when the far end rings first (PROTOCOL 21.7)' },
  {
    only: ['28'],
    ours: /^UPDATE1 sip (.*)$/,
    recorded: 'INVITE1 sip $1',
    moves: true,
    why: 'an UPDATE in an early dialog has a transaction of its own, so that its answer cannot be taken for that of the INVITE',
  },
  {
    only: ['28'],
    ours: /^UPDATE1 echo application n udp peer dialog:from Msg sent: \| 200 UPDATE to-tag \+contact \+content-type body$/,
    recorded: 'INVITE1 echo application n - peer dialog:- Msg sent: | 200 UPDATE to-tag body',
    moves: true,
    why: 'RFC 3311 §5.2 and RFC 3261 §7.4.1: its answer has a Contact, and its body a type',
  },
  {
    only: ['47'],
    ours: /^REFER1 /,
    why: 'RFC 3515 §2.4.2: a REFER outside a dialog gets a response, so the application that wants it is asked; it was dropped in silence',
  },
  {
    only: ['71'],
    ours: /\+event \+refer-to \+session-expires \+subject \+supported \+x-fold/,
    recorded: '+o +r +subject +supported +x +x-fold',
    why: 'RFC 3261 §7.3.3: compact names mean the same as the long ones, which is what an application asks for',
  },
  {
    only: ['11', '76'],
    ours: /^- echo network 0 udp - continue \| 408 INVITE to-tag$/,
    why: 'a target that gave no answer in its time is reported, as one without an address (the final timeout was never looked at: PROTOCOL 21.7)',
  },
  {
    only: ['73'],
    ours: /^(- response NOK error proxying request to ).+$/,
    recorded: '$1',
    why: 'it says to whom, and why not',
  },
];
