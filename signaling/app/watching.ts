/**
 * What phones watch (RFC 6665): lamps from the calls, presence from lamps, contacts and what phones publish, message waiting from the
 * mailboxes. Phones that were told a mailbox without asking (RFC 3842 §4.1) included.
 */
import type { Reach } from '../../media/reach';
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { Store } from '../store/store';
import type { Calls } from './calls';
import type { Directory } from './directory';
import { Notifier, type WatcherSrf } from './events/notifier';
import { DIALOG, dialogInfo } from './events/packages/dialog-info';
import { MESSAGE_SUMMARY, messageSummary } from './events/packages/message-summary';
import { PRESENCE, presence } from './events/packages/presence';
import { Publications } from './events/packages/presence/publications';
import { Lamps } from './lamps';
import type { Locations } from './locations';
import { MailboxCounts } from './mailbox-counts';
import type { Mailboxes } from './mailboxes';
import { MessageWaiting, type NoticeSrf } from './message-waiting';

export interface WatchingDeps {
  srf: WatcherSrf & NoticeSrf;
  store: Pick<Store, 'voicemail'>;
  calls: Calls;
  locations: Locations;
  directory: Directory;
  mailboxes: Mailboxes;
  reach: Reach;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class Watching {
  readonly notifier: Notifier;
  readonly publications: Publications;
  private readonly waiting: MessageWaiting;

  constructor({ srf, store, calls, locations, directory, mailboxes, reach, clock, random, log }: WatchingDeps) {
    const counts = new MailboxCounts(store.voicemail);
    const countsOf = (number: string) => counts.of(number);
    const lamps = new Lamps(clock);
    this.publications = new Publications({ clock, random, changed: (number) => this.presenceChanged(number) });
    this.notifier = new Notifier({
      srf, clock,
      packages: [
        messageSummary({ counts: countsOf, directory }),
        dialogInfo({ sources: [lamps], directory, leadsSomewhere: (number, extension) => calls.leadsSomewhere(number, extension) }),
        presence({ publications: this.publications, lamps, locations, directory }),
      ],
      log: log.child({ part: 'events' }),
    });
    const { notifier } = this;
    this.waiting = new MessageWaiting({
      srf, locations, reach, clock,
      counts: countsOf,
      isSubscribed: (number, contact) => notifier.isWatchedBy(MESSAGE_SUMMARY, number, contact),
      log: log.child({ part: 'message waiting' }),
    });
    calls.on('changed', ({ id, parties }) => lamps.see(id, parties));
    lamps.onChanged((number) => {
      notifier.changed(DIALOG, number);
      notifier.changed(PRESENCE, number);
    });
    locations.onEvent(({ type, binding }) => {
      if (type !== 'refreshed') this.presenceChanged(binding.extension);
    });
    mailboxes.onEvent(({ mailbox }) => {
      counts.changed(mailbox);
      notifier.changed(MESSAGE_SUMMARY, mailbox);
      this.waiting.update(mailbox);
    });
    directory.onChanged(() => {
      counts.forget();
      notifier.recheck();
      this.waiting.updateAll();
    });
  }

  presenceChanged(number: string): void {
    this.notifier.changed(PRESENCE, number);
  }

  /** The engine is gone, and the subscriptions with it. */
  lost(): void {
    this.notifier.lost();
  }

  async close(): Promise<void> {
    this.waiting.close();
    this.publications.close();
    await this.notifier.close();
  }
}
