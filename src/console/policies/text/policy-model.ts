import type { Node } from 'jsonc-parser';
import { isJsonObject, memberOf, readJson, type Json, type JsonFault, type JsonObject } from './json-tree.js';
import { comparePatterns, isPattern, matches } from './names.js';
import { pointerOf } from './positions.js';

export const EFFECTS = ['Allow', 'Limit', 'Approve', 'Deny', 'Hide'] as const;
/** What happens to a call of a thing, as the builder shows it. */
export type Effect = (typeof EFFECTS)[number];

export const SECTIONS = ['tools', 'resources', 'prompts'] as const;
/** The parts of a policy that have entries by name. */
export type Section = (typeof SECTIONS)[number];

/** One entry of a section: `pointer` leads to it. */
export type Entry = Readonly<{ name: string; pointer: string; action: string; value: JsonObject }>;

/** A policy document as the builder shows it. Everything comes from the text, nothing is kept beside it. */
export type PolicyModel = Readonly<{
  root: Node;
  value: JsonObject;
  fallback: 'allow' | 'deny';
  mode: 'enforce' | 'monitor';
  hide: readonly string[];
  entries: Readonly<Record<Section, readonly Entry[]>>;
}>;

export type ReadPolicy = Readonly<{ ok: true; model: PolicyModel }> | Readonly<{ ok: false; fault: JsonFault }>;

/** What decides about one thing: `pointer` leads to what says so, `entry` is the entry that wins. */
export type Row = Readonly<{
  section: Section;
  name: string;
  effect: Effect;
  by: 'entry' | 'pattern' | 'hide' | 'hidePattern' | 'default';
  pointer: string;
  entry: Entry | undefined;
}>;

/** Reads the text of a policy. What the language does not know is left to the API's check; the text keeps it. */
export function readPolicy(text: string): ReadPolicy {
  const read = readJson(text);
  if (!read.ok) return read;
  const { root, value } = read;
  if (!isJsonObject(value))
    return { ok: false, fault: { message: 'A policy is a JSON object.', offset: root.offset, length: root.length } };
  const hide = memberOf(value, 'hide');
  return {
    ok: true,
    model: {
      root,
      value,
      fallback: memberOf(value, 'default') === 'allow' ? 'allow' : 'deny',
      mode: memberOf(value, 'mode') === 'monitor' ? 'monitor' : 'enforce',
      hide: Array.isArray(hide) ? hide.map((one) => (typeof one === 'string' ? one : '')) : [],
      entries: {
        tools: entriesOf(value, 'tools'),
        resources: entriesOf(value, 'resources'),
        prompts: entriesOf(value, 'prompts'),
      },
    },
  };
}

function entriesOf(document: JsonObject, section: Section): readonly Entry[] {
  const named = memberOf(document, section);
  if (!isJsonObject(named)) return [];
  return Object.entries(named).flatMap(([name, value]) =>
    isJsonObject(value) ? [{ name, pointer: pointerOf([section, name]), action: actionOf(value), value }] : [],
  );
}

const actionOf = (entry: JsonObject): string => {
  const action = memberOf(entry, 'action');
  return typeof action === 'string' ? action : 'allow';
};

/** The entry of exactly this name. */
export const exactEntry = (model: PolicyModel, section: Section, name: string): Entry | undefined =>
  model.entries[section].find((entry) => entry.name === name);

/** The entry that decides about a thing: that of its name, else that of the pattern that wins. */
export function winningEntry(model: PolicyModel, section: Section, name: string): Entry | undefined {
  const exact = exactEntry(model, section, name);
  if (exact !== undefined) return exact;
  return model.entries[section]
    .filter((entry) => isPattern(entry.name) && matches(entry.name, name))
    .toSorted(comparePatterns)[0];
}

/** The effect of an entry by itself. */
export function effectOf({ action, value }: Entry): Effect {
  if (action === 'deny') return 'Deny';
  if (action === 'require_approval') return 'Approve';
  const limits = memberOf(value, 'limits');
  const isLimited = (Array.isArray(limits) && limits.length > 0) || memberOf(value, 'rate_limit') !== undefined;
  return isLimited ? 'Limit' : 'Allow';
}

/** What the document says about one thing. `hide` goes first, then the entry of its name, patterns, the default. */
export function rowOf(model: PolicyModel, section: Section, name: string): Row {
  const entry = winningEntry(model, section, name);
  const pattern = model.hide.findIndex((item) => isPattern(item) && matches(item, name));
  const hidden = pattern >= 0 ? pattern : model.hide.indexOf(name);
  const row = { section, name, entry };
  if (hidden >= 0) {
    const by = pattern >= 0 ? ('hidePattern' as const) : ('hide' as const);
    return { ...row, effect: 'Hide', by, pointer: pointerOf(['hide', hidden]) };
  }
  if (entry === undefined)
    return { ...row, effect: model.fallback === 'allow' ? 'Allow' : 'Hide', by: 'default', pointer: '/default' };
  return { ...row, effect: effectOf(entry), by: entry.name === name ? 'entry' : 'pattern', pointer: entry.pointer };
}

/** The names of a section that the document has and the server does not: patterns first, as they stand. */
export const namesBeyond = (model: PolicyModel, section: Section, known: ReadonlySet<string>): readonly string[] => {
  const named = model.entries[section].map(({ name }) => name).filter((name) => !known.has(name));
  return [...named.filter(isPattern), ...named.filter((name) => !isPattern(name))];
};

/** A list of a value's member, empty where it is none. */
export const listOf = (value: Json | undefined, key: string): readonly Json[] => {
  const list = memberOf(value, key);
  return Array.isArray(list) ? list : [];
};
