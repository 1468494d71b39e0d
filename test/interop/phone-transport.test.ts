/** Our transport under a bare sip.js user agent, against Kamailio: registers, calls, is called, hangs up, over UDP and TCP. */
import { randomInt } from 'node:crypto';
import { channelOpener } from '../../client/node/channel/open';
import { makeAuthentication } from '../../client/sip/digest';
import type { Protocol } from '../../client/sip/channel';
import { systemClock } from '../../client/clock';
import { loadSip } from '../../client/sip/sip-js';
import { PLACEHOLDER_HOST, SipTransport, type TransportOptions } from '../../client/sip/transport';
import { bareAgent, type BareAgent } from '../support/bare-agent';
import { Kamailio } from '../support/kamailio';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const chance = (): number => randomInt(2 ** 32) / 2 ** 32;

async function agent(stage: Stage, kamailio: Kamailio, protocol: Protocol, user: string): Promise<BareAgent> {
  const sip = await loadSip();
  const options: TransportOptions = { target: { protocol, host: '127.0.0.1', port: kamailio.port }, open: channelOpener(), clock: systemClock, chance };
  const made = bareAgent(sip, { user, domain: kamailio.realm, viaHost: PLACEHOLDER_HOST, transport: SipTransport, options, authentication: makeAuthentication({ authUser: user, password: `pw${user}`, chance }) });
  return stage.own(made);
}

test.each(['UDP', 'TCP'] as const)(
  'registers, calls, talks, hangs up over %s',
  ...staged(async (stage, protocol: 'UDP' | 'TCP') => {
    const kamailio = await Kamailio.start(stage);
    const [one, two] = [await agent(stage, kamailio, protocol, '1001'), await agent(stage, kamailio, protocol, '1002')];
    await one.start();
    await two.start();
    expect(await one.register()).toBe('Registered');
    expect(await two.register()).toBe('Registered');
    const call = one.call(`sip:1002@${kamailio.realm}`);
    await eventually('the call is up at both ends', () => call.state === 'Established' && two.calls[0]?.state === 'Established');
    await call.bye();
    await eventually('the call is over at both ends', () => call.state === 'Terminated' && two.calls[0]?.state === 'Terminated');
    expect(await one.unregister()).toBe('Unregistered');
  }),
);
