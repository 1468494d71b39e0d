/** Which kinds there are: the one list. */
import type { AnyKind } from './kind';

export const kinds = [] as const satisfies readonly AnyKind[];
