import { createHash } from 'node:crypto';
import { approvalTerms } from './approval.js';
import { denying, holding, passing, type Check } from './check.js';
import type { Action, ApprovalRule, LimitRule, Mode, PolicyDocument, Rule, ToolEntry } from './document.js';
import type { Kind } from './facts.js';
import { LazyEntry, type CompiledEntry } from './compiled-entry.js';
import { haveSharedCounter, limitCheck } from './limits.js';
import { privateCounter } from './limits-of.js';
import { OtherSpellings } from './other-spellings.js';
import { pointerTo } from './pointer.js';
import { argumentsCheck, conditionsOf, conditionSteps, ruleChecks } from './conditions/rules.js';
import { NameTable } from './name-table.js';
import { MAX_PATTERN_STEPS } from './pattern-index.js';
import { finish, type Sliced } from './slices.js';
import { compareCodePoints, isPattern, literalLength } from './wildcard.js';

export type { CompiledEntry } from './compiled-entry.js';

/**
 * What a policy says about one name: the winning entry, and all checks in order, `hide` first. `steps` is what finding
 * out took; a plan that took more than `MAX_PATTERN_STEPS` is that of a name that is hidden, and no call may be judged
 * by it.
 */
export type Plan = Readonly<{ entry: CompiledEntry; hidden: boolean; checks: readonly Check[]; steps: number }>;

/** What an entry and `all_tools` have in common, in groups that go in order, the entry's before those for all. */
type Rules = Readonly<{ require?: readonly Rule[]; deny_if?: readonly Rule[]; limits?: readonly LimitRule[] }>;

type CompiledRules = Readonly<{
  denyIf: readonly Check[];
  require: readonly Check[];
  limits: readonly Check[];
  counted: readonly LimitRule[];
}>;

/** What holds for every name of a kind. */
type ForAll = CompiledRules & Readonly<{ schema: readonly Check[]; approval: ApprovalRule }>;

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
const MAX_STEPS_AT_ONCE = 30_000;

const plansKept = 1024;
const longestKept = 256;

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
 * What the policy says about one name; patterns take at most `mostSteps` of it, and a plan that says that it took more
 * means nothing else. Names are remembered, boundedly: names that clients make up must not fill memory.
 */
export function planFor(names: CompiledNames, name: string, mostSteps = MAX_PATTERN_STEPS): Plan {
  const known = names.plans.get(name);
  if (known !== undefined) return known;
  const plan = makePlan(names, name, mostSteps);
  if (name.length > longestKept || plan.steps > mostSteps) return plan;
  if (names.plans.size >= plansKept) names.plans.clear();
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
    if (entrySteps(entry) > MAX_STEPS_AT_ONCE) costly.push(lazy);
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

/**
 * SHA-256, in hex, of the document with its keys in order: equal for documents that decide equally but for the order of
 * keys.
 */
export function policyHash(document: PolicyDocument): string {
  return digestOf(document);
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** A hidden tool is refused in the words for one that is not listed, so that the text doesn't tell that it exists. */
export function notAllowed(tool: string): string {
  return `${tool} is not allowed by this policy`;
}

function makePlan(names: CompiledNames, name: string, mostSteps: number): Plan {
  const { place, steps } = names.named.find(name, mostSteps);
  const hide = names.hidden.find(name, mostSteps - steps);
  const entry = names.entries[place]?.compiled ?? names.fallback;
  const all = steps + hide.steps;
  if (all > mostSteps) return { entry: names.fallback, hidden: true, checks: [], steps: all };
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

function* compileEntry(pointer: string, entry: ToolEntry, forAll: ForAll): Sliced<CompiledEntry> {
  const { reason, rate_limit: rate } = entry;
  const own = yield* compileRules(entry, pointer, reason);
  const rateLimit =
    rate === undefined
      ? []
      : [limitCheck({ ...rate, counter: privateCounter(pointer) }, `${pointer}/rate_limit`, reason)];
  const denied =
    entry.action === 'deny'
      ? [denying(`${pointer}/action`, 'denied_by_rule', (tool) => reason ?? `${tool} is denied by policy`)]
      : [];
  const needs = (tool: string): string => reason ?? `${tool} needs a person's approval`;
  const held =
    entry.action === 'require_approval'
      ? [holding(`${pointer}/action`, approvalTerms({ ...forAll.approval, ...entry.approval }), needs)]
      : [];
  const checks = inOrder(
    [passing(pointer), ...denied],
    { ...own, limits: [...held, ...own.limits, ...rateLimit] },
    forAll,
  );
  return {
    pointer,
    listed: true,
    checks,
    sharesCounters: haveSharedCounter([...own.counted, ...forAll.counted]),
    expressions: expressionsIn(checks),
  };
}

function hasExpression({ require = [], deny_if: denyIf = [] }: ToolEntry): boolean {
  return [...require, ...denyIf].some((rule) => conditionsOf(rule).some(({ op }) => op === 'matches'));
}

/** What compiling an entry takes. */
function entrySteps({ require = [], deny_if: denyIf = [] }: ToolEntry): number {
  let steps = 0;
  for (const rule of [...require, ...denyIf])
    for (const condition of conditionsOf(rule)) steps += conditionSteps(condition);
  return steps;
}

function compileDefault(action: Action, forAll: ForAll): CompiledEntry {
  const pointer = '/default';
  const listed = action === 'allow';
  const first = listed ? passing(pointer) : denying(pointer, 'not_listed', notAllowed);
  const checks = inOrder([first], noRules, forAll);
  return {
    pointer,
    listed,
    checks,
    sharesCounters: haveSharedCounter(forAll.counted),
    expressions: expressionsIn(checks),
  };
}

function expressionsIn(checks: readonly Check[]): readonly string[] {
  const found = new Set<string>();
  for (const { asks } of checks) {
    for (const { op, value } of asks?.conditions ?? [])
      if (op === 'matches' && typeof value === 'string') found.add(value);
  }
  return [...found];
}

/** Contract section 4, "Order". The check that holds a call for approval comes first among the limits. */
function inOrder(first: readonly Check[], own: CompiledRules, forAll: ForAll): readonly Check[] {
  return [
    ...first,
    ...own.denyIf,
    ...forAll.denyIf,
    ...own.require,
    ...forAll.require,
    ...forAll.schema,
    ...own.limits,
    ...forAll.limits,
  ];
}

const noRules: CompiledRules = { denyIf: [], require: [], limits: [], counted: [] };

/** `all_tools` and `check_arguments` are about tools. */
const noRulesForAll: Omit<ForAll, 'approval'> = { ...noRules, schema: [] };

function* compileRules(
  { require = [], deny_if: denyIf = [], limits = [] }: Rules,
  pointer: string,
  reason?: string,
): Sliced<CompiledRules> {
  return {
    denyIf: yield* ruleChecks('deny_if', denyIf, `${pointer}/deny_if`, reason),
    require: yield* ruleChecks('require', require, `${pointer}/require`, reason),
    limits: limits.map((limit, index) => limitCheck(limit, pointerTo(`${pointer}/limits`, index), reason)),
    counted: limits,
  };
}

function byPrecedence(one: Ranked, other: Ranked): number {
  return (
    other.length - one.length ||
    strictness[other.action] - strictness[one.action] ||
    compareCodePoints(one.name, other.name)
  );
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}
