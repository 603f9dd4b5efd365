import type { PolicyDocument, Rule, ToolEntry } from '../document.js';
import { pointerTo } from '../../platform/json/pointer.js';
import type { PolicyError } from '../reader.js';
import { strictness } from '../compile.js';
import { operators } from '../conditions/operators.js';
import { conditionsOf } from '../conditions/rules.js';
import { Contradictions } from './contradictions.js';
import { limitLints } from './limit-lints.js';
import { compareCodePoints, isPattern, literalLength, wildcard } from '../wildcard.js';

/** Comparing more characters of names with patterns, which takes some 25 ns each, is not worth a warning. */
const MAX_COMPARED_CHARACTERS = 5_000_000;

/** Whether so many patterns are worth to be compared with all of these names. */
export const isWorthComparing = (patterns: number, names: readonly string[]): boolean => {
  let characters = 0;
  for (const { length } of names) characters += length;
  return patterns * characters <= MAX_COMPARED_CHARACTERS;
};

/**
 * Warnings about what an accepted document says in vain, or unsafely. Codes: `unsafe_default`, `never_fires` (a rule, a
 * limit or an entry that no call gets to), `shadowed_pattern`, `contradiction` (a rule whose conditions exclude each
 * other), `limit_without_effect`, `unknown_value` (compared with what the fact never is).
 */
export function lintPolicy(document: PolicyDocument): readonly PolicyError[] {
  const contradictions = new Contradictions();
  return [
    ...defaultLints(document),
    ...approvalLints(document),
    ...hiddenLints(document.hide ?? [], Object.keys(document.tools ?? {})),
    ...ruleLints(document.all_tools ?? {}, '/all_tools', contradictions),
    ...sectionLints(document.tools, '/tools', contradictions),
    ...sectionLints(document.resources, '/resources', contradictions),
    ...sectionLints(document.prompts, '/prompts', contradictions),
    ...limitLints(document),
  ];
}

function sectionLints(
  section: Readonly<Record<string, ToolEntry>> = {},
  pointer: string,
  contradictions: Contradictions,
): readonly PolicyError[] {
  const entries = Object.entries(section);
  return [
    ...shadowLints(entries, pointer),
    ...entries.flatMap(([name, entry]) => entryLints(entry, pointerTo(pointer, name), contradictions)),
  ];
}

function warn(pointer: string, code: string, message: string): PolicyError {
  return { pointer, code, message };
}

function defaultLints({
  default: fallback,
  hide = [],
  tools = {},
  all_tools: forAll = {},
}: PolicyDocument): readonly PolicyError[] {
  const refuses =
    hide.length > 0 ||
    forAll.deny_if?.length ||
    forAll.require?.length ||
    Object.values(tools).some(({ action = 'allow' }) => action !== 'allow');
  if (fallback !== 'allow' || refuses) return [];
  return [
    warn(
      '/default',
      'unsafe_default',
      'every tool without an entry is allowed, also one that the server adds later, and nothing is hidden or denied',
    ),
  ];
}

/** What is said about approvals where none is ever asked for. */
function approvalLints({ approval, tools = {}, resources = {}, prompts = {} }: PolicyDocument): readonly PolicyError[] {
  const entries = Object.entries({ tools, resources, prompts }).flatMap(([section, of]) =>
    Object.entries(of).map(([name, entry]) => ({ pointer: pointerTo(`/${section}`, name), entry })),
  );
  const unheld = entries.filter(({ entry }) => entry.action !== 'require_approval');
  const inVain = unheld.filter(({ entry }) => entry.approval !== undefined);
  const message = 'it matters only with action require_approval';
  return [
    ...(approval !== undefined && unheld.length === entries.length ? [warn('/approval', 'never_fires', message)] : []),
    ...inVain.map(({ pointer }) => warn(`${pointer}/approval`, 'never_fires', message)),
  ];
}

function hiddenLints(hide: readonly string[], names: readonly string[]): readonly PolicyError[] {
  const exact = new Map(hide.map((name, index) => [name, index] as const).toReversed());
  const patterns = hide.filter(isPattern).map((name) => ({ name, matches: wildcard(name) }));
  if (!isWorthComparing(patterns.length, [...names, ...hide])) return [];
  // A star in a name is matched by a star only, so a name that a pattern matches stands for nothing else.
  const covered = (name: string): boolean => patterns.some((one) => one.name !== name && one.matches(name));
  return [
    ...hide.flatMap((name, index) =>
      exact.get(name) !== index || covered(name)
        ? [warn(pointerTo('/hide', index), 'shadowed_pattern', 'another item of hide hides all of this one')]
        : [],
    ),
    ...names.flatMap((name) =>
      exact.has(name) || covered(name)
        ? [warn(pointerTo('/tools', name), 'never_fires', 'hide comes first, so no call gets to this entry')]
        : [],
    ),
  ];
}

