/** What an object of a message is, as far as that decides what becomes of its members. */
export enum Kind {
  other,
  message,
  result,
  error,
  params,
  /** Its members named `io.toolgate/…` are cut. */
  meta,
  /** What a tool returned as data: nothing in it is changed. */
  data,
}

/** The members that hold a list's items, in one case. */
export const LISTED: ReadonlySet<string> = new Set(['tools', 'prompts', 'resources', 'resourcetemplates']);
/** The members of a JSON-RPC message. */
export const ENVELOPE: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** What a value is by the object that it stands in and its name there, in lower case. */
export const kindOf = (kind: Kind, name: string): Kind => {
  if (kind === Kind.data || kind === Kind.meta) return Kind.data;
  if (name === '_meta' || (kind === Kind.error && name === 'data')) return Kind.meta;
  if (kind === Kind.result && name === 'structuredcontent') return Kind.data;
  if (kind !== Kind.message) return Kind.other;
  if (name === 'result') return Kind.result;
  if (name === 'error') return Kind.error;
  return name === 'params' ? Kind.params : Kind.other;
};

/** Whether people or models read the text of a member as something that was said to them. */
export const isSaid = (kind: Kind, name: string): boolean => {
  if (kind === Kind.data || kind === Kind.meta) return false;
  if (name === 'text' || name === 'statusmessage') return true;
  return (
    (name === 'message' && (kind === Kind.error || kind === Kind.params)) || (name === 'data' && kind === Kind.params)
  );
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_CASE = 0x20;
const LONGEST_ORDINARY = 64;

/** For each first byte, in lower case, the lengths that names with a meaning have, as a bit each. */
const LENGTHS = new Uint32Array(256);
for (const name of [...LISTED, '_meta', 'structuredcontent', 'text', 'message', 'statusmessage', 'data']) {
  const first = (Buffer.from(name)[0] ?? 0) | LOWER_CASE;
  LENGTHS[first] = (LENGTHS[first] ?? 0) | (1 << name.length);
}

/**
 * Where the quote stands that ends a key without any meaning below the message itself; -1 for a key that may have one
 * or must be decoded to know. Most keys of large results are ordinary, and no text is made for them.
 */
export const endOfOrdinaryKey = (bytes: Buffer, from: number): number => {
  for (let at = from; at < Math.min(bytes.length, from + LONGEST_ORDINARY); at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === BACKSLASH || byte >= 0x80) return -1;
    if (byte !== QUOTE) continue;
    const length = at - from;
    return length <= 17 && ((LENGTHS[(bytes[from] ?? 0) | LOWER_CASE] ?? 0) & (1 << length)) !== 0 ? -1 : at;
  }
  return -1;
};
