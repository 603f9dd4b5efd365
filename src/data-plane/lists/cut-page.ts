import { setImmediate as nextTurn } from 'node:timers/promises';
import { endOfString } from '../../platform/json/foreign-json.js';
import { isObject, type Json } from '../../platform/json/json-object.js';
import { parsedJson } from '../../platform/json/parsed-json.js';
import { foldCase } from '../../mcp/protocol/read-message.js';
import { distinctMembersOf, endOfValue, skipSpace } from '../../mcp/wire/json-text.js';
import type { Work } from '../../policy-engine/conditions/work.js';
import { MessageScan } from '../relay/message-scan.js';
import { mayHoldMarks } from '../relay/needles.js';
import { LIST_MEMBERS } from '../relay/value-kinds.js';
import type { ListKind } from './list-kinds.js';
import { mapInTurns } from './map-in-turns.js';

/** Whether an item is shown; `text` is its JSON. */
export type ShowsItem = (item: Json, text: string, work: Work) => boolean;

/**
 * What a list's result may have beside its items. Nothing else passes: a client could read what is hidden in it.
 */
const BESIDE_ITEMS: ReadonlySet<string> = new Set(['resultType', 'nextCursor', 'ttlMs', 'cacheScope', '_meta']);

const COLON = 0x3a;
const QUOTE = 0x22;

const keysIn = (text: string): number => {
  let keys = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    at = code === QUOTE ? endOfString(text, at) : at + 1;
    if (code === COLON) keys += 1;
  }
  return keys;
};

const keysOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  for (const member of Object.values(value)) keys += keysOf(member);
  return Array.isArray(value) ? keys : keys + Object.keys(value).length;
};

/**
 * A value as it goes to the client: its own text, whose numbers keep their digits. A text with equal keys, which two
 * parsers may read in two ways, is printed from the value that was judged.
 */
const unambiguous = (text: string, value: unknown): string =>
  keysIn(text) === keysOf(value) ? text : JSON.stringify(value);

/** The elements of an array in JSON, and at last how it ended. */
function* elementsIn(text: string, max: number): Generator<string, 'whole' | 'broken' | 'too_many'> {
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  if (text[at] === ']') return 'whole';
  for (let count = 1; count <= max; count += 1) {
    const end = endOfValue(text, at);
    if (end === at) return 'broken';
    yield text.slice(at, end);
    at = skipSpace(text, end);
    if (text[at] === ']') return 'whole';
    if (text[at] !== ',') return 'broken';
    at = skipSpace(text, at + 1);
  }
  return 'too_many';
}

/** Whether a value holds what a client could take for a list's items. */
const holdsList = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(holdsList);
  return (
    isObject(value) &&
    Object.entries(value).some(
      ([key, member]) => (LIST_MEMBERS.has(foldCase(key)) && Array.isArray(member)) || holdsList(member),
    )
  );
};

const besideText = (text: string): string | undefined => {
  const value = parsedJson(text);
  return value === undefined || holdsList(value) ? undefined : unambiguous(text, value);
};

/** Whether another key of an item could be taken for its name by a client that ignores case. */
const hasSecondName = (item: Json, name: string): boolean => {
  const folded = foldCase(name);
  return Object.keys(item).some((key) => key !== name && foldCase(key) === folded);
};

/** The items that are shown; undefined when one of them, or the list, is no JSON. */
const shownItems = async (
  text: string,
  { name, maxItems }: ListKind,
  shows: ShowsItem,
): Promise<readonly string[] | 'too_many' | undefined> => {
  let isReadable = true;
  const { kept, end } = await mapInTurns(elementsIn(text, maxItems), (element, work) => {
    const item = parsedJson(element);
    isReadable &&= item !== undefined;
    const isShown =
      isObject(item) && typeof item[name] === 'string' && !hasSecondName(item, name) && shows(item, element, work);
    return isShown ? unambiguous(element, item) : undefined;
  });
  if (end === 'too_many') return end;
  return end === 'whole' && isReadable ? kept : undefined;
};

type MemberEdits = Readonly<Record<string, (given: string | undefined) => string>>;

/**
 * What the client gets of a page; `too_many`: it has more items than a page may have; undefined: it is no such page.
 */
export type CutPage = Readonly<{ text: string }> | 'too_many' | undefined;

/**
 * Cuts a list's result, as JSON text, down to the items that `shows` takes and to what may stand beside them. What
 * passes keeps its own text: the digits of its numbers, the order of its keys. `edits` set further members. Takes time
 * linear in the text, in turns with other work.
 */
export const cutPage = async (
  result: string,
  list: ListKind,
  { shows, edits }: Readonly<{ shows: ShowsItem; edits: MemberEdits }>,
): Promise<CutPage> => {
  const members = distinctMembersOf(result);
  const items = members?.get(list.items);
  if (!members || !items?.startsWith('[')) return undefined;
  const shown = await shownItems(items, list, shows);
  if (shown === undefined || shown === 'too_many') return shown;
  return { text: cutResult(members, { [list.items]: () => `[${shown.join(',')}]`, ...edits }) };
};

/** The members of a result that may pass, in their order, with those that `edits` set. */
const cutResult = (members: ReadonlyMap<string, string>, edits: MemberEdits): string => {
  const cut = new Map<string, string>();
  for (const [key, value] of members) {
    const edit = Object.hasOwn(edits, key) ? edits[key] : undefined;
    const beside = BESIDE_ITEMS.has(key) ? besideText(value) : undefined;
    const text = edit ? edit(beside) : beside;
    if (text !== undefined) cut.set(key, text);
  }
  for (const [key, edit] of Object.entries(edits)) if (!cut.has(key)) cut.set(key, edit(undefined));
  return `{${[...cut].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
};

const SCAN_BYTES = 64 * 1024;

/** A message without what only Toolgate writes. */
export const withoutOwnMarks = async (message: string): Promise<string> => {
  if (!mayHoldMarks(message)) return message;
  const bytes = Buffer.from(message);
  const scan = new MessageScan({ stopsAtList: false });
  const passed: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += SCAN_BYTES) {
    if (at > 0) await nextTurn();
    passed.push(scan.feed(bytes.subarray(at, at + SCAN_BYTES)));
  }
  return Buffer.concat([...passed, scan.end()]).toString('utf8');
};
