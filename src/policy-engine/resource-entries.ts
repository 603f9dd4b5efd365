import type { Check, Refusal } from './check.js';
import { planFor, type CompiledEntry, type CompiledNames, type Plan } from './compile.js';
import type { Work } from './conditions/work.js';
import { operators } from './conditions/operators.js';
import type { Decision, Facts, Reservation } from './facts.js';
import { shareAmounts } from './limits.js';
import type { Role } from './other-spellings.js';
import { MAX_PATTERN_STEPS } from './pattern-index.js';
import { normalUri, spellingsOf, type Spellings } from './resource-uri.js';
import { wildcard } from './wildcard.js';
import { unescapeToken } from '../platform/json/pointer.js';

/** The entries that speak of one resource, and the spellings in which they judge it. */
export type Resource = Readonly<{
  entries: readonly CompiledEntry[];
  texts: readonly string[];
  encoded: readonly string[];
}>;

/** Why a URI can't be judged: readers could take it in several ways, or patterns would take too many steps. */
export type Unjudged = 'ambiguous' | 'too_costly';

const CACHE_SIZE = 1024;
const MAX_CACHED_LENGTH = 256;
const cache = new WeakMap<CompiledNames, Map<string, Resource>>();

/**
 * The entries that a request for this URI must pass, all of them, and the spellings that each must pass in. What is
 * granted is granted by the entries of the URI itself (in its normal form, which names the same resource for every
 * reader); entries for any other spelling only add refusals and limits. Where the default denies, it also counts when
 * no entry knows what is left of the URI without the parts that servers ignore. All spellings share the steps of one
 * name.
 */
export function resourceIn(names: CompiledNames, uri: string): Resource | Unjudged {
  const known = cache.get(names)?.get(uri);
  if (known !== undefined) return known;
  const spellings = spellingsOf(uri);
  if (spellings === undefined) return 'ambiguous';
  const search = new EntrySearch(names);
  const resource = { entries: entriesFor(search, uri, spellings), texts: spellings.texts, encoded: spellings.encoded };
  if (search.stepsLeft < 0) return 'too_costly';
  keep(names, uri, resource);
  return resource;
}

function keep(names: CompiledNames, uri: string, resource: Resource): void {
  if (uri.length > MAX_CACHED_LENGTH) return;
  const memo = cache.get(names) ?? new Map<string, Resource>();
  if (memo.size >= CACHE_SIZE) memo.clear();
  memo.set(uri, resource);
  cache.set(names, memo);
}

/** Whether a list shows a resource, or a template by its text. Takes the steps of patterns from `work`. */
export function isResourceListed(names: CompiledNames, uri: string, work?: Work): boolean {
  const search = new EntrySearch(names);
  const granting = [search.winner(uri) ?? [], grantingEntries(search, uri, normalUri(uri))].flat();
  if (work) work.left -= MAX_PATTERN_STEPS - search.stepsLeft;
  if (search.stepsLeft < 0) return false;
  return granting.length === 0 ? names.fallback.listed : granting.some(({ listed }) => listed);
}

/** One judgement for each entry and each spelling that it looks at. */
export function judgeSpellings<T>(
  resource: Resource,
  facts: Facts,
  judge: (plan: Plan, facts: Facts) => T,
): readonly T[] {
  const { entries, texts, encoded } = resource;
  return entries.flatMap((entry) => {
    const plan = planOf(entry);
    if (!entry.checks.some(({ criterion }) => criterion !== undefined)) return [judge(plan, facts)];
    const written = texts.map((uri) => judge(plan, spelled(facts, uri)));
    if (encoded.length === 0) return written;
    const asEncoded = { ...plan, checks: entry.checks.filter((check) => !wantsText(check)) };
    return [...written, ...encoded.map((uri) => judge(asEncoded, spelled(facts, uri)))];
  });
}

type Named = Readonly<{ entry: Readonly<{ compiled: CompiledEntry }>; role: Role }>;

type Refused = Pick<Refusal, 'effect' | 'approval'>;

/**
 * The judgement that refuses most, undefined when none refuses: a denial before a hold, of holds the one that wants
 * most people, of equals the first.
 */
export function strictestOf<T>(judged: readonly T[], refusalOf: (one: T) => Refused | undefined): T | undefined {
  let strictest: T | undefined;
  let most = 0;
  for (const one of judged) {
    const refusal = refusalOf(one);
    if (refusal === undefined) continue;
    const strictness = refusal.effect === 'deny' ? Number.POSITIVE_INFINITY : (refusal.approval?.count ?? 1);
    if (strictness <= most) continue;
    most = strictness;
    strictest = one;
  }
  return strictest;
}

