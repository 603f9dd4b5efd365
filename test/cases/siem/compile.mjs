/**
 * Compiles the published schemas that the tests of the formats check against, into two small files beside this one:
 *
 *   node test/cases/siem/compile.mjs OCSF_FOLDER ECS_FIELDS_FILE
 *
 * OCSF_FOLDER is the repository ocsf/ocsf-schema at tag 1.8.0; ECS_FIELDS_FILE maps each field of elastic/ecs 9.5 to
 * its type and allowed values. Both are Apache-2.0: see NOTICE.md.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, ecsFile] = process.argv.slice(2);
const here = fileURLToPath(new URL('.', import.meta.url));
const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8'));

const CLASSES = {
  api_activity: ['security_control', 'trace'],
  authentication: [],
  account_change: [],
  entity_management: [],
  detection_finding: [],
  base_event: [],
};

const filesBelow = (path) =>
  readdirSync(join(folder, path), { recursive: true })
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(path, name));

const dictionary = read('dictionary.json');
const categories = read('categories.json').attributes;
const objects = new Map(filesBelow('objects').map((path) => [read(path).name, read(path)]));
const events = new Map(filesBelow('events').map((path) => [read(path).name, read(path)]));

/** The attributes of an object or a class with those that it inherits, and of its includes those of the profiles. */
function attributesOf(kinds, name, profiles) {
  const kind = kinds.get(name);
  if (!kind) return {};
  const inherited = kind.extends && kind.extends !== name ? attributesOf(kinds, kind.extends, profiles) : {};
  const { $include: includes = [], ...own } = kind.attributes ?? {};
  const merged = { ...inherited };
  const add = (attributes, gate) => {
    for (const [key, value] of Object.entries(attributes)) {
      if (gate && !profiles.includes(gate) && value.profile !== null) continue;
      merged[key] = { ...merged[key], ...value, enum: { ...merged[key]?.enum, ...value.enum } };
    }
  };
  for (const path of [includes].flat()) {
    const profile = read(path);
    add(profile.attributes, profile.name);
  }
  for (const [key, value] of Object.entries(own)) {
    if (value.profile && !profiles.includes(value.profile)) continue;
    add({ [key]: value });
  }
  return merged;
}

const constraintsOf = (kinds, name) => {
  const kind = kinds.get(name);
  if (!kind) return {};
  return kind.constraints ?? (kind.extends && kind.extends !== name ? constraintsOf(kinds, kind.extends) : {});
};

const SIMPLE = { integer_t: 'integer', long_t: 'integer', float_t: 'number', boolean_t: 'boolean', string_t: 'string' };

function valueSchema(name, attribute, profiles) {
  const general = dictionary.attributes[name] ?? {};
  const type = attribute.type ?? general.type;
  const isArray = attribute.is_array ?? general.is_array;
  const values = Object.keys({ ...general.enum, ...attribute.enum });
  const described = dictionary.types.attributes[type];
  let schema = {};
  if (type === 'json_t') schema = {};
  else if (described) {
    schema = { type: SIMPLE[described.type ?? type] };
    if (described.regex) schema.pattern = described.regex;
    if (described.max_len) schema.maxLength = described.max_len;
    if (values.length > 0) schema.enum = schema.type === 'integer' ? values.map(Number) : values;
  } else schema = { $ref: `#/$defs/${define(type, profiles)}` };
  return isArray ? { type: 'array', items: schema } : schema;
}

const $defs = {};

function body(kinds, name, profiles) {
  const attributes = attributesOf(kinds, name, profiles);
  const schema = { type: 'object', additionalProperties: false, properties: {} };
  for (const [key, attribute] of Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
    schema.properties[key] = valueSchema(key, attribute, profiles);
  const required = Object.entries(attributes).flatMap(([key, { requirement }]) =>
    requirement === 'required' ? [key] : [],
  );
  if (required.length > 0) schema.required = required.sort();
  const { at_least_one: some, just_one: one } = constraintsOf(kinds, name);
  const each = (keys) => keys.filter((key) => key in attributes).map((key) => ({ required: [key] }));
  if (some) schema.anyOf = each(some);
  if (one) schema.oneOf = each(one);
  return schema;
}

function define(type, profiles) {
  if (type in $defs) return type;
  $defs[type] = {};
  $defs[type] = type === 'object' ? { type: 'object' } : body(objects, type, profiles);
  return type;
}

function categoryOf(name) {
  const { category, extends: parent } = events.get(name);
  return category ?? (parent ? categoryOf(parent) : undefined);
}

const classes = {};
for (const [name, profiles] of Object.entries(CLASSES)) {
  const schema = body(events, name, profiles);
  const categoryUid = categories[categoryOf(name)]?.uid ?? 0;
  const classUid = categoryUid * 1000 + (events.get(name).uid ?? 0);
  Object.assign(schema.properties, { category_uid: { const: categoryUid }, class_uid: { const: classUid } });
  schema.properties.type_uid = { enum: schema.properties.activity_id.enum.map((id) => classUid * 100 + id) };
  classes[classUid] = schema;
}

const ocsf = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  version: read('version.json').version,
  classes,
  $defs,
};
writeFileSync(join(here, 'ocsf-1.8.0.schema.json'), `${JSON.stringify(ocsf)}\n`);

/** The sets of fields that a document of ours may use. */
const SETS = [
  /^(@timestamp|message|labels)$/,
  /^(ecs|event|organization|related|service|rule|trace|gen_ai|error)\./,
  /^http\.(request|response)\./,
  /^(source|client)\.(ip|address|port)$/,
  /^user\.(?!.*(entity|risk))/,
  /^observer\.(?!.*(geo|ingress|egress|os))/,
];
const fields = JSON.parse(readFileSync(ecsFile, 'utf8'));
const used = Object.fromEntries(Object.entries(fields).filter(([name]) => SETS.some((set) => set.test(name))));
writeFileSync(join(here, 'ecs-9.5.fields.json'), `${JSON.stringify(used)}\n`);
