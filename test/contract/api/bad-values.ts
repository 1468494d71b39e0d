/** Values that a JSON schema does not allow, one field wrong in each. */

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  minLength?: number;
  maxItems?: number;
  additionalProperties?: JsonSchema | boolean;
  $ref?: string;
  default?: unknown;
  examples?: unknown[];
}

export interface Bad {
  what: string;
  /** `diversion.ringSeconds` */
  field: string;
  value: unknown;
}

/** Of `good`, which is whole; what has no type is left alone. */
export function badValues(schema: JsonSchema, good: Record<string, unknown>): Bad[] {
  return [...fieldsOf(schema, good, []), { what: 'a field too much', field: 'noSuchField', value: { ...good, noSuchField: 1 } }];
}

function fieldsOf(schema: JsonSchema, good: Record<string, unknown>, path: string[]): Bad[] {
  const all: Bad[] = [];
  for (const name of schema.required ?? []) {
    const { [name]: _left, ...rest } = good;
    all.push({ what: 'left out', field: [...path, name].join('.'), value: rest });
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const at = [...path, name];
    for (const { what, value } of wrong(field)) all.push({ what, field: at.join('.'), value: { ...good, [name]: value } });
    const inner = good[name];
    const [branch] = branches(field).filter(({ properties }) => properties);
    if (branch?.properties && !branches(field).some((one) => one !== branch && one.properties)) {
      const nested = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as Record<string, unknown>) : {};
      all.push(...fieldsOf({ ...branch, required: [] }, nested, at).map((bad) => ({ ...bad, value: { ...good, [name]: bad.value } })));
    }
  }
  return all;
}

const branches = (schema: JsonSchema): JsonSchema[] => [...(schema.anyOf ?? schema.oneOf ?? [])].flatMap(branches).concat(schema.anyOf || schema.oneOf ? [] : [schema]);

/** Values that no branch takes. */
function wrong(schema: JsonSchema): Array<{ what: string; value: unknown }> {
  const all = branches(schema);
  if (all.some(({ type, enum: values, const: value, $ref }) => $ref !== undefined || (type === undefined && values === undefined && value === undefined))) return [];
  const types = new Set(all.flatMap(({ type, enum: values, const: value }) => (type === undefined ? [...(values ?? []), ...(value === undefined ? [] : [value])].map((one) => typeof one) : type)));
  const found: Array<{ what: string; value: unknown }> = [];
  const candidates: Array<[string, unknown]> = [['object', { no: 'such' }], ['string', 'no such thing'], ['number', 4711.5], ['boolean', false], ['array', [[]]], ['null', null]];
  for (const [type, value] of candidates) if (!types.has(type) && !(type === 'number' && types.has('integer'))) found.push({ what: `a ${type}`, value });
  // of numbers that have bounds, those beyond; only where nothing else could take them
  const numbers = all.filter(({ type }) => type === 'integer' || type === 'number');
  if (numbers.length === 1) {
    const { minimum, maximum, type } = numbers[0] as JsonSchema;
    if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) found.push({ what: 'too small', value: minimum - 1 });
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) found.push({ what: 'too large', value: maximum + 1 });
    if (type === 'integer') found.push({ what: 'a fraction', value: (minimum ?? 0) + 0.5 });
  }
  const texts = all.filter(({ type }) => type === 'string');
  if (texts.length === 1 && texts.length === all.filter(({ type }) => type !== 'null').length) {
    const { maxLength, enum: values, minLength } = texts[0] as JsonSchema;
    if (values) found.push({ what: 'none of them', value: 'no-such-thing' });
    else {
      if (maxLength !== undefined) found.push({ what: 'too long', value: '9'.repeat(maxLength + 1) });
      if (minLength !== undefined && minLength > 0) found.push({ what: 'too short', value: '' });
    }
  }
  return found;
}
