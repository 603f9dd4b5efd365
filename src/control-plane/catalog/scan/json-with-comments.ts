/** Where the comment that begins at a place of a text ends; undefined when none begins there. */
const endOfComment = (text: string, at: number): number | undefined => {
  if (text[at] !== '/') return undefined;
  const mark = text[at + 1] === '/' ? '\n' : text[at + 1] === '*' ? '*/' : undefined;
  if (mark === undefined) return undefined;
  const end = text.indexOf(mark, at + 2);
  return end === -1 ? text.length : end + (mark === '\n' ? 0 : mark.length);
};

const endOfString = (text: string, at: number): number => {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
};

/** JSON as editors write it, without comments and commas at the end of a list: JSON as it is parsed. Linear. */
export const withoutComments = (text: string): string => {
  const parts: string[] = [];
  /** The place among the parts of a comma that nothing has followed yet. */
  let comma: number | undefined;
  for (let at = 0; at < text.length;) {
    const comment = endOfComment(text, at);
    if (comment !== undefined) {
      at = comment;
      continue;
    }
    const char = text[at] ?? '';
    const end = char === '"' ? endOfString(text, at) : at + 1;
    if ((char === ']' || char === '}') && comma !== undefined) parts[comma] = '';
    if (char === ',') comma = parts.length;
    else if (!/\s/.test(char)) comma = undefined;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts.join('');
};
