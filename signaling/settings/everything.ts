/** Everything that is set through the door: what has tables of its own, and the catalogue. Loads zod. */
import { anyKinds } from './catalogue';
import type { AnyKind } from './kind';
import { extension } from './tables/extension';
import { mailbox } from './tables/mailbox';
import { room } from './tables/room';

const tables = [extension, mailbox, room] as unknown as readonly AnyKind[];

/** Those that others name come first. */
export const everything: readonly AnyKind[] = [...anyKinds.filter(({ name }) => name === 'tenant'), ...tables, ...anyKinds.filter(({ name }) => name !== 'tenant')];
