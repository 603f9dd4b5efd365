import { namesOf, planFor, type CompiledNames, type CompiledPolicy } from './compile.js';
import { compilePatternOf, isCompiled } from './conditions/pattern-cache.js';
import { MAX_NAME_LENGTH, type Kind } from './facts.js';
import { resourceIn } from './resource-entries.js';
import { inSlices, type Sliced } from './slices.js';

const underWay = new WeakMap<CompiledNames, Promise<void>>();

/**
 * What the first decision about a name would do in one go, done before it between other work of the process: the index
 * of the patterns of its kind, large entries, and the regular expressions that its own entries look for. Undefined when
 * there is nothing to do, which then took a few look-ups. Calls that wait for the same work share it; it is `owner`'s
 * (an organization's) that begins it. `decide` needs none of this: what is still missing it does itself.
 */
export function prepareDecision(
  policy: CompiledPolicy,
  kind: Kind,
  name: string,
  owner: string,
): Promise<void> | undefined {
  if (name.length > MAX_NAME_LENGTH[kind]) return undefined;
  const names = namesOf(policy, kind);
  const begun = prepareNames(names, owner);
  if (begun !== undefined) return begun.then(() => prepareExpressions(names, kind, name, owner));
  return names.hasExpressions ? prepareExpressions(names, kind, name, owner) : undefined;
}

/** The same for a list of names of a kind, which needs no expressions. */
export function prepareList(policy: CompiledPolicy, kind: Kind, owner: string): Promise<void> | undefined {
  return prepareNames(namesOf(policy, kind), owner);
}

function prepareNames(names: CompiledNames, owner: string): Promise<void> | undefined {
  const { named, hidden, costly } = names;
  if (named.isIndexed && hidden.isIndexed && costly.every(({ isCompiled: isDone }) => isDone)) return undefined;
  const begun = underWay.get(names);
  if (begun !== undefined) return begun;
  const work = inSlices(owner, prepared(names)).finally(() => underWay.delete(names));
  underWay.set(names, work);
  return work;
}

function* prepared({ named, hidden, costly }: CompiledNames): Sliced<void> {
  yield* named.buildIndex();
  yield* hidden.buildIndex();
  for (const entry of costly) yield* entry.compile();
}

function prepareExpressions(names: CompiledNames, kind: Kind, name: string, owner: string): Promise<void> | undefined {
  const missing = expressionsOf(names, kind, name).filter((text) => !isCompiled(text));
  return missing.length === 0 ? undefined : inSlices(owner, compileExpressions(missing));
}

function expressionsOf(names: CompiledNames, kind: Kind, name: string): readonly string[] {
  if (kind !== 'resource') return planFor(names, name).entry.expressions;
  const resource = resourceIn(names, name);
  return typeof resource === 'string' ? [] : resource.entries.flatMap(({ expressions }) => expressions);
}

function* compileExpressions(texts: readonly string[]): Sliced<void> {
  for (const text of texts) yield* compilePatternOf(text);
}
