import { createHash } from 'node:crypto';
import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = Readonly<{
  $ref?: string;
  type?: string | readonly string[];
  format?: string;
  enum?: readonly unknown[];
  description?: string;
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  allOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  nullable?: boolean;
  additionalProperties?: unknown;
}>;
type Content = Readonly<Record<string, Readonly<{ schema?: Schema }>>>;
type Parameter = Readonly<{ name: string; in: string; required?: boolean; description?: string; schema?: Schema }>;
type Operation = Readonly<{
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: readonly string[];
  parameters?: readonly Parameter[];
  requestBody?: Readonly<{ content: Content }>;
  responses: Readonly<Record<string, Readonly<{ description?: string; content?: Content }>>>;
  'x-allowed'?: readonly string[];
}>;
type Route = Readonly<{ method: string; path: string; operation: Operation }>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const text = (value: unknown): string =>
  String(value ?? '').replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

const STYLE = `
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,summary{font-family:ui-monospace,monospace;font-size:14px}summary{cursor:pointer;padding:.3rem 0}
summary b{display:inline-block;width:4.5rem}
details{border-bottom:1px solid #8884}details>div{padding:0 0 1rem 4.5rem}
table{border-collapse:collapse;width:100%}
td{border-top:1px solid #8883;padding:.2rem .5rem .2rem 0;vertical-align:top}
nav a{margin-right:.8rem}`;

/** Scripts, frames, forms and anything from elsewhere are refused; the one style is named by its hash. */
export const DOCS_CSP =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const several = (schemas: readonly Schema[] | undefined, between: string): string | undefined =>
  schemas?.map(typeOf).join(between);

/** A schema in a few words; a named one is a link to where it is described. */
const typeOf = (schema: Schema | undefined): string => {
  if (!schema) return 'any';
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined) return `<a href="#schema-${text(name)}">${text(name)}</a>`;
  const combined = several(schema.allOf, ' and ') ?? several(schema.oneOf ?? schema.anyOf, ' or ');
  const plain = schema.enum
    ? schema.enum.map((value) => `<code>${text(JSON.stringify(value))}</code>`).join(' ')
    : schema.items
      ? `list of ${typeOf(schema.items)}`
      : text([schema.type ?? 'any', schema.format ?? ''].flat().join(' ').trim());
  return `${combined ?? plain}${schema.nullable === true ? ' or null' : ''}`;
};

const row = (name: string, required: boolean, schema: Schema | undefined, description: string | undefined): string =>
  `<tr><td><code>${text(name)}</code>${required ? '' : ' (optional)'}</td><td>${typeOf(schema)}</td>` +
  `<td>${text(description ?? schema?.description)}</td></tr>`;

const table = (title: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `<h4>${title}</h4><table>${rows.join('')}</table>`;

const bodies = (content: Content | undefined): string =>
  Object.entries(content ?? {})
    .map(([type, { schema }]) => `<code>${text(type)}</code> ${typeOf(schema)}`)
    .join(', ');

const operationHtml = ({ method, path, operation }: Route): string => {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const allowed = (operation['x-allowed'] ?? []).join(', ');
  return `<details id="${text(operationId)}"><summary><b>${method.toUpperCase()}</b>${text(path)}</summary><div>
<p>${text(summary)} ${text(description)}</p>${allowed === '' ? '' : `<p>Who: ${text(allowed)}</p>`}
${table(
  'Parameters',
  parameters.map(({ name, in: where, required, description: about, schema }) =>
    row(`${name} (${where})`, required === true, schema, about),
  ),
)}
${requestBody ? `<h4>Body</h4><p>${bodies(requestBody.content)}</p>` : ''}
${table(
  'Answers',
  Object.entries(responses).map(
    ([status, answer]) =>
      `<tr><td>${text(status)}</td><td>${bodies(answer.content)}</td><td>${text(answer.description)}</td></tr>`,
  ),
)}</div></details>`;
};

const schemaHtml = ([name, schema]: readonly [string, Schema]): string => {
  const rows = Object.entries(schema.properties ?? {}).map(([member, of]) =>
    row(member, schema.required?.includes(member) === true, of, undefined),
  );
  return (
    `<section id="schema-${text(name)}"><h3>${text(name)}</h3><p>${text(schema.description)}</p>` +
    (rows.length > 0 ? `<table>${rows.join('')}</table>` : `<p>${typeOf(schema)}</p>`) +
    '</section>'
  );
};

const routesOf = (document: OpenAPIObject): readonly Route[] =>
  Object.entries(document.paths).flatMap(([path, item]) => {
    const operations = item as unknown as Readonly<Record<string, Operation | undefined>>;
    return METHODS.flatMap((method) => (operations[method] ? [{ method, path, operation: operations[method] }] : []));
  });

/**
 * A page to read an OpenAPI document: HTML and one style, without scripts and without anything to load, so that it
 * looks the same over plain http, under any name and without a network. All text is escaped. Serve it with `DOCS_CSP`.
 */
export const docsPage = (document: OpenAPIObject): string => {
  const routes = routesOf(document);
  const tags = [...new Set(routes.map(({ operation }) => operation.tags?.[0] ?? 'other'))];
  const schemas = Object.entries((document.components?.schemas ?? {}) as Readonly<Record<string, Schema>>);
  const title = text(document.info.title);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${title} API</title><style>${STYLE}</style></head><body>
<h1>${title} API</h1><p>${text(document.info.description)}
The same as data: <a href="/openapi.json">openapi.json</a>, <a href="/openapi.yaml">openapi.yaml</a>.</p>
<nav>${tags.map((tag) => `<a href="#tag-${text(tag)}">${text(tag)}</a>`).join('')}<a href="#schemas">schemas</a></nav>
${tags
  .map(
    (tag) =>
      `<h2 id="tag-${text(tag)}">${text(tag)}</h2>${routes
        .filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
        .map(operationHtml)
        .join('')}`,
  )
  .join('')}
<h2 id="schemas">schemas</h2>${schemas.map(schemaHtml).join('')}</body></html>`;
};
