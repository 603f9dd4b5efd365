import { approvalBounds } from './approval.js';
import { operatorNames, operators } from './conditions/operators.js';
import { MAX_NAME_LENGTH } from './facts.js';
import { listSchema, objectSchema, textSchema, type ObjectSchema, type Schema } from './schema-parts.js';
import { scopeNames } from './scopes.js';
import { MAX_WINDOW_SECONDS, windowNames } from './windows.js';

const at = (name: string): ObjectSchema => ({ $ref: `#/$defs/${name}` });

const key = '\\.[^.[\\]*\\u0000\\p{Cs}]+';
const steps = (place: string): string => `(${key})((${key})|\\[(${place})\\])*`;
const fact =
  `(args|identity\\.attributes)${steps('0|[1-9][0-9]{0,5}|\\*')}|identity\\.name|identity\\.kind|request\\.ip|` +
  'time\\.hour|time\\.weekday';
const path = (accepted: string): Schema => ({ ...textSchema(1, 256), pattern: `^(${accepted})$` });

const seconds: Schema = { type: 'integer', minimum: 1, maximum: MAX_WINDOW_SECONDS };
const max: Schema = { type: 'number', minimum: 0 };

function condition(paths: string, more: Readonly<Record<string, Schema>> = {}): Schema {
  return {
    ...objectSchema({ path: at(paths), op: { enum: operatorNames }, value: true, ...more }, ['path', 'op', 'value']),
    anyOf: operatorNames.map((op) => ({ properties: { op: { const: op }, value: operators[op].schema } })),
  };
}

function rules(paths: string, single: string): Schema {
  const several = objectSchema({ conditions: listSchema(32, at(`${single}_condition`)), on_deny: at('reason') }, [
    'conditions',
  ]);
  return listSchema(64, { anyOf: [several, condition(paths, { on_deny: at('reason') })] });
}

const limit = objectSchema(
  {
    counter: { type: 'string', pattern: '^(?!rate_limit:)[A-Za-z0-9_.:-]{1,64}$' },
    window: { anyOf: [{ enum: windowNames }, seconds] },
    max,
    scope: { enum: scopeNames },
    increment_from: { ...textSchema(1, 256), pattern: `^args${steps('0|[1-9][0-9]{0,5}')}$` },
    on_deny: at('reason'),
  },
  ['counter', 'window', 'max'],
);

/**
 * JSON Schema, draft 2020-12, of the policy document that this release accepts. It knows the structure: `parsePolicy`
 * has the last word, and also reads regular expressions and address ranges. A document that `parsePolicy` accepts
 * always validates.
 */
export const policySchema: ObjectSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Toolgate policy, version 1',
  ...objectSchema(
    {
      version: { const: '1' },
      default: { description: 'Tools, resources and prompts without an entry', enum: ['allow', 'deny'] },
      mode: { enum: ['enforce', 'monitor'], default: 'enforce' },
      hide: listSchema(10_000, at('name')),
      tools: { type: 'object', maxProperties: 10_000, propertyNames: at('name'), additionalProperties: at('entry') },
      resources: {
        description: 'By URI',
        type: 'object',
        maxProperties: 10_000,
        propertyNames: textSchema(1, 2048),
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
      all_tools: objectSchema({ require: at('require'), deny_if: at('deny_if'), limits: at('limits') }),
    },
    ['version', 'default'],
  ),
  $defs: {
    name: textSchema(1, MAX_NAME_LENGTH.tool),
    reason: textSchema(1, 1000),
    approval: objectSchema(
      Object.fromEntries(
        Object.entries(approvalBounds).map(([name, { least, most: largest, usual }]) => [
          name,
          { type: 'integer', minimum: least, maximum: largest, default: usual },
        ]),
      ),
    ),
    entry: objectSchema({
      action: { enum: ['allow', 'deny', 'require_approval'], default: 'allow' },
      approval: { description: "Goes before the document's, key by key", ...at('approval') },
      reason: { description: 'Shown to the agent when this entry refuses', ...at('reason') },
      require: at('require'),
      deny_if: at('deny_if'),
      limits: at('limits'),
      rate_limit: objectSchema({ max, window: seconds }, ['max', 'window']),
    }),
    require: rules('trusted_path', 'require'),
    deny_if: rules('path', 'deny_if'),
    require_condition: condition('trusted_path'),
    deny_if_condition: condition('path'),
    trusted_path: path(fact),
    path: path(`${fact}|client\\.name`),
    limits: listSchema(64, limit),
  },
};
