import type { LimitRule, PolicyDocument, Scope, ToolEntry, Window } from './document.js';
import { privateCounterPrefix } from './limits.js';
import { pointerTo } from '../platform/json/pointer.js';
import { DEFAULT_SCOPE } from './scopes.js';

/**
 * One limit of a document. `tool` is the name or pattern of its entry, null for `all_tools`; the pointer in `rule`
 * shows the kind of entry. `incrementFrom` is the path of the argument that is spent.
 */
export type PlacedLimit = Readonly<{
  rule: string;
  tool: string | null;
  counter: string;
  window: Window;
  scope: Scope;
  max: number;
  incrementFrom: string | undefined;
}>;

/** Every limit that a call can reach, in the order of the document. Limits of entries that deny are left out. */
export function limitsOf(document: PolicyDocument): readonly PlacedLimit[] {
  const entries = (['tools', 'resources', 'prompts'] as const).flatMap((section) =>
    Object.entries(document[section] ?? {}).map(([name, entry]) => ({ section, name, entry })),
  );
  return [
    ...place(document.all_tools?.limits ?? [], null, '/all_tools'),
    ...entries.flatMap(({ section, name, entry }) =>
      entry.action === 'deny' ? [] : ofEntry(pointerTo(`/${section}`, name), name, entry),
    ),
  ];
}

/** The pointer of the entry that a limit stands in; `/all_tools` for those of all tools. */
export function entryOf({ rule }: PlacedLimit): string {
  return rule.replace(/\/(limits\/\d+|rate_limit)$/, '');
}

/** The counter of an entry's `rate_limit`: its own, by the entry's pointer. */
export function privateCounter(entryPointer: string): string {
  return privateCounterPrefix + entryPointer;
}

function ofEntry(pointer: string, name: string, { limits = [], rate_limit: rate }: ToolEntry): readonly PlacedLimit[] {
  const own = place(limits, name, pointer);
  if (rate === undefined) return own;
  return [
    ...own,
    {
      rule: `${pointer}/rate_limit`,
      tool: name,
      counter: privateCounter(pointer),
      window: rate.window,
      scope: DEFAULT_SCOPE,
      max: rate.max,
      incrementFrom: undefined,
    },
  ];
}

function place(limits: readonly LimitRule[], tool: string | null, pointer: string): readonly PlacedLimit[] {
  return limits.map(({ counter, window, scope = DEFAULT_SCOPE, max, increment_from: incrementFrom }, index) => ({
    rule: pointerTo(`${pointer}/limits`, index),
    tool,
    counter,
    window,
    scope,
    max,
    incrementFrom,
  }));
}
