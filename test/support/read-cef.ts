/** A line of CEF as a receiver reads it: seven fields of the header, and the extension by its keys. */
export type CefLine = Readonly<{ header: readonly string[]; extension: ReadonlyMap<string, string> }>;

const HEADER_FIELDS = 7;

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/gs, (_whole, one: string) => ({ n: '\n', r: '\r' })[one] ?? one);

const readHeader = (line: string): Readonly<{ header: readonly string[]; rest: string }> => {
  const header: string[] = [];
  let field = '';
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '\\') field += line[(at += 1)] ?? '';
    else if (line[at] === '|') {
      header.push(field);
      field = '';
      if (header.length === HEADER_FIELDS) return { header, rest: line.slice(at + 1) };
    } else field += line[at];
  }
  throw new Error('a header with too few fields');
};

/** Reads one line by ArcSight's rules: a key follows a space and stands before a `=` that no backslash escapes. */
export const readCef = (line: string): CefLine => {
  const { header, rest } = readHeader(line);
  const keys = [...rest.matchAll(/(?:^| )([A-Za-z0-9_]+)=/g)];
  const extension = new Map<string, string>();
  for (const [index, match] of keys.entries()) {
    const from = match.index + match[0].length;
    const name = match[1] ?? '';
    if (extension.has(name)) throw new Error(`the key ${name} stands there twice`);
    extension.set(name, unescaped(rest.slice(from, keys[index + 1]?.index)));
  }
  return { header, extension };
};
