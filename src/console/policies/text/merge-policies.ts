import { removeIn, setIn } from './edit-json.js';
import { isJsonObject, memberOf, readJson, type Json, type JsonPath } from './json-tree.js';
import { pointerOf } from './positions.js';
import { SECTIONS } from './policy-model.js';

/** A place that differs between two documents; `undefined` is a place that is not there. */
export type Change = Readonly<{ path: JsonPath; before: Json | undefined; after: Json | undefined }>;

const equal = (one: Json | undefined, other: Json | undefined): boolean => canonical(one) === canonical(other);

/** A text that is the same for equal values, in whatever order their keys stand. */
function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? '';
  const members = Object.keys(value).toSorted();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

const sections: readonly string[] = SECTIONS;

/**
 * What differs between two documents, by entries and members of the document. Texts that are no JSON have no changes.
 */
export function changesOf(before: string, after: string): readonly Change[] {
  const [old, now] = [readJson(before), readJson(after)];
  if (!old.ok || !now.ok) return [];
  return keysOf(old.value, now.value).flatMap((key) => {
    const [one, other] = [memberOf(old.value, key), memberOf(now.value, key)];
    if (equal(one, other)) return [];
    if (!sections.includes(key) || (one !== undefined && other === undefined))
      return [{ path: [key], before: one, after: other }];
    return keysOf(one, other).flatMap((name) => {
      const change = { path: [key, name], before: memberOf(one, name), after: memberOf(other, name) };
      return equal(change.before, change.after) ? [] : [change];
    });
  });
}

const keysOf = (one: Json | undefined, other: Json | undefined): readonly string[] => [
  ...new Set([...(isJsonObject(one) ? Object.keys(one) : []), ...(isJsonObject(other) ? Object.keys(other) : [])]),
];

/** Two people's changes of one document, put together; `clashes` are the places that both changed to something else. */
export type Merged = Readonly<{ text: string; clashes: readonly string[] }>;

/**
 * Puts the changes that lead from `base` to `mine` on top of `theirs`. A place that both changed is left as theirs and
 * named, unless both made it the same.
 */
export function mergePolicies(base: string, mine: string, theirs: string): Merged {
  const others = changesOf(base, theirs);
  const clashes: string[] = [];
  let text = theirs;
  for (const change of changesOf(base, mine)) {
    const clashing = others.find(({ path }) => isSameOrAround(path, change.path));
    if (clashing === undefined)
      text = change.after === undefined ? removeIn(text, change.path) : setIn(text, change.path, change.after);
    else if (!equal(clashing.after, change.after) || clashing.path.length !== change.path.length)
      clashes.push(pointerOf(change.path));
  }
  return { text, clashes };
}

const isSameOrAround = (one: JsonPath, other: JsonPath): boolean => {
  const shorter = Math.min(one.length, other.length);
  return one.slice(0, shorter).every((step, at) => step === other[at]);
};