/** Patterns that match the same names: the one that wins is `compile`'s. */
function shadowLints(entries: readonly (readonly [string, ToolEntry])[], pointer: string): readonly PolicyError[] {
  const winners = new Map<string, readonly [string, ToolEntry]>();
  const patterns = entries.filter(([name]) => isPattern(name));
  for (const one of patterns) {
    const same = one[0].replace(/\*+/g, '*');
    const other = winners.get(same);
    if (other === undefined || wins(one, other)) winners.set(same, one);
  }
  return patterns.flatMap(([name]) =>
    winners.get(name.replace(/\*+/g, '*'))?.[0] === name
      ? []
      : [warn(pointerTo(pointer, name), 'shadowed_pattern', 'another pattern matches the same names and wins')],
  );
}

function wins(
  [one, { action: oneAction }]: readonly [string, ToolEntry],
  [other, { action: otherAction }]: readonly [string, ToolEntry],
): boolean {
  const stricter = strictness[oneAction ?? 'allow'] - strictness[otherAction ?? 'allow'];
  return (literalLength(one) - literalLength(other) || stricter || compareCodePoints(other, one)) > 0;
}

function entryLints(entry: ToolEntry, pointer: string, contradictions: Contradictions): readonly PolicyError[] {
  if (entry.action !== 'deny') return ruleLints(entry, pointer, contradictions);
  const after = (['deny_if', 'require', 'limits', 'rate_limit'] as const).filter((key) => entry[key] !== undefined);
  return after.map((key) => warn(`${pointer}/${key}`, 'never_fires', 'action deny comes first, so no call gets here'));
}

function ruleLints(
  entry: Pick<ToolEntry, 'require' | 'deny_if' | 'limits' | 'rate_limit'>,
  pointer: string,
  contradictions: Contradictions,
): readonly PolicyError[] {
  const { require = [], deny_if: denyIf = [] } = entry;
  return [
    ...afterRefusal(entry, pointer),
    ...require.flatMap((rule, index) => {
      const at = pointerTo(`${pointer}/require`, index);
      const empty =
        conditionsOf(rule).length === 0 ? [warn(at, 'never_fires', 'it has no conditions, so it always holds')] : [];
      const never = contradictions.within(conditionsOf(rule), 'require')
        ? [warn(at, 'contradiction', 'its conditions exclude each other, so it refuses every call')]
        : [];
      return [...empty, ...never, ...valueLints(rule, at)];
    }),
    ...denyIf.flatMap((rule, index) => {
      const at = pointerTo(`${pointer}/deny_if`, index);
      const message = 'its conditions exclude each other, so it refuses only what can not be judged';
      return [
        ...(contradictions.within(conditionsOf(rule), 'deny_if') ? [warn(at, 'contradiction', message)] : []),
        ...valueLints(rule, at),
      ];
    }),
  ];
}

/** What comes after a `deny_if` without conditions, which refuses every call. */
function afterRefusal(
  entry: Pick<ToolEntry, 'require' | 'deny_if' | 'limits' | 'rate_limit'>,
  pointer: string,
): readonly PolicyError[] {
  const { deny_if: denyIf = [] } = entry;
  const first = denyIf.findIndex((rule) => conditionsOf(rule).length === 0);
  if (first < 0) return [];
  const message = 'a deny_if without conditions comes first and refuses every call';
  const rules = denyIf.slice(first + 1).map((_, index) => pointerTo(`${pointer}/deny_if`, first + 1 + index));
  const keys = (['require', 'limits', 'rate_limit'] as const)
    .filter((key) => entry[key] !== undefined)
    .map((key) => `${pointer}/${key}`);
  return [...rules, ...keys].map((at) => warn(at, 'never_fires', message));
}

/** All that a fact can be; an argument can be anything. */
const known: Readonly<Record<string, readonly unknown[]>> = {
  'identity.kind': ['human', 'agent', 'service'],
  'time.weekday': ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
  'time.hour': Array.from({ length: 24 }, (_, hour) => hour),
};

function valueLints(rule: Rule, pointer: string): readonly PolicyError[] {
  const several = 'conditions' in rule;
  return conditionsOf(rule).flatMap(({ path, op, value }, index) => {
    const values = Object.hasOwn(known, path) ? known[path] : undefined;
    if (values === undefined || !operators[op].comparesWhole || [value].flat().every((one) => values.includes(one)))
      return [];
    const at = several ? pointerTo(`${pointer}/conditions`, index) : pointer;
    return [warn(`${at}/value`, 'unknown_value', `${path} is never this`)];
  });
}