/** All that any of the judgements reserves: every limit once, and on each counter its largest amount. */
export function reservationsOfAll(judged: readonly Pick<Decision, 'reservations'>[]): readonly Reservation[] {
  const [first] = judged;
  if (first === undefined || judged.length === 1) return first?.reservations ?? [];
  const byRule = new Map<string, Reservation>();
  for (const one of judged.flatMap(({ reservations }) => reservations)) {
    if (one.amount > (byRule.get(one.pointer)?.amount ?? -1)) byRule.set(one.pointer, one);
  }
  return shareAmounts([...byRule.values()]);
}

/** The plan of a name that this entry alone governs. */
export function planOf(entry: CompiledEntry): Plan {
  return { entry, hidden: false, checks: entry.checks, steps: 0 };
}

/** The plan of a resource that all of its entries let pass. */
export function planOfAll({ entries }: Resource): Plan {
  const [first] = entries;
  if (first === undefined) throw new Error('every resource has an entry, if only the default');
  return { ...planOf(first), checks: entries.length === 1 ? first.checks : entries.flatMap(({ checks }) => checks) };
}

/**
 * Looks entries up for several spellings of one URI, each once, within the steps that patterns may take for one name.
 * What it answers means nothing once `stepsLeft` is below 0.
 */
class EntrySearch {
  readonly names: CompiledNames;
  readonly #winners = new Map<string, CompiledEntry | undefined>();
  readonly #named = new Map<string, readonly Named[]>();
  stepsLeft = MAX_PATTERN_STEPS;

  constructor(names: CompiledNames) {
    this.names = names;
  }

  /** The entry that wins by its written name; undefined when there is none but the default. */
  winner(uri: string): CompiledEntry | undefined {
    if (this.#winners.has(uri) || this.stepsLeft < 0) return this.#winners.get(uri);
    const { entry, steps } = planFor(this.names, uri, this.stepsLeft);
    this.stepsLeft -= steps;
    const winner = entry === this.names.fallback ? undefined : entry;
    this.#winners.set(uri, winner);
    return winner;
  }

  /** Every entry that has this name in another spelling, in one of these roles. */
  named(uri: string, ...roles: readonly Role[]): readonly CompiledEntry[] {
    return this.#namedAt(uri).flatMap(({ entry, role }) => (roles.includes(role) ? [entry.compiled] : []));
  }

  #namedAt(uri: string): readonly Named[] {
    const known = this.#named.get(uri);
    const { otherSpellings } = this.names;
    if (known !== undefined || otherSpellings === undefined || this.stepsLeft < 0) return known ?? [];
    this.stepsLeft -= otherSpellings.stepsAt(uri);
    const named = this.stepsLeft < 0 ? [] : otherSpellings.at(uri);
    this.#named.set(uri, named);
    return named;
  }
}

function entriesFor(search: EntrySearch, uri: string, spellings: Spellings): readonly CompiledEntry[] {
  const { fallback } = search.names;
  const { normal, plainest, texts, encoded } = spellings;
  const granting = grantingEntries(search, uri, normal);
  const others = [...texts, ...encoded].filter((text) => text !== uri || uri === normal);
  const tightening = others.flatMap((text) =>
    [search.winner(text) ?? [], search.named(text, 'grants', 'tightens')].flat(),
  );
  const entries = [...new Set([...granting, ...tightening])];
  if (entries.length === 0) return [fallback];
  if (fallback.listed) return entries;
  const isKnown = (text: string): boolean =>
    search.winner(text) !== undefined || search.named(text, 'grants', 'tightens', 'recognises').length > 0;
  return granting.length > 0 && plainest.some(isKnown) ? entries : [fallback, ...entries];
}

/**
 * The entries of the URI itself. The one for its written form counts unless it is for the normal form too, where
 * another wins over it.
 */
function grantingEntries(search: EntrySearch, uri: string, normal: string): readonly CompiledEntry[] {
  const written = uri === normal ? undefined : search.winner(uri);
  const own = written === undefined || wildcard(normalUri(nameOf(written)))(normal) ? [] : [written];
  return [search.winner(normal) ?? [], search.named(normal, 'grants'), own].flat();
}

/** The name that an entry's pointer ends with (RFC 6901). */
function nameOf({ pointer }: CompiledEntry): string {
  return unescapeToken(pointer.slice('/resources/'.length));
}

/** Spelled out, as facts may be an object whose members are not its own. */
function spelled(facts: Facts, uri: string): Facts {
  if (uri === facts.tool) return facts;
  const { kind, tool, identity, organizationId, grantId, serverId, sessionId, sourceIp, clientName, approved } = facts;
  const whose = { identity, organizationId, grantId, serverId, sessionId, sourceIp, clientName };
  const { definition, inputSchema, now, amounts } = facts;
  return { kind, tool, arguments: { uri }, ...whose, definition, inputSchema, approved, now, amounts } as Facts;
}

/**
 * A `require` that wants something to be there can't want it in every encoding; one that wants something not to be
 * there can.
 */
function wantsText({ criterion }: Check): boolean {
  return criterion?.kind === 'require' && criterion.conditions.some(({ op }) => !operators[op].isNegative);
}
