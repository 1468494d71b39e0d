/** The way that a phone takes: `transport.ts` over the channels of its surroundings, with digests that sip.js cannot do (`digest.ts`). */
import { makeAuthentication } from './digest';
import { hostPortText } from './message-text';
import type { Core } from './sip-js';
import { PLACEHOLDER_HOST, SipTransport, type TransportOptions } from './transport';
import type { MakeWay } from './way';

export const openWay: MakeWay = (_sip, { target, open, clock, chance, trace, connected, disconnected }) => {
  const transports: SipTransport[] = [];
  const transportOptions: TransportOptions = {
    target, open, clock, chance, trace,
    onState: (news) => {
      if (news.event === 'connected') connected({ protocol: news.protocol, local: news.local ? hostPortText(news.local) : null, remote: hostPortText(news.remote) });
      // Asked for: nobody needs to be told.
      else if (news.problem !== null) disconnected({ problem: news.problem, retryMs: news.retryMs, lasting: news.lasting });
    },
  };
  // sip.js constructs its transport itself, and the phone has to reach it.
  class Reached extends SipTransport {
    constructor(logger: unknown, options: TransportOptions) {
      super(logger, options);
      transports.push(this);
    }
  }
  return {
    transportConstructor: Reached as never,
    transportOptions,
    viaHost: PLACEHOLDER_HOST,
    authentication: ({ authUser, password }) => makeAuthentication({ authUser, password, chance }) as unknown as Core.DigestAuthentication,
    replace: () => transports.forEach((transport) => transport.replaceChannel()),
  };
};
