import { isStorableText } from '../../platform/json/storable.js';
import { compilePolicy, planFor } from '../../policy-engine/compile.js';
import type { PolicyDocument, ToolEntry } from '../../policy-engine/document.js';
import { parsePolicy } from '../../policy-engine/parse.js';
import { pointerTo } from '../../platform/json/pointer.js';
import { isPattern, wildcard } from '../../policy-engine/wildcard.js';
import { lowerLimits } from './lower-limits.js';

/**
 * What the record and the server tell. `used`: tools of which a call was allowed or held; `discovered`: the server's;
 * `lowered`: new maxima by the rules of limits.
 */
export type ObservedUse = Readonly<{
  used: ReadonlySet<string>;
  discovered: readonly string[];
  lowered: ReadonlyMap<string, number>;
}>;

/**
 * One thing that the tighter document says otherwise. `rule` points into the document that is live; `tool` is a name or
 * a pattern.
 */
export type Tightening = Readonly<{
  code: 'default_denied' | 'pattern_narrowed' | 'tool_never_used' | 'limit_above_use';
  rule: string;
  tool: string | null;
}>;

export type Tightened = Readonly<{ document: PolicyDocument; changes: readonly Tightening[] }>;

type Named = readonly [name: string, entry: ToolEntry];
type NamesByRule = ReadonlyMap<string, readonly string[]>;

/**
 * How far a document can be tightened: whether its default can be deny, and whether its patterns can give way to the
 * names that were used under them.
 */
type Tightenable = Readonly<{ usedBy: NamesByRule; deniesDefault: boolean; narrows: boolean }>;

const MAX_BYTES = 256 * 1024;

const namedOf = ({ tools = {} }: PolicyDocument): readonly Named[] => Object.entries(tools);
const ruleOf = (name: string): string => pointerTo('/tools', name);
const allows = ([, { action }]: Named): boolean => action !== 'deny';
const patternsOf = (document: PolicyDocument): readonly Named[] =>
  namedOf(document).filter((one) => isPattern(one[0]) && allows(one));

/** Whether a name can be an entry that stands for itself alone. */
const isPlain = (name: string): boolean =>
  name.length >= 1 && name.length <= 128 && !isPattern(name) && isStorableText(name);

/** The names that the document does not refuse for their name alone, by the rule that lets them pass. */
export const allowedByName = (document: PolicyDocument, names: Iterable<string>): NamesByRule => {
  const policy = compilePolicy(document);
  const denied = new Set(namedOf(document).flatMap((one) => (allows(one) ? [] : [ruleOf(one[0])])));
  const byRule = new Map<string, string[]>();
  for (const name of names) {
    const { entry, hidden } = planFor(policy, name);
    if (hidden || !entry.listed || denied.has(entry.pointer)) continue;
    const same = byRule.get(entry.pointer);
    if (same) same.push(name);
    else byRule.set(entry.pointer, [name]);
  }
  return byRule;
};

const findTightenable = (live: PolicyDocument, used: Iterable<string>): Tightenable => {
  const usedBy = allowedByName(live, used);
  const namesOf = (rule: string): readonly string[] => usedBy.get(rule) ?? [];
  const deniesDefault = live.default === 'deny' || namesOf('/default').every(isPlain);
  // The count of a pattern's rate_limit is its own: entries in its place would each begin another.
  const givesWay = ([name, { rate_limit: rate }]: Named): boolean =>
    namesOf(ruleOf(name)).length === 0 || (rate === undefined && namesOf(ruleOf(name)).every(isPlain));
  return { usedBy, deniesDefault, narrows: deniesDefault && patternsOf(live).every(givesWay) };
};

/**
 * What stands in the place of one entry. Without an entry a tool falls to a pattern or the default: it goes only where
 * that refuses it.
 */
const inPlaceOf = (
  one: Named,
  { usedBy, deniesDefault, narrows }: Tightenable,
  kept: Readonly<{ denied: ToolEntry; patterns: readonly ((name: string) => boolean)[] }>,
): readonly Named[] => {
  const [name, entry] = one;
  const users = usedBy.get(ruleOf(name)) ?? [];
  if (!allows(one)) return [one];
  if (isPattern(name)) return narrows ? users.map((user) => [user, entry]) : [one];
  if (users.length > 0) return [one];
  return deniesDefault && (narrows || !kept.patterns.some((matches) => matches(name))) ? [] : [[name, kept.denied]];
};

