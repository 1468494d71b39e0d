/** The description of the API as a page for people: made here, of nothing that comes from elsewhere, and without a script. */
import { createHash } from 'node:crypto';

interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  examples?: unknown[];
  additionalProperties?: Schema | boolean;
}
interface Content {
  content?: Record<string, { schema?: Schema }>;
  description?: string;
}
interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: Array<{ name: string; in: string; required?: boolean; schema?: Schema; description?: string }>;
  requestBody?: Content;
  responses?: Record<string, Content>;
}
export interface OpenApi {
  info: { title: string; description?: string };
  paths?: Record<string, Record<string, Operation>>;
}

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}
summary{cursor:pointer;padding:.3rem 0}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f4f4f4;padding:.6rem;overflow:auto}
b{display:inline-block;width:4.5rem}
table{border-collapse:collapse;margin:.5rem 0}
td{padding:.15rem 1rem .15rem 0;vertical-align:top}
details>div{margin:0 0 1rem 1.5rem}
nav a{margin-right:1rem}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}a{color:#8bf}}
`;

export const docsHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'`,
};

export function docsPage({ info, paths = {} }: OpenApi): string {
  const byTag = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags?.[0] ?? 'more';
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationText(method, path, operation)]);
    }
  }
  const tags = [...byTag].sort(([a], [b]) => (a < b ? -1 : 1));
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${safe(info.title)} API</title><style>${STYLE}</style></head><body>
<h1>${safe(info.title)} API</h1><p>${safe(info.description ?? '')}</p>
<p>Programs show a token (<code>offhook token add NAME --scope read|write|admin</code>) as <code>Authorization: Bearer TOKEN</code>. For programs the same is at <a href="openapi.json">openapi.json</a>.</p>
<nav>${tags.map(([tag]) => `<a href="#${anchor(tag)}">${safe(tag)}</a>`).join('\n')}</nav>
${tags.map(([tag, texts]) => `<h2 id="${anchor(tag)}">${safe(tag)}</h2>\n${texts.join('\n')}`).join('\n')}
</body></html>
`;
}

function operationText(method: string, path: string, { summary = '', description, parameters = [], requestBody, responses = {} }: Operation): string {
  const body = firstSchema(requestBody);
  const parts = [
    description === undefined ? '' : `<p>${safe(description)}</p>`,
    parameters.length === 0 ? '' : `<table>${parameters.map(({ name, in: where, required, schema = {}, description: about }) => row(name, `${typeText(schema)} in the ${where}${required ? '' : ', may be left out'}`, about ?? schema.description)).join('')}</table>`,
    body ? `<p>Body:</p>${fieldsText(body)}${exampleText(body)}` : '',
    ...Object.entries(responses).map(([status, response]) => answerText(status, response)),
  ];
  return `<details><summary><b>${method.toUpperCase()}</b> <code>${safe(path)}</code> — ${safe(summary)}</summary><div>${parts.join('')}</div></details>`;
}

function answerText(status: string, response: Content): string {
  if (status === 'default') return '';
  const schema = firstSchema(response);
  return `<p>${safe(status)}${schema?.description === undefined ? '' : `: ${safe(schema.description)}`}</p>${schema ? fieldsText(schema) : ''}`;
}

const firstSchema = ({ content = {} }: Content = {}): Schema | undefined => Object.values(content)[0]?.schema;

/** Objects within objects are opened up: `diversion.always`, `calls[].id`. */
function fieldsText(schema: Schema): string {
  const rows = fieldRows(schema, '', 0);
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

const DEEPEST = 4;

function fieldRows(schema: Schema, prefix: string, depth: number): string[] {
  if (depth > DEEPEST) return [];
  const inner = [schema, ...(schema.anyOf ?? schema.oneOf ?? [])];
  return inner.flatMap(({ properties = {}, required = [], items }) => [
    ...Object.entries(properties).flatMap(([name, field]) => [
      row(`${prefix}${name}`, `${typeText(field)}${field.default === undefined ? (required.includes(name) ? '' : ', may be left out') : `, default ${JSON.stringify(field.default)}`}`, field.description),
      ...fieldRows(field, `${prefix}${name}.`, depth + 1),
    ]),
    ...(items ? fieldRows(items, `${prefix.replace(/\.$/, '')}[].`, depth + 1) : []),
  ]);
}

function typeText({ type, enum: values, const: value, anyOf, oneOf, items, minimum, maximum, additionalProperties }: Schema): string {
  if (value !== undefined) return JSON.stringify(value);
  if (values) return values.map((one) => JSON.stringify(one)).join(' or ');
  const choices = anyOf ?? oneOf;
  if (choices) return [...new Set(choices.map(typeText))].join(' or ');
  if (items) return `list of ${typeText(items)}`;
  if (typeof additionalProperties === 'object') return `map of ${typeText(additionalProperties)}`;
  const bounded = (bound: number | undefined): bound is number => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const range = bounded(minimum) && bounded(maximum) ? ` ${minimum} to ${maximum}` : bounded(minimum) ? ` from ${minimum}` : bounded(maximum) ? ` up to ${maximum}` : '';
  return `${Array.isArray(type) ? type.join(' or ') : (type ?? 'anything')}${range}`;
}

const exampleText = ({ examples: [example] = [] }: Schema): string => (example === undefined ? '' : `<pre>${safe(JSON.stringify(example, null, 2))}</pre>`);

const row = (name: string, type: string, about = ''): string => `<tr><td><code>${safe(name)}</code></td><td>${safe(type)}</td><td>${safe(about)}</td></tr>`;

const anchor = (tag: string): string => safe(tag.replaceAll(' ', '-'));

const safe = (text: string): string => text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? character);
