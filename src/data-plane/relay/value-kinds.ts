/** The kinds of objects in a message whose members are treated differently. */
export enum ValueKind {
  other,
  message,
  result,
  error,
  params,
  /** Members named `io.toolgate/…` are cut from it. */
  meta,
  /** Data that a tool returned: nothing in it is changed. */
  data,
}

/** The members that hold a list's items, in one case. */
export const LIST_MEMBERS: ReadonlySet<string> = new Set(['tools', 'prompts', 'resources', 'resourcetemplates']);
/** The members of a JSON-RPC message. */
export const ENVELOPE_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** The kind of a value, by the kind of the object that holds it and its name there, in lower case. */
export const kindOf = (kind: ValueKind, name: string): ValueKind => {
  if (kind === ValueKind.data || kind === ValueKind.meta) return ValueKind.data;
  if (name === '_meta' || (kind === ValueKind.error && name === 'data')) return ValueKind.meta;
  if (kind === ValueKind.result && name === 'structuredcontent') return ValueKind.data;
  if (kind !== ValueKind.message) return ValueKind.other;
  if (name === 'result') return ValueKind.result;
  if (name === 'error') return ValueKind.error;
  return name === 'params' ? ValueKind.params : ValueKind.other;
};

/** Whether clients show the text of a member to people or models. */
export const isShownText = (kind: ValueKind, name: string): boolean => {
  if (kind === ValueKind.data || kind === ValueKind.meta) return false;
  if (name === 'text' || name === 'statusmessage') return true;
  return (
    (name === 'message' && (kind === ValueKind.error || kind === ValueKind.params)) ||
    (name === 'data' && kind === ValueKind.params)
  );
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_CASE = 0x20;
const MAX_ORDINARY_KEY_BYTES = 64;

/** For each first byte, in lower case: the lengths of the names that have a meaning, one bit a length. */
const LENGTHS = new Uint32Array(256);
for (const name of [...LIST_MEMBERS, '_meta', 'structuredcontent', 'text', 'message', 'statusmessage', 'data']) {
  const first = (Buffer.from(name)[0] ?? 0) | LOWER_CASE;
  LENGTHS[first] = (LENGTHS[first] ?? 0) | (1 << name.length);
}

/**
 * The place of the quote that ends an ordinary key, one without a meaning below the message itself; -1 for a key that
 * may have one, or must be decoded to know. Most keys of large results are ordinary, and need no text of their own.
 */
export const endOfOrdinaryKey = (bytes: Buffer, from: number): number => {
  for (let at = from; at < Math.min(bytes.length, from + MAX_ORDINARY_KEY_BYTES); at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === BACKSLASH || byte >= 0x80) return -1;
    if (byte !== QUOTE) continue;
    const length = at - from;
    return length <= 17 && ((LENGTHS[(bytes[from] ?? 0) | LOWER_CASE] ?? 0) & (1 << length)) !== 0 ? -1 : at;
  }
  return -1;
};
