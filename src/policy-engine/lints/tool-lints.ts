import { compilePolicy, planFor } from '../compile.js';
import { conditionsOf } from '../conditions/rules.js';
import type { PolicyDocument, ToolEntry } from '../document.js';
import { pointerTo } from '../../platform/json/pointer.js';
import type { PolicyError } from '../reader.js';
import { isWorthComparing } from './lints.js';
import { typeLints, type ArgumentTypes } from './type-lints.js';
import { someOf } from '../uncheckable.js';
import { isPattern, wildcard } from '../wildcard.js';

/**
 * A tool as its server offers it. `arguments` are the names that its own schema declares, null when it declares none by
 * name. `isUncheckable`: its schema can't be checked. `isBlank`: its schema says nothing of arguments.
 */
export type KnownTool = Readonly<{
  name: string;
  arguments: readonly string[] | null;
  argumentTypes?: ArgumentTypes | null;
  isUncheckable?: boolean;
  isBlank?: boolean;
}>;

/**
 * Warnings about what a document says of tools that its server does not offer: often a typing error, which then
 * protects nothing. Codes: `unknown_tool`, `shadowed_pattern` (every tool that the pattern matches has another
 * entry that wins), `unknown_argument`, `type_mismatch`, `uncheckable_schema` and `blank_schema`. Patterns that
 * hide or deny are precautions, and may match nothing yet.
 */
export function toolLints(document: PolicyDocument, tools: readonly KnownTool[]): readonly PolicyError[] {
  const known = new Map(tools.map((tool) => [tool.name, tool]));
  const isUnknown = (name: string): boolean => !isPattern(name) && !known.has(name);
  const entries = Object.entries(document.tools ?? {});
  return [
    ...(document.hide ?? []).flatMap((name, index) => (isUnknown(name) ? [unknown(pointerTo('/hide', index))] : [])),
    ...entries.flatMap(([name]) => (isUnknown(name) ? [unknown(pointerTo('/tools', name))] : [])),
    ...patternLints(entries, [...known.keys()]),
    ...entries.flatMap(([name, entry]) =>
      argumentLints(entry, pointerTo('/tools', name), known.get(name)?.arguments ?? null),
    ),
    ...entries.flatMap(([name, entry]) =>
      typeLints(entry, pointerTo('/tools', name), known.get(name)?.argumentTypes ?? {}),
    ),
    ...(document.check_arguments === true ? schemaLints(tools) : []),
  ];
}

function schemaLints(tools: readonly KnownTool[]): readonly PolicyError[] {
  const warning = (
    names: readonly string[],
    code: string,
    messageOf: (some: string) => string,
  ): readonly PolicyError[] =>
    names.length === 0 ? [] : [{ pointer: '/check_arguments', code, message: messageOf(someOf(names)) }];
  const namesOf = (key: 'isUncheckable' | 'isBlank'): readonly string[] =>
    tools.flatMap((tool) => (tool[key] === true ? [tool.name] : []));
  return [
    ...warning(
      namesOf('isUncheckable'),
      'uncheckable_schema',
      (some) => `refuses every call of ${some}: the input schema can't be checked`,
    ),
    ...warning(
      namesOf('isBlank'),
      'blank_schema',
      (some) => `refuses every argument of ${some}: the input schema names none`,
    ),
  ];
}

function unknown(pointer: string, message = 'the server has no tool of this name'): PolicyError {
  return { pointer, code: 'unknown_tool', message };
}

function patternLints(
  entries: readonly (readonly [string, ToolEntry])[],
  names: readonly string[],
): readonly PolicyError[] {
  const patterns = entries.filter(([name, { action }]) => isPattern(name) && action !== 'deny');
  if (patterns.length === 0 || !isWorthComparing(patterns.length, names)) return [];
  // Which entry wins depends on names and actions alone.
  const policy = compilePolicy({
    version: '1',
    default: 'deny',
    tools: Object.fromEntries(entries.map(([name, { action }]) => [name, action === undefined ? {} : { action }])),
  });
  const winners = new Set(names.map((name) => planFor(policy, name).entry.pointer));
  return patterns.flatMap(([pattern]) => {
    const at = pointerTo('/tools', pattern);
    if (winners.has(at)) return [];
    if (!names.some(wildcard(pattern))) return [unknown(at, 'the server has no tool that this matches')];
    return [
      {
        pointer: at,
        code: 'shadowed_pattern',
        message: 'every tool of the server that this matches has another entry that wins',
      },
    ];
  });
}

/** What an entry says of arguments that the tool's schema does not name. */
function argumentLints(entry: ToolEntry, pointer: string, declared: readonly string[] | null): readonly PolicyError[] {
  if (declared === null) return [];
  const names = new Set(declared);
  const isUndeclared = (path: string): boolean => {
    const argument = /^args\.([^.[]+)/.exec(path)?.[1];
    return argument !== undefined && !names.has(argument);
  };
  const warnAt = (at: string): PolicyError => ({
    pointer: at,
    code: 'unknown_argument',
    message: "the tool's own schema names no such argument",
  });
  const inRules = (['require', 'deny_if'] as const).flatMap((kind) =>
    (entry[kind] ?? []).flatMap((rule, index) => {
      const at = pointerTo(`${pointer}/${kind}`, index);
      return conditionsOf(rule).flatMap(({ path }, place) =>
        isUndeclared(path) ? [warnAt(`${'conditions' in rule ? pointerTo(`${at}/conditions`, place) : at}/path`)] : [],
      );
    }),
  );
  const inLimits = (entry.limits ?? []).flatMap(({ increment_from: path }, index) =>
    path !== undefined && isUndeclared(path) ? [warnAt(`${pointerTo(`${pointer}/limits`, index)}/increment_from`)] : [],
  );
  return [...inRules, ...inLimits];
}
