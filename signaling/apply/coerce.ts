/**
 * What a person wrote as what the schema expects: `number: 0700` is the text 0700 where a text is expected, and `on` is no truth. What fits nothing
 * is left as YAML has it, for the schema to refuse.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { fieldOf, itemOf, typesOf, type JsonSchema } from '../settings/json-schema';

/** Of a file that is made to be large (aliases of aliases). */
const MOST_NODES = 1_000_000;

export class Coercion {
  private nodes = 0;

  constructor(
    private readonly document: Document,
    private readonly root: JsonSchema,
  ) {}

  /** Errors: RangeError when there is more than any file has. */
  value(node: unknown, allowed: readonly JsonSchema[]): unknown {
    if (++this.nodes > MOST_NODES) throw new RangeError('it has more than a million values');
    const found = isAlias(node) ? node.resolve(this.document) : node;
    if (isMap(found)) return Object.fromEntries(found.items.map(({ key, value }) => [nameOf(key), this.value(value, fieldOf(allowed, nameOf(key), this.root))]));
    if (isSeq(found)) return found.items.map((item) => this.value(item, itemOf(allowed, this.root)));
    return isScalar(found) ? scalar(found, typesOf(allowed)) : null;
  }
}

export function nameOf(key: unknown): string {
  return isScalar(key) ? (key.source ?? String(key.value)) : String(key);
}

function scalar({ type, source, value }: Scalar, types: ReadonlySet<string>): unknown {
  if (type !== 'PLAIN' || source === undefined) return value;
  if (/^(null|Null|NULL|~)?$/.test(source)) return null;
  // true: what is there stays, of a secret
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && (types.has('integer') || types.has('number'))) return value;
  return types.has('string') ? source : value;
}

export const isNode = (node: unknown): node is Node => isMap(node) || isSeq(node) || isScalar(node) || isAlias(node);
