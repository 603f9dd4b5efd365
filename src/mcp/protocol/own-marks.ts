import { randomBytes } from 'node:crypto';
import { editNested, editObject, setText } from '../wire/json-text.js';

/** How the text of a refused call begins. No text of an MCP server may begin so without a note. */
export const POLICY_DENIED = '[POLICY DENIED]';
/** How the text of a call that waits for its approval begins. */
export const APPROVAL_REQUIRED = '[APPROVAL REQUIRED]';
/** Every member of `_meta` that this gateway writes has a name that begins so. */
export const OWN_MEMBER = 'io.toolgate/';

const PREFIXES = [POLICY_DENIED, APPROVAL_REQUIRED];
/** Stands before the text of an MCP server that begins as one of ours. */
export const FROM_SERVER = Buffer.from('[from the MCP server] ');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** The character at `at` of the inside of a JSON string, and how many bytes it takes; undefined when it is cut. */
const characterAt = (raw: Buffer, at: number): Readonly<{ character: string; bytes: number }> | undefined => {
  if (raw[at] !== BACKSLASH) return { character: String.fromCharCode(raw[at] ?? 0), bytes: 1 };
  if (raw[at + 1] === LETTER_U)
    return at + 6 > raw.length
      ? undefined
      : { character: String.fromCharCode(Number.parseInt(raw.toString('latin1', at + 2, at + 6), 16)), bytes: 6 };
  const escaped = raw.toString('latin1', at + 1, at + 2);
  return escaped === '' ? undefined : { character: SHORT_ESCAPES[escaped] ?? escaped, bytes: 2 };
};

/**
 * Says of the beginning of a JSON string (`raw` begins behind its quote) whether it has one of these prefixes;
 * undefined when the bytes are too few to say.
 */
const beginsWith = (raw: Buffer, prefixes: readonly string[], skipsSpace: boolean): boolean | undefined => {
  let text = '';
  for (let at = 0; at < raw.length && raw[at] !== QUOTE;) {
    const next = characterAt(raw, at);
    if (!next) return undefined;
    at += next.bytes;
    if (skipsSpace && text === '' && next.character.trim() === '') continue;
    text += next.character.toUpperCase();
    if (prefixes.includes(text)) return true;
    if (!prefixes.some((prefix) => prefix.startsWith(text))) return false;
  }
  return raw.includes(QUOTE) ? false : undefined;
};

const UPPER_PREFIXES = PREFIXES.map((prefix) => prefix.toUpperCase());
const UPPER_MEMBER = [OWN_MEMBER.toUpperCase()];

/**
 * Whether a JSON string begins with one of our prefixes, white space before it and the case of letters aside. `raw`
 * begins behind the opening quote. Undefined when more bytes are needed; when no more are to be had (`isAll`) it counts
 * as beginning so.
 */
export const beginsWithOwnPrefix = (raw: Buffer, isAll: boolean): boolean | undefined =>
  beginsWith(raw, UPPER_PREFIXES, true) ?? (isAll ? true : undefined);

/** Whether a key, as the bytes between its quotes, is a name that only this gateway writes. */
export const isOwnMember = (key: Buffer): boolean => beginsWith(key, UPPER_MEMBER, false) === true;

/**
 * What must stand in the bytes of a message (read as Latin-1) that this gateway would have to change: a prefix or a
 * name of ours, or an escape that could spell a letter of them. In the source of a regular expression that ignores
 * case.
 */
export const MARKS_SOURCE = String.raw`io\.toolgate|\[(?:POLICY DENIED|APPROVAL REQUIRED)\]|\\u00(?:2[0ef]|[4-7])`;

const RESTARTED = `${OWN_MEMBER}session`;
/** A key that no server can know, as it never leaves this process: the relay writes `RESTARTED` in its place. */
const RESTART_MARK = Buffer.from(`${RESTARTED}.${randomBytes(16).toString('hex')}`);
const RESTARTED_KEY = Buffer.from(`"${RESTARTED}`);

/** A JSON-RPC result whose `_meta` says that its session was started again. */
export const withRestartMark = (message: string): string =>
  editObject(message, {
    result: editNested({ _meta: editNested({ [RESTART_MARK.toString()]: setText('{"restarted":true}') }) }),
  });

/** What to write, up to the closing quote, for a key of ours that this process has put in; undefined for any other. */
export const ownKeyFor = (key: Buffer): Buffer | undefined => (key.equals(RESTART_MARK) ? RESTARTED_KEY : undefined);