/** Tools of the server that the document goes on allowing by a pattern or by its default, and that nobody used. */
const unusedBeside = (
  live: PolicyDocument,
  { discovered, used }: ObservedUse,
  { deniesDefault, narrows }: Tightenable,
): readonly (readonly [rule: string, name: string])[] => {
  const staying = [
    ...(narrows ? [] : patternsOf(live).map(([name]) => ruleOf(name))),
    ...(deniesDefault ? [] : ['/default']),
  ];
  const byRule = allowedByName(
    live,
    discovered.filter((name) => !used.has(name) && isPlain(name)),
  );
  return staying.flatMap((rule) => (byRule.get(rule) ?? []).map((name) => [rule, name] as const));
};

/** Resources and prompts that were allowed by default stay so: what was used of them is not looked at. */
const allowingTheRest = (section: Readonly<Record<string, ToolEntry>> = {}): Readonly<Record<string, ToolEntry>> =>
  Object.keys(section).some((name) => /^\*+$/.test(name)) ? section : { ...section, '*': {} };

const changesOf = (
  live: PolicyDocument,
  known: ObservedUse,
  reach: Tightenable,
  unused: ReturnType<typeof unusedBeside>,
): readonly Tightening[] => {
  const used = (name: string): boolean => (reach.usedBy.get(ruleOf(name)) ?? []).length > 0;
  const ofEntry = ([name]: Named): readonly Tightening[] => {
    if (!isPattern(name)) return used(name) ? [] : [{ code: 'tool_never_used', rule: ruleOf(name), tool: name }];
    return reach.narrows
      ? [{ code: used(name) ? 'pattern_narrowed' : 'tool_never_used', rule: ruleOf(name), tool: name }]
      : [];
  };
  return [
    ...(live.default === 'allow' && reach.deniesDefault
      ? [{ code: 'default_denied', rule: '/default', tool: null } as const]
      : []),
    ...namedOf(live).filter(allows).flatMap(ofEntry),
    ...unused.map(([rule, tool]) => ({ code: 'tool_never_used', rule, tool }) as const),
    ...[...known.lowered.keys()].map((rule) => ({ code: 'limit_above_use', rule, tool: null }) as const),
  ];
};

const isSavable = (document: PolicyDocument): boolean =>
  parsePolicy(document).ok && Buffer.byteLength(JSON.stringify(document)) <= MAX_BYTES;

/**
 * A tighter document: it never allows a call that the live one refuses, and allows every call of the tools in `used`
 * that the live one allows, but for limits, which come down to `lowered`. Tools that nobody used are not allowed any
 * more; `reason` is what an agent reads where one needs an entry that denies it. Resources and prompts stay as they
 * are.
 */
export const tighten = (live: PolicyDocument, known: ObservedUse, reason: string): Tightened => {
  const limited = lowerLimits(live, known.lowered);
  const reach = findTightenable(live, known.used);
  const unused = unusedBeside(live, known, reach);
  const denied: ToolEntry = { action: 'deny', reason };
  const kept = { denied, patterns: patternsOf(live).map(([name]) => wildcard(name)) };
  const byDefault: readonly Named[] =
    live.default === 'allow' && reach.deniesDefault
      ? (reach.usedBy.get('/default') ?? []).map((name) => [name, {}])
      : [];
  const tools = [
    ...namedOf(limited).flatMap((one) => inPlaceOf(one, reach, kept)),
    ...byDefault,
    ...unused.map(([, name]): Named => [name, denied]),
  ];
  const turned =
    live.default === 'allow' && reach.deniesDefault
      ? { resources: allowingTheRest(live.resources), prompts: allowingTheRest(live.prompts) }
      : {};
  const document: PolicyDocument = {
    ...limited,
    ...turned,
    default: reach.deniesDefault ? 'deny' : live.default,
    tools: Object.fromEntries(tools),
  };
  if (isSavable(document)) return { document, changes: changesOf(live, known, reach, unused) };
  return {
    document: limited,
    changes: [...known.lowered.keys()].map((rule) => ({ code: 'limit_above_use', rule, tool: null })),
  };
};
