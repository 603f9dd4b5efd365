/** How deeply JSON of outside origin may nest. Everything that recurses over such a value relies on this. */
export const MAX_JSON_DEPTH = 64;

/**
 * How long a text of outside origin may be to be parsed at all, in UTF-16 code units: the longest message of any
 * transport.
 */
export const MAX_JSON_LENGTH = 64 * 2 ** 20;

/** How many objects and arrays a text may hold: a million take 50 MB of memory and a fifth of a second. */
export const MAX_JSON_CONTAINERS = 1_000_000;

/**
 * How many members all objects of a parsed text may have: an object of a million would hold the process for a second.
 */
export const MAX_JSON_MEMBERS = 100_000;

/** How many commas a parsed text may have outside of strings, that is, about how many values. */
export const MAX_JSON_COMMAS = 500_000;

export type JsonFlaw = 'not_json' | 'too_deep' | 'too_large';

/** A parsed text, or why it was not parsed: `not_json` is what `JSON.parse` refuses. */
export type ForeignJson = Readonly<{ ok: true; value: unknown }> | Readonly<{ ok: false; flaw: JsonFlaw }>;

/**
 * A text with fewer brackets than this costs a millisecond to parse however they stand: its depth is read from the
 * value, which is cheaper.
 */
const CHEAP_BRACKETS = 16_384;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** With this bit set, `[` is `{` and `]` is `}`. */
const BRACE_BIT = 0x20;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENS = 0x7b;
const CLOSES = 0x7d;

/** Returns the place behind the closing quote of the string that begins at `at`, or the text's length. */
export const endOfString = (text: string, at: number): number => {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return text.length;
};

const hasMoreThan = (text: string, character: string, most: number): boolean => {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) {
    count += 1;
    if (count > most) return true;
  }
  return false;
};

/** Whether `[` and `{` may occur more than `most` times in all, those in strings included. False is certain. */
const mayOpenMoreThan = (text: string, most: number): boolean =>
  text.length > most && (hasMoreThan(text, '[', most / 2) || hasMoreThan(text, '{', most / 2));

/** A member takes four characters at least, and a value with its comma two. False is certain. */
const mayHoldTooMuch = (text: string): boolean =>
  text.length > 4 * MAX_JSON_MEMBERS &&
  (hasMoreThan(text, ':', MAX_JSON_MEMBERS) ||
    (text.length > 2 * MAX_JSON_COMMAS && hasMoreThan(text, ',', MAX_JSON_COMMAS)));

const holdsTooMuch = (text: string): boolean => {
  let [members, commas] = [0, 0];
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    at = code === QUOTE ? endOfString(text, at) : at + 1;
    if (code === COLON) members += 1;
    if (code === COMMA) commas += 1;
    if (members > MAX_JSON_MEMBERS || commas > MAX_JSON_COMMAS) return true;
  }
  return false;
};

/**
 * Whether a text has more than `MAX_JSON_MEMBERS` or `MAX_JSON_COMMAS`, so that parsing it would hold the process for
 * long. What is in strings does not count. A text of fewer than 400,000 characters is not even looked at.
 */
export const isTooWide = (text: string): boolean => mayHoldTooMuch(text) && holdsTooMuch(text);

const scan = (text: string): Exclude<JsonFlaw, 'not_json'> | undefined => {
  let [depth, containers] = [0, 0];
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    at += 1;
    const folded = code | BRACE_BIT;
    if (folded === CLOSES) depth -= 1;
    if (folded !== OPENS) continue;
    depth += 1;
    containers += 1;
    if (depth > MAX_JSON_DEPTH) return 'too_deep';
    if (containers > MAX_JSON_CONTAINERS) return 'too_large';
  }
  return undefined;
};

/**
 * Why a JSON text must not be parsed or edited: it nests deeper than `MAX_JSON_DEPTH`, or is too large. Exact for JSON;
 * for any other text it only ends. Linear in the text, without recursion or allocation; a text with few brackets is
 * only searched for them.
 */
export const flawOf = (text: string): Exclude<JsonFlaw, 'not_json'> | undefined => {
  if (text.length > MAX_JSON_LENGTH) return 'too_large';
  return mayOpenMoreThan(text, MAX_JSON_DEPTH) ? scan(text) : undefined;
};

const isJsonSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/**
 * By the character that a text begins with, the one that it must end with to be JSON; numbers and words end in many.
 */
const ENDS: Readonly<Record<string, string>> = { '{': '}', '[': ']', '"': '"' };

/**
 * False for most of what is no JSON: a parse that fails costs as much as twenty short ones that do not, as its error
 * has a stack.
 */
const mayBeJson = (text: string): boolean => {
  let [from, to] = [0, text.length - 1];
  while (from < to && isJsonSpace(text.charCodeAt(from))) from += 1;
  while (to > from && isJsonSpace(text.charCodeAt(to))) to -= 1;
  const first = text.charAt(from);
  const end = ENDS[first];
  return end === undefined ? /[-0-9tfn]/.test(first) : to > from && text.charAt(to) === end;
};

/** Goes `levels` deep at most. */
const nestsDeeperThan = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const member of value) if (typeof member === 'object' && nestsDeeperThan(member, levels - 1)) return true;
    return false;
  }
  // All keys of what JSON.parse made are its own, and no list of them is made here.
  for (const key in value) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof member === 'object' && nestsDeeperThan(member, levels - 1)) return true;
  }
  return false;
};

/**
 * Parses a text that came from outside of this process: the only way to do so. Never throws. Nesting over
 * `MAX_JSON_DEPTH`, over `MAX_JSON_LENGTH`, over `MAX_JSON_CONTAINERS` and what `isTooWide` are refused, so that
 * whoever recurses over the value, serializes it or compiles it as a schema goes no deeper than that. `JSON.parse`
 * itself does not recurse; what would be costly to parse is judged before. Judging costs an eighth of the parse for
 * usual texts.
 */
export const readForeignJson = (text: string): ForeignJson => {
  if (text.length > MAX_JSON_LENGTH) return { ok: false, flaw: 'too_large' };
  if (!mayBeJson(text)) return { ok: false, flaw: 'not_json' };
  const scanned = mayOpenMoreThan(text, CHEAP_BRACKETS);
  const flaw = scanned ? scan(text) : undefined;
  if (flaw !== undefined) return { ok: false, flaw };
  if (isTooWide(text)) return { ok: false, flaw: 'too_large' };
  try {
    const value: unknown = JSON.parse(text);
    return !scanned && nestsDeeperThan(value, MAX_JSON_DEPTH) ? { ok: false, flaw: 'too_deep' } : { ok: true, value };
  } catch {
    return { ok: false, flaw: 'not_json' };
  }
};
