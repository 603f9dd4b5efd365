import { denying, passing, type Check } from './check.js';
import {
  compileDefault,
  compileEntry,
  compileRules,
  entrySteps,
  hasExpression,
  noRulesForAll,
  notAllowed,
  type ForAll,
} from './compile-entry.js';
import type { Action, Mode, PolicyDocument } from './document.js';
import type { Kind } from './facts.js';
import { LazyEntry, type CompiledEntry } from './compiled-entry.js';
import { OtherSpellings } from './other-spellings.js';
import { pointerTo } from '../platform/json/pointer.js';
import { argumentsCheck } from './conditions/rules.js';
import { NameTable } from './name-table.js';
import { MAX_PATTERN_STEPS } from './pattern-index.js';
import { digestOf } from './policy-hash.js';
import { finish } from './slices.js';
import { compareCodePoints, isPattern, literalLength } from './wildcard.js';

export type { CompiledEntry } from './compiled-entry.js';

/**
 * What a policy says about one name: the winning entry, and all checks in order, `hide` first. `steps` is what finding
 * out took; a plan that took more than `MAX_PATTERN_STEPS` is that of a name that is hidden, and no call may be judged
 * by it.
 */
export type Plan = Readonly<{ entry: CompiledEntry; hidden: boolean; checks: readonly Check[]; steps: number }>;

type Ranked = Readonly<{ name: string; length: number; action: Action; entry: LazyEntry }>;

/** What a policy says about names of one kind. */
export type CompiledNames = Readonly<{
  /** What is hidden, in the order of the document. */
  hidden: NameTable;
  hides: number;
  /** Exact names, then patterns, the one that wins first. `entries` has the entry of each. */
  named: NameTable;
  entries: readonly LazyEntry[];
  /** Those that take longer to compile than a call may wait in one go. */
  costly: readonly LazyEntry[];
  fallback: CompiledEntry;
  /** Whether some rule looks for a regular expression. */
  hasExpressions: boolean;
  /** Of resources: their entries by names that mean the same. */
  otherSpellings?: OtherSpellings<LazyEntry> | undefined;
  /** Plans of names seen before: a memo that never changes an answer. */
  plans: Map<string, Plan>;
}>;

/** A policy's own names are those of tools. */
export type CompiledPolicy = CompiledNames &
  Readonly<{
    mode: Mode;
    pinTools: boolean;
    checksArguments: boolean;
    /** Whether some call of a tool is held for approval. */
    holds: boolean;
    /** The rule that pins, when the document has it: its default has no place that a pointer could name. */
    pinRule: string | null;
    resources: CompiledNames;
    prompts: CompiledNames;
    visible: Visible;
  }>;

export const PIN_RULE = '/pin_tools';

/** A text for each kind that is the same for policies that show the same of every list. */
export type Visible = Readonly<Record<Kind, string>>;

const sections = { tool: 'tools', resource: 'resources', prompt: 'prompts' } as const satisfies Record<Kind, string>;

/** An entry that takes more steps is compiled in slices: about 0.3 ms. */
const MAX_UNSLICED_STEPS = 30_000;

const PLAN_CACHE_SIZE = 1024;
const MAX_CACHED_NAME_LENGTH = 256;

/** Of two patterns that are as long, the one with the stricter action wins. */
export const strictness: Readonly<Record<Action, number>> = { deny: 2, require_approval: 1, allow: 0 };

/**
 * Prepares an accepted document for deciding; done once per content, so that a decision is a map look-up and a few
 * checks. Throws when the document never went through `parsePolicy`.
 */
export function compilePolicy(document: PolicyDocument): CompiledPolicy {
  const approval = document.approval ?? {};
  const forAll: ForAll = {
    ...finish(compileRules(document.all_tools ?? {}, '/all_tools')),
    schema: document.check_arguments ? [argumentsCheck] : [],
    approval,
  };
  return {
    mode: document.mode ?? 'enforce',
    pinTools: document.pin_tools ?? true,
    checksArguments: document.check_arguments ?? false,
    holds:
      document.mode !== 'monitor' &&
      Object.values(document.tools ?? {}).some(({ action }) => action === 'require_approval'),
    pinRule: document.pin_tools === undefined ? null : PIN_RULE,
    ...compileNames(document, 'tool', forAll),
    ...hiddenBy(document),
    resources: compileNames(document, 'resource', { ...noRulesForAll, approval }),
    prompts: compileNames(document, 'prompt', { ...noRulesForAll, approval }),
    visible: visibleIn(document),
  };
}

