import type { OpenAPIObject } from '@nestjs/swagger';

type Schema = Readonly<{
  $ref?: string;
  type?: string;
  format?: string;
  enum?: readonly unknown[];
  allOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  nullable?: boolean;
  example?: unknown;
  default?: unknown;
  minLength?: number;
  minimum?: number;
  items?: Schema;
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
}>;
type Media = { schema?: Schema; example?: unknown; examples?: unknown };
type Content = Readonly<Record<string, Media>> | undefined;
type Operation = {
  operationId?: string;
  summary?: string;
  description?: string;
  'x-allowed'?: readonly string[];
  requestBody?: Readonly<{ content: Content }>;
  responses: Readonly<Record<string, Readonly<{ content?: Content }>>>;
};

const VERBS: Readonly<Record<string, string>> = { get: 'Show', list: 'List', update: 'Change' };
const ABBREVIATIONS: Readonly<Record<string, string>> = { api: 'API' };

/** What an operation does, in the words of its id: `listApiKeys` is "List API keys". */
export const summaryOf = (operationId: string): string => {
  const [verb = '', ...words] = operationId.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
  const noun = words.map((word) => ABBREVIATIONS[word] ?? word).join(' ');
  const article = verb === 'list' || noun === '' || noun.endsWith('s') ? '' : /^[aeioA]/.test(noun) ? 'an ' : 'a ';
  return `${VERBS[verb] ?? verb.charAt(0).toUpperCase() + verb.slice(1)} ${article}${noun}`.trim();
};

const ROLES: Readonly<Record<string, string>> = { anyone: 'anyone, without a credential', member: 'every role' };

const rolesOf = (allowed: readonly string[]): string => `For ${allowed.map((who) => ROLES[who] ?? who).join(', ')}.`;

const MAX_DEPTH = 16;

const textOf = ({ format, minLength = 0 }: Schema): string => {
  if (format === 'email') return 'ada@example.com';
  if (format === 'date-time') return '2026-11-22T10:00:00.000Z';
  if (format === 'uri') return 'https://example.com/';
  if (format === 'password') return 'correct horse battery';
  return 'text'.padEnd(minLength, ' text');
};

/** A value of a type, where no example is given. */
const simplestOf = (document: OpenAPIObject, schema: Schema, depth: number): unknown => {
  switch (schema.type) {
    case 'string':
      return textOf(schema);
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return false;
    case 'array':
      return schema.items && depth < MAX_DEPTH ? [exampleOf(document, schema.items, depth + 1)] : [];
    default:
      return Object.fromEntries(
        membersOf(schema).map(([name, member]) => [
          name,
          depth < MAX_DEPTH ? exampleOf(document, member, depth + 1) : {},
        ]),
      );
  }
};

/** A value of a schema: its own example, or the simplest one. */
const exampleOf = (document: OpenAPIObject, schema: Schema, depth = 0): unknown => {
  const part = schema.$ref?.split('/').at(-1);
  const [only] = schema.allOf ?? schema.oneOf ?? [];
  if (part !== undefined) return exampleOf(document, (document.components?.schemas?.[part] ?? {}) as Schema, depth + 1);
  if (schema.example !== undefined) return schema.example;
  if (only) return exampleOf(document, only, depth + 1);
  return schema.enum ? schema.enum[0] : simplestOf(document, schema, depth);
};

/** The members of an object, also those that are wanted and not described. */
const membersOf = ({ properties = {}, required = [] }: Schema): readonly (readonly [string, Schema])[] => [
  ...Object.entries(properties),
  ...required.filter((name) => !Object.hasOwn(properties, name)).map((name) => [name, { type: 'string' }] as const),
];

const addExample = (document: OpenAPIObject, content: Content): void => {
  const media = content?.['application/json'];
  if (media?.schema && media.example === undefined && media.examples === undefined)
    media.example = exampleOf(document, media.schema);
};

/** Gives each operation that lacks them a summary, the roles that may call it, and an example of each JSON body. */
export const addDetails = (document: OpenAPIObject): OpenAPIObject => {
  for (const path of Object.values(document.paths))
    for (const one of Object.values(path as Readonly<Record<string, Operation>>)) {
      one.summary ||= summaryOf(one.operationId ?? '');
      one.description = [one.description, rolesOf(one['x-allowed'] ?? [])].filter(Boolean).join('\n\n');
      addExample(document, one.requestBody?.content);
      for (const { content } of Object.values(one.responses)) addExample(document, content);
    }
  return document;
};
