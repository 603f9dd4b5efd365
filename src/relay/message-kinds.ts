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
  return (name === 'message' && (kind === Kind.error || kind === Kind.params)) || (name === 'data' && kind === Kind.params);
};
