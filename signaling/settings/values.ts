/** What items are, by the name of their kind; nothing of this is there at run time, so that whoever reads settings need not load what checks them. */
import type { z } from 'zod';
import type { kinds } from './catalogue';

type Kinds = (typeof kinds)[number];

export type KindName = Kinds['name'];
export type ValueOf<N extends KindName> = z.output<Extract<Kinds, { name: N }>['schema']>;
