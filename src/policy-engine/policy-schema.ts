import { approvalBounds } from './approval.js';
import { operators, type Operator } from './document.js';

type Schema = Readonly<Record<string, unknown>> | boolean;

type Members = Exclude<Schema, boolean>;

const storable = '^[^\\u0000\\p{Cs}]*$';

const text = (least: number, most: number): Members => ({
  type: 'string',
  minLength: least,
  maxLength: most,
  pattern: storable,
});
const list = (most: number, items: Schema, least = 0): Schema => ({
  type: 'array',
  ...(least > 0 ? { minItems: least } : {}),
  maxItems: most,
  items,
});
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Members => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});
const at = (name: string): Members => ({ $ref: `#/$defs/${name}` });

const key = '\\.[^.[\\]*\\u0000\\p{Cs}]+';
const steps = (place: string): string => `(${key})((${key})|\\[(${place})\\])*`;
const fact =
  `(args|identity\\.attributes)${steps('0|[1-9][0-9]{0,5}|\\*')}|identity\\.name|identity\\.kind|request\\.ip|` +
  'time\\.hour|time\\.weekday';
const path = (accepted: string): Schema => ({ ...text(1, 256), pattern: `^(${accepted})$` });

const scalar: Schema = { anyOf: [text(0, 1000), { type: 'number' }, { type: 'boolean' }] };
const seconds: Schema = { type: 'integer', minimum: 1, maximum: 31_622_400 };
const most: Schema = { type: 'number', minimum: 0 };

/** What each operator takes as its value. */
const values: Readonly<Record<Operator, Schema>> = {
  eq: scalar,
  neq: scalar,
  in: list(1000, scalar, 1),
  not_in: list(1000, scalar, 1),
  lt: { anyOf: [text(0, 1000), { type: 'number' }] },
  lte: { anyOf: [text(0, 1000), { type: 'number' }] },
  gt: { anyOf: [text(0, 1000), { type: 'number' }] },
  gte: { anyOf: [text(0, 1000), { type: 'number' }] },
  contains: text(0, 1000),
  not_contains: text(0, 1000),
  starts_with: text(0, 1000),
  ends_with: text(0, 1000),
  matches: text(0, 500),
  exists: { type: 'boolean' },
  length_lte: { type: 'integer', minimum: 0 },
  length_gte: { type: 'integer', minimum: 0 },
  cidr: { anyOf: [text(1, 49), list(1000, text(1, 49), 1)] },
};

function condition(paths: string, more: Readonly<Record<string, Schema>> = {}): Schema {
  return {
    ...object({ path: at(paths), op: { enum: operators }, value: true, ...more }, ['path', 'op', 'value']),
    anyOf: operators.map((op) => ({ properties: { op: { const: op }, value: values[op] } })),
  };
}

function rules(paths: string, single: string): Schema {
  const several = object({ conditions: list(32, at(`${single}_condition`)), on_deny: at('reason') }, ['conditions']);
  return list(64, { anyOf: [several, condition(paths, { on_deny: at('reason') })] });
}

const limit = object(
  {
    counter: { type: 'string', pattern: '^(?!rate_limit:)[A-Za-z0-9_.:-]{1,64}$' },
    window: { anyOf: [{ enum: ['second', 'minute', 'hour', 'day', 'month'] }, seconds] },
    max: most,
    scope: { enum: ['grant', 'session', 'server', 'identity', 'organization'] },
    increment_from: { ...text(1, 256), pattern: `^args${steps('0|[1-9][0-9]{0,5}')}$` },
    on_deny: at('reason'),
  },
  ['counter', 'window', 'max'],
);

/**
 * JSON Schema, draft 2020-12, of the policy document that this release accepts. It knows the structure: `parsePolicy`
 * has the last word, and also reads regular expressions and address ranges. A document that `parsePolicy` accepts
 * always validates.
 */
export const policySchema: Members = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Toolgate policy, version 1',
  ...object(
    {
      version: { const: '1' },
      default: { description: 'Tools, resources and prompts without an entry', enum: ['allow', 'deny'] },
      mode: { enum: ['enforce', 'monitor'], default: 'enforce' },
      hide: list(10_000, at('name')),
      tools: { type: 'object', maxProperties: 10_000, propertyNames: at('name'), additionalProperties: at('entry') },
      resources: {
        description: 'By URI',
        type: 'object',
        maxProperties: 10_000,
        propertyNames: text(1, 2048),
        additionalProperties: at('entry'),
      },
      prompts: { type: 'object', maxProperties: 10_000, propertyNames: at('name'), additionalProperties: at('entry') },
      check_arguments: { type: 'boolean', default: false },
      pin_tools: {
        description: 'Refuse tools whose definition changed since, until a member accepts it',
        type: 'boolean',
        default: true,
      },
      approval: { description: 'For every entry that requires approval', ...at('approval') },
      all_tools: object({ require: at('require'), deny_if: at('deny_if'), limits: at('limits') }),
    },
    ['version', 'default'],
  ),
  $defs: {
    name: { ...text(1, 256), anyOf: [{ maxLength: 128 }, { pattern: '\\*' }] },
    reason: text(1, 1000),
    approval: object(
      Object.fromEntries(
        Object.entries(approvalBounds).map(([name, { least, most: largest, usual }]) => [
          name,
          { type: 'integer', minimum: least, maximum: largest, default: usual },
        ]),
      ),
    ),
    entry: object({
      action: { enum: ['allow', 'deny', 'require_approval'], default: 'allow' },
      approval: { description: "Goes before the document's, key by key", ...at('approval') },
      reason: { description: 'Shown to the agent when this entry refuses', ...at('reason') },
      require: at('require'),
      deny_if: at('deny_if'),
      limits: at('limits'),
      rate_limit: object({ max: most, window: seconds }, ['max', 'window']),
    }),
    require: rules('trusted_path', 'require'),
    deny_if: rules('path', 'deny_if'),
    require_condition: condition('trusted_path'),
    deny_if_condition: condition('path'),
    trusted_path: path(fact),
    path: path(`${fact}|client\\.name`),
    limits: list(64, limit),
  },
};
