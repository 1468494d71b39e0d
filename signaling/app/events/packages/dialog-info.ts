/**
 * The event package `dialog` (RFC 4235): lamps. Extensions may be watched by those of their own tenant, unless they are unlisted; so may whatever else
 * can be dialled: groups, queues, rooms, the slots where calls are parked.
 *
 * Always the full state: what a watcher missed does no harm. A dialog that has just ended is in it as terminated; phones differ in whether they notice that
 * one is missing.
 */
import type { Extension } from '../../../store/store';
import { beside, shown, tenantOf } from '../../../tenants';
import type { LampDialog, LampSource } from '../../lamps';
import type { EventPackage } from '../package';
import { escaped } from '../xml';

export const DIALOG = 'dialog';
export const DIALOG_TYPE = 'application/dialog-info+xml';

export interface DialogInfoDeps {
  sources: readonly Pick<LampSource, 'dialogs'>[];
  directory: { find(number: string): Promise<Pick<Extension, 'settings'> | undefined> };
  /** Whether the number is somebody's or something's for that extension. */
  leadsSomewhere(number: string, extension: string): Promise<boolean>;
}

export const dialogInfo = ({ sources, directory, leadsSomewhere }: DialogInfoDeps): EventPackage => ({
  event: DIALOG,
  contentType: DIALOG_TYPE,

  async admit(watcher, dialled) {
    const missing = { status: 404, reason: 'There Is No Such Number' };
    if (dialled === undefined || !(await directory.find(watcher))) return missing;
    const resource = beside(watcher, dialled);
    const extension = await directory.find(resource);
    if (!extension) return (await leadsSomewhere(dialled, watcher)) ? { resource } : missing;
    return extension.settings?.watchable === false && resource !== watcher ? { status: 403, reason: 'This Extension Is Not to Be Watched' } : { resource };
  },

  async document(number, host) {
    return document(number, sources.flatMap((source) => source.dialogs(number)), host);
  },
});

/** RFC 4235 §4. */
export function document(number: string, dialogs: readonly LampDialog[], host = 'localhost'): (version: number) => string {
  const uri = (id: string): string => escaped(`sip:${shown(id)}@${tenantOf(id) || host}`);
  const head = '<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="';
  const rest = `" state="full" entity="${uri(number)}">\r\n${dialogs.map((dialog) => element(dialog, uri)).join('')}</dialog-info>\r\n`;
  return (version) => `${head}${version}${rest}`;
}

function element({ id, state, direction, callId, localTag, remoteTag, local, remote }: LampDialog, uri: (id: string) => string): string {
  const names = `id="${id}" call-id="${callId}" local-tag="${localTag}" remote-tag="${remoteTag}" direction="${direction}"`;
  const rendering = local.holding ? '<param pname="+sip.rendering" pvalue="no"/>' : '';
  return [
    `<dialog ${names}>`,
    `<state>${state}</state>`,
    `<local>${identity(local, uri)}<target uri="${uri(local.number)}"${rendering ? `>${rendering}</target>` : '/>'}</local>`,
    ...(remote ? [`<remote>${identity(remote, uri)}<target uri="${uri(remote.number)}"/></remote>`] : []),
    '</dialog>',
    '',
  ].join('\r\n');
}

const identity = ({ number, name }: { number: string; name: string | null }, uri: (id: string) => string): string =>
  `<identity${name === null ? '' : ` display="${escaped(name)}"`}>${uri(number)}</identity>`;
