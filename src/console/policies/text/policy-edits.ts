import { removeIn, setIn } from './edit-json.js';
import { memberOf, type Json, type JsonObject, type JsonPath } from './json-tree.js';
import { exactEntry, listOf, readPolicy, rowOf, type Effect, type PolicyModel, type Section } from './policy-model.js';

/** A thing that a row of the builder is about. */
export type Subject = Readonly<{ section: Section; name: string }>;

const MAX_COUNTER_LENGTH = 64;

/** The usual counter of a thing's limit: `cancel_job_rate`. */
export const counterOf = (name: string): string =>
  `${name.replaceAll(/[^A-Za-z0-9_.:-]/g, '_').slice(0, MAX_COUNTER_LENGTH - '_rate'.length)}_rate`;

const usualLimit = (name: string): JsonObject => ({
  counter: counterOf(name),
  window: 'minute',
  max: 10,
  scope: 'grant',
});

/** Runs edits one after another; each sees the text that the one before made. */
const inTurn = (text: string, ...edits: readonly ((text: string) => string)[]): string =>
  edits.reduce((now, edit) => edit(now), text);

const modelOf = (text: string): PolicyModel | undefined => {
  const read = readPolicy(text);
  return read.ok ? read.model : undefined;
};

/**
 * Gives a thing an effect. A thing that a pattern decided about gets an entry of its own that begins as a copy of the
 * pattern's, so that no rule is lost. *Allow* takes the limits away; *Limit* allows ten a minute where there is no
 * limit yet; *Approve* and *Deny* leave them. A thing that a pattern in `hide` hides stays hidden.
 */
export function setEffect(text: string, subject: Subject, effect: Effect): string {
  const model = modelOf(text);
  if (model === undefined) return text;
  const row = rowOf(model, subject.section, subject.name);
  if (row.by === 'hidePattern' || row.effect === effect) return text;
  if (effect === 'Hide') return hide(text, subject);
  const path = [subject.section, subject.name];
  const shown = inTurn(
    text,
    (now) => unhide(now, subject.name),
    (now) => ownEntry(now, subject),
  );
  if (effect === 'Deny') return setIn(shown, [...path, 'action'], 'deny');
  if (effect === 'Approve') return setIn(shown, [...path, 'action'], 'require_approval');
  const allowed = removeIn(shown, [...path, 'action']);
  if (effect === 'Limit') return limited(allowed, subject);
  return inTurn(
    allowed,
    (now) => removeIn(now, [...path, 'limits']),
    (now) => removeIn(now, [...path, 'rate_limit']),
  );
}

function ownEntry(text: string, { section, name }: Subject): string {
  const model = modelOf(text);
  if (model === undefined || exactEntry(model, section, name) !== undefined) return text;
  return setIn(text, [section, name], rowOf(model, section, name).entry?.value ?? {});
}

function limited(text: string, { section, name }: Subject): string {
  const model = modelOf(text);
  const value = model && exactEntry(model, section, name)?.value;
  if (listOf(value, 'limits').length > 0 || memberOf(value, 'rate_limit') !== undefined) return text;
  return setIn(text, [section, name, 'limits'], [usualLimit(name)]);
}

function unhide(text: string, name: string): string {
  const model = modelOf(text);
  const at = model?.hide.indexOf(name) ?? -1;
  if (at < 0) return text;
  return unhide(removeRule(text, ['hide', at]), name);
}

/** Under `default: deny` an entry without rules just goes; else the name stands in `hide`, and the entry stays. */
function hide(text: string, { section, name }: Subject): string {
  const model = modelOf(text);
  if (model === undefined || rowOf(model, section, name).effect === 'Hide') return text;
  const entry = exactEntry(model, section, name);
  if (entry !== undefined && Object.keys(entry.value).every((key) => key === 'action')) {
    const without = removeIn(text, [section, name]);
    const then = modelOf(without);
    if (then !== undefined && rowOf(then, section, name).effect === 'Hide') return without;
  }
  return append(text, ['hide'], name);
}

/** Adds an item to a list, which is made where it is missing. */
export function append(text: string, path: JsonPath, item: Json): string {
  const model = modelOf(text);
  if (model === undefined) return text;
  const list = path.reduce<Json | undefined>(
    (value, step) =>
      typeof step === 'string' ? memberOf(value, step) : Array.isArray(value) ? value[step] : undefined,
    model.value,
  );
  return Array.isArray(list) ? setIn(text, [...path, list.length], item) : setIn(text, path, [item]);
}

/** The limit that the fields of a row change: the first of `limits`, else `rate_limit`. */
export function firstLimit(text: string, subject: Subject): Readonly<{ path: JsonPath; limit: Json }> | undefined {
  const model = modelOf(text);
  const value = model && exactEntry(model, subject.section, subject.name)?.value;
  const path = [subject.section, subject.name];
  const first = listOf(value, 'limits')[0];
  if (first !== undefined) return { path: [...path, 'limits', 0], limit: first };
  const rate = memberOf(value, 'rate_limit');
  return rate === undefined ? undefined : { path: [...path, 'rate_limit'], limit: rate };
}

const WINDOW_SECONDS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3600, day: 86_400 };

/**
 * Changes the number or the window of a row's limit. A thing that a pattern limits gets an entry of its own first.
 * `rate_limit` keeps its short form, in seconds; it becomes a limit where a month is wanted.
 */
export function setLimit(text: string, subject: Subject, change: Readonly<{ max?: number; window?: Json }>): string {
  const own = limited(ownEntry(text, subject), subject);
  const found = firstLimit(own, subject);
  if (found === undefined) return text;
  const { path } = found;
  const withMax = change.max === undefined ? own : setIn(own, [...path, 'max'], change.max);
  if (change.window === undefined) return withMax;
  if (path.at(-1) !== 'rate_limit') return setIn(withMax, [...path, 'window'], change.window);
  const seconds = typeof change.window === 'number' ? change.window : WINDOW_SECONDS[String(change.window)];
  if (seconds !== undefined) return setIn(withMax, [...path, 'window'], seconds);
  const max = change.max ?? memberOf(found.limit, 'max') ?? 0;
  const limit = { ...usualLimit(subject.name), window: change.window, max };
  return inTurn(
    withMax,
    (now) => removeIn(now, path),
    (now) => setIn(now, [subject.section, subject.name, 'limits'], [limit]),
  );
}

/** Sets a member of the document, or takes it away where it is what holds without it. */
export const setMember = (text: string, key: string, value: Json, usual?: Json): string =>
  value === usual ? removeIn(text, [key]) : setIn(text, [key], value);

/** Removes the rule or entry at a place; a list that is empty then goes as well. */
export function removeRule(text: string, path: JsonPath): string {
  const parent = path.slice(0, -1);
  const without = removeIn(text, path);
  const model = modelOf(without);
  if (model === undefined || typeof path.at(-1) !== 'number') return without;
  const list = parent.reduce<Json | undefined>((value, step) => memberOf(value, String(step)), model.value);
  return Array.isArray(list) && list.length === 0 ? removeIn(without, parent) : without;
}

/** The document that a new policy begins as: nothing is allowed. */
export const EMPTY_POLICY = '{\n  "version": "1",\n  "default": "deny",\n  "tools": {}\n}\n';
