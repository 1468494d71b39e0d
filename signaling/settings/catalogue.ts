/** Which kinds there are: the one list. Those that others refer to come first: files are written in this order. */
import type { AnyKind } from './kind';
import { group } from './kinds/group';
import { hours } from './kinds/hours';
import { menu } from './kinds/menu';
import { paging } from './kinds/paging';
import { queue } from './kinds/queue';
import { tenant } from './kinds/tenant';
import { inbound, route, trunk } from './kinds/trunk';
import { webhook } from './kinds/webhook';

export const kinds = [tenant, hours, trunk, route, group, queue, menu, paging, inbound, webhook] as const;

/** Whatever the kind. */
export const anyKinds = kinds as unknown as readonly AnyKind[];
