/**
 * The event package `presence` (RFC 3856): what an extension's phones publish, put together with what is known of it without being told.
 *
 *   published by a phone ─ a tuple each, its activities, the last note ──┐
 *   nothing published ──── a phone is registered: open, none: closed ────┼─▶ one document
 *   in a call ──────────── on-the-phone                                  │
 *   do not disturb ─────── busy ─────────────────────────────────────────┘
 */
import type { Extension } from '../../../store/store';
import { beside } from '../../../tenants';
import type { LampSource } from '../../lamps';
import type { EventPackage } from '../package';
import { PIDF_TYPE, writePidf, type Tuple } from './presence/pidf';
import type { Publications } from './presence/publications';

export const PRESENCE = 'presence';

export interface PresenceDeps {
  publications: Pick<Publications, 'of'>;
  lamps: Pick<LampSource, 'dialogs'>;
  locations: { lookup(extension: string): readonly unknown[] };
  directory: { find(number: string): Promise<Pick<Extension, 'settings' | 'diversion'> | undefined> };
}

export const presence = ({ publications, lamps, locations, directory }: PresenceDeps): EventPackage => ({
  event: PRESENCE,
  contentType: PIDF_TYPE,

  async admit(watcher, dialled) {
    const resource = beside(watcher, dialled ?? '');
    const extension = await directory.find(resource);
    if (!extension || !(await directory.find(watcher))) return { status: 404, reason: 'There Is No Such Number' };
    return extension.settings?.watchable === false && resource !== watcher ? { status: 403, reason: 'This Extension Is Not to Be Watched' } : { resource };
  },

  async document(number, host = 'localhost') {
    const undisturbed = (await directory.find(number))?.diversion?.doNotDisturb === true;
    const published = publications.of(number);
    const talks = lamps.dialogs(number).some(({ state, direction }) => state === 'confirmed' || (direction === 'initiator' && state !== 'terminated'));
    const tuples: readonly Tuple[] = published.length > 0 ? published : [{ id: 'phones', open: locations.lookup(number).length > 0 }];
    const activities = new Set(published.flatMap((one) => one.activities));
    if (talks) activities.add('on-the-phone');
    if (undisturbed) activities.add('busy');
    const said = published.map(({ note }) => note).filter((note) => note !== undefined).at(-1);
    const note = said ?? (undisturbed ? 'Do not disturb' : talks ? 'On the phone' : undefined);
    const text = writePidf(number, host, tuples, [...activities], note);
    return () => text;
  },
});
