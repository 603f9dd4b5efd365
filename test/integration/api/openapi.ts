import type { Json } from './problem.js';

export type Schema = Readonly<{
  $ref?: string;
  type?: string;
  format?: string;
  enum?: readonly string[];
  oneOf?: readonly Schema[];
  allOf?: readonly Schema[];
  nullable?: boolean;
  minLength?: number;
  minimum?: number;
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  example?: unknown;
}>;
type Parameter = Readonly<{ name: string; in: 'path' | 'query' | 'header'; required: boolean; schema?: Schema }>;
type Content = Readonly<Record<string, Readonly<{ schema?: Schema; example?: unknown; examples?: unknown }>>>;
type Described = Readonly<{
  operationId?: string;
  summary?: string;
  description?: string;
  'x-allowed'?: readonly string[];
  'x-max-body-bytes'?: number;
  parameters?: readonly Parameter[];
  requestBody?: Readonly<{ content: Content }>;
  responses: Readonly<Record<string, Readonly<{ content?: Content }>>>;
}>;
export type OpenApi = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  components: Readonly<{ schemas: Readonly<Record<string, Schema>> }>;
}>;

/** One operation of the document; `name` is `METHOD /path`. */
export type Operation = Readonly<{
  name: string;
  method: string;
  path: string;
  operationId: string | undefined;
  summary: string | undefined;
  description: string | undefined;
  /** What it takes and answers as JSON. */
  json: readonly Content[string][];
  allowed: readonly string[];
  maxBodyBytes: number | undefined;
  parameters: readonly Parameter[];
  body: Schema | undefined;
  responses: Described['responses'];
}>;

export const operationsOf = ({ paths }: OpenApi): readonly Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, described]) => ({
      name: `${verb.toUpperCase()} ${path}`,
      method: verb.toUpperCase(),
      path,
      operationId: described.operationId,
      summary: described.summary,
      description: described.description,
      json: [described.requestBody, ...Object.values(described.responses)].flatMap(
        (one) => one?.content?.['application/json'] ?? [],
      ),
      allowed: described['x-allowed'] ?? [],
      maxBodyBytes: described['x-max-body-bytes'],
      parameters: described.parameters ?? [],
      body: described.requestBody?.content['application/json']?.schema,
      responses: described.responses,
    })),
  );

/** A schema behind references. */
export const resolved = (document: OpenApi, schema: Schema): Schema => {
  if (schema.allOf?.length === 1 && schema.allOf[0])
    return { ...resolved(document, schema.allOf[0]), ...(schema.nullable ? { nullable: true } : {}) };
  const name = schema.$ref?.split('/').at(-1);
  if (name === undefined) return schema;
  const found = document.components.schemas[name];
  if (!found) throw new Error(`the document has no schema ${name}`);
  return resolved(document, found);
};

/** Values for members that a schema alone can't tell, by `operationId.member` or by the member's name. */
export type Values = Readonly<Record<string, unknown>>;

let count = 0;

const ofType = (document: OpenApi, { type, minLength = 1, minimum = 0, items }: Schema): unknown => {
  switch (type) {
    case 'string':
      return 'x'.repeat(Math.max(1, minLength));
    case 'integer':
    case 'number':
      return minimum;
    case 'boolean':
      return true;
    case 'array':
      return items ? [valueOf(document, items)] : [];
    default:
      return {};
  }
};

const valueOf = (document: OpenApi, described: Schema): unknown => {
  const schema = resolved(document, described);
  if (schema.enum) return schema.enum[0];
  if (schema.format === 'email') return `someone-${process.pid}-${(count += 1)}@example.com`;
  if (schema.format === 'date-time') return new Date(Date.now() + 3_600_000).toISOString();
  return schema.example ?? ofType(document, schema);
};

const memberOf = (
  document: OpenApi,
  operation: Operation,
  values: Values,
  [name, schema]: readonly [string, Schema],
): readonly [string, unknown] => {
  const exact = values[`${operation.operationId}.${name}`];
  const own = exact === undefined ? values[name] : exact;
  if (own === undefined && isIdMember(name))
    throw new Error(`${operation.name} takes ${name}: say in the table of values what object that is`);
  return [name, own === undefined ? valueOf(document, schema) : own];
};

/** Whether a member names an object of ours; externalId is the caller's own word. */
export const isIdMember = (name: string): boolean => /Ids?$/.test(name) && name !== 'externalId';

/** Of members that each are optional, the one to send. */
export const oneOf: Readonly<Record<string, readonly string[]>> = {
  createPolicy: ['document'],
  updatePolicy: ['document'],
  validatePolicy: ['document'],
  testPolicy: ['document'],
  updateOrganization: ['disabled'],
  updateServer: ['name'],
  updateTool: ['disabled'],
  updateIdentity: ['name'],
  updateGrant: ['policyId'],
  updateApprovalNotifications: ['webhookUrl'],
  updateNotifications: ['webhook'],
  updateLogStream: ['name'],
};

/** The smallest valid body of an operation, with the members of `more` besides; undefined when it takes none. */
export const bodyOf = (
  document: OpenApi,
  operation: Operation,
  values: Values,
  more: readonly string[] = [],
): Json | undefined => {
  if (!operation.body) return undefined;
  const { properties = {}, required = [] } = resolved(document, operation.body);
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => required.includes(name) || more.includes(name))
      .map((member) => memberOf(document, operation, values, member)),
  );
};

/** The members of an operation's body that name objects. */
export const idMembers = (document: OpenApi, operation: Operation): readonly string[] =>
  operation.body ? Object.keys(resolved(document, operation.body).properties ?? {}).filter(isIdMember) : [];

type At = Readonly<{ document: OpenApi; pointer: string }>;

const inObject = (
  { document, pointer }: At,
  { required = [], properties = {}, additionalProperties }: Schema,
  value: object,
): readonly string[] => {
  const anyMember = additionalProperties === true || Object.keys(properties).length === 0;
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${pointer}/${name}: missing`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const known = properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (known) return mismatches(document, known, member, `${pointer}/${name}`);
    return anyMember ? [] : [`${pointer}/${name}: not in the schema`];
  });
  return [...missing, ...wrong];
};

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);

const inParts = (at: At, schema: Schema, value: unknown): readonly string[] => {
  const { items } = schema;
  if (Array.isArray(value))
    return items ? value.flatMap((item, index) => mismatches(at.document, items, item, `${at.pointer}/${index}`)) : [];
  return typeof value === 'object' && value !== null ? inObject(at, schema, value) : [];
};

/** Where a value is not what a schema says, as `pointer: why`; members that the schema doesn't name count too. */
export const mismatches = (document: OpenApi, described: Schema, value: unknown, pointer = ''): readonly string[] => {
  const schema = resolved(document, described);
  if (value === null) return schema.nullable ? [] : [`${pointer}: null`];
  if (schema.oneOf)
    return schema.oneOf.some((one) => mismatches(document, one, value).length === 0)
      ? []
      : [`${pointer}: none of oneOf`];
  if (schema.enum && !schema.enum.includes(value as string))
    return [`${pointer}: not one of ${schema.enum.join(', ')}`];
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  return wanted === undefined || typeOf(value) === wanted
    ? inParts({ document, pointer }, schema, value)
    : [`${pointer}: ${typeOf(value)} for ${wanted}`];
};