function hiddenBy({ hide = [] }: PolicyDocument): Pick<CompiledNames, 'hidden' | 'hides'> {
  return { hidden: new NameTable(hide), hides: hide.length };
}

/** Only names decide what is listed, not what their entries say. */
function visibleIn({ mode, default: fallback, hide = [], ...document }: PolicyDocument): Visible {
  const of = (kind: Kind): string => {
    if (mode === 'monitor') return 'everything';
    const names = Object.keys(document[sections[kind]] ?? {}).sort();
    return digestOf([fallback, fallback === 'allow' ? [] : names, kind === 'tool' ? [...hide].sort() : []]);
  };
  return { tool: of('tool'), resource: of('resource'), prompt: of('prompt') };
}

/** What the policy says about names of a kind. */
export function namesOf(policy: CompiledPolicy, kind: Kind): CompiledNames {
  return kind === 'tool' ? policy : policy[sections[kind]];
}

/**
 * What the policy says about one name; patterns take at most `maxSteps` of it, and a plan that says that it took more
 * means nothing else. Names are remembered, boundedly: names that clients make up must not fill memory.
 */
export function planFor(names: CompiledNames, name: string, maxSteps = MAX_PATTERN_STEPS): Plan {
  const known = names.plans.get(name);
  if (known !== undefined) return known;
  const plan = makePlan(names, name, maxSteps);
  if (name.length > MAX_CACHED_NAME_LENGTH || plan.steps > maxSteps) return plan;
  if (names.plans.size >= PLAN_CACHE_SIZE) names.plans.clear();
  names.plans.set(name, plan);
  return plan;
}

/** Every check of names of a kind, those of the entries and of the default. */
export function checksOf({ hides, entries, fallback }: CompiledNames): readonly Check[] {
  const hidden = Array.from({ length: hides }, (_, index) => hiding(index));
  return [...hidden, ...entries.flatMap(({ compiled }) => compiled.checks), ...fallback.checks];
}

function compileNames(document: PolicyDocument, kind: Kind, forAll: ForAll): CompiledNames {
  const section = sections[kind];
  const exact: Ranked[] = [];
  const patterns: Ranked[] = [];
  const costly: LazyEntry[] = [];
  const otherSpellings = kind === 'resource' ? new OtherSpellings<LazyEntry>() : undefined;
  for (const [name, entry] of Object.entries(document[section] ?? {})) {
    const lazy = new LazyEntry(() => compileEntry(pointerTo(`/${section}`, name), entry, forAll));
    otherSpellings?.add(name, lazy);
    if (entrySteps(entry) > MAX_UNSLICED_STEPS) costly.push(lazy);
    const isExact = !isPattern(name);
    (isExact ? exact : patterns).push({
      name,
      length: isExact ? 0 : literalLength(name),
      action: entry.action ?? 'allow',
      entry: lazy,
    });
  }
  const ordered = [...exact, ...patterns.sort(byPrecedence)];
  const fallback = compileDefault(document.default, forAll);
  return {
    hidden: NOTHING_HIDDEN,
    hides: 0,
    named: new NameTable(ordered.map(({ name }) => name)),
    entries: ordered.map(({ entry }) => entry),
    costly,
    fallback,
    hasExpressions: fallback.expressions.length > 0 || Object.values(document[section] ?? {}).some(hasExpression),
    otherSpellings,
    plans: new Map(),
  };
}

const NOTHING_HIDDEN = new NameTable([]);

function makePlan(names: CompiledNames, name: string, maxSteps: number): Plan {
  const { place, steps } = names.named.find(name, maxSteps);
  const hide = names.hidden.find(name, maxSteps - steps);
  const entry = names.entries[place]?.compiled ?? names.fallback;
  const all = steps + hide.steps;
  if (all > maxSteps) return { entry: names.fallback, hidden: true, checks: [], steps: all };
  if (names.hides === 0) return { entry, hidden: false, checks: entry.checks, steps: all };
  const isHidden = hide.place >= 0;
  return {
    entry,
    hidden: isHidden,
    checks: [isHidden ? hiding(hide.place) : passing('/hide'), ...entry.checks],
    steps: all,
  };
}

function hiding(index: number): Check {
  return denying(pointerTo('/hide', index), 'hidden', notAllowed);
}

function byPrecedence(one: Ranked, other: Ranked): number {
  return (
    other.length - one.length ||
    strictness[other.action] - strictness[one.action] ||
    compareCodePoints(one.name, other.name)
  );
}
