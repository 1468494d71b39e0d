/**
 * Which part of the application answers which request.
 *
 *   REGISTER → admission → registrar → locations
 *   INVITE   → from a trunk, or admission → calls ( dial plan → ringing → bridge, or a feature; over locations and the media plane )
 *   SUBSCRIBE → admission → notifier ( event packages: over calls, mailboxes, locations )
 *   PUBLISH  → admission → publications ( what presence is made of )
 *   MESSAGE  → admission → messages ( to the phones of whom it is for, or kept until one comes )
 *   OPTIONS  → answered at once          everything else → 405
 */
import type { Logger } from '../log';
import type { Admission } from './admission';
import type { Calls } from './calls';
import type { SipRequest } from './dialogs';
import type { PublishRequest } from './events/packages/presence/publications';
import type { Messages } from './messages';
import { defaultAbilities, stateless } from './options';
import type { Registrar } from './registrar';
import type { SrfConnection } from './srf';
import type { Trunks } from './trunks/trunks';
import type { Watching } from './watching';

export interface FrontDoorDeps {
  admission: Admission;
  registrar: Registrar;
  trunks: Pick<Trunks, 'recognise'>;
  calls: Calls;
  watching: Watching;
  messages: Messages;
  log: Logger;
}

/** Requests outside dialogs that nobody answers yet; the engine would say 503, which sounds like a passing fault. */
const unsupportedMethods = ['notify', 'info', 'update', 'prack'] as const;

type Srf = SrfConnection['srf'];
type Req = Parameters<Parameters<Srf['invite']>[0]>[0];
type Res = Parameters<Parameters<Srf['invite']>[0]>[1];
type Extension = NonNullable<Awaited<ReturnType<Admission['challengeOrAccept']>>>;

export function openFrontDoor(srf: Srf, { admission, registrar, trunks, calls, watching, messages, log }: FrontDoorDeps): void {
  const on = (method: string, handle: (req: Req, res: Res) => Promise<void> | void): void => {
    (srf as unknown as Record<string, (fn: (req: Req, res: Res) => void) => void>)[method]?.((req, res) => {
      // an exception must not cost more than the request that met it
      Promise.resolve()
        .then(() => handle(req, res))
        .catch((err: unknown) => {
          log.error({ err, method: req.method, callId: req.get('call-id') }, 'a request failed');
          if (!res.finalResponseSent) res.send(500, {});
        });
    });
  };
  /** Once we know who asks. */
  const admitted = (method: string, handle: (req: Req, res: Res, extension: Extension) => Promise<void> | void): void =>
    on(method, async (req, res) => {
      const extension = await admission.challengeOrAccept(req, res, method === 'register' ? 'register' : 'other');
      if (extension) await handle(req, res, extension);
    });

  const fixed = stateless({ ...defaultAbilities, events: watching.notifier.events });
  registrar.says(fixed.headers);
  on('invite', async (req, res) => {
    const inbound = await trunks.recognise(req);
    if (inbound) return calls.onInvite(req, res, inbound.caller, inbound.to ?? null);
    const extension = await admission.challengeOrAccept(req, res, 'other');
    if (extension) await calls.onInvite(req, res, extension);
  });
  admitted('register', (req, res, extension) => registrar.register(req, res, extension));
  admitted('subscribe', (req, res, { number }) => watching.notifier.subscribe(req, res, number));
  admitted('publish', (req, res, { number }) => watching.publications.publish(req as unknown as PublishRequest, res, number));
  admitted('message', (req, res, extension) => messages.onMessage(req as unknown as SipRequest, res, extension));
  // what could be done for it without a call is a way to have our phones ring for others (RFC 3515 §5)
  admitted('refer', (_req, res) => res.send(403, 'Only Calls Can Be Transferred', { headers: {} }));
  on('options', fixed.options);
  for (const method of unsupportedMethods) on(method, fixed.unsupported);
}
