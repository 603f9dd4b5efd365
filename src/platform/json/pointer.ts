/** The JSON Pointer of a member of the value at `parent` (RFC 6901: `~` is written `~0`, `/` is `~1`). */
export function pointerTo(parent: string, token: string | number): string {
  const text = String(token);
  return text.includes('~') || text.includes('/')
    ? `${parent}/${text.replaceAll('~', '~0').replaceAll('/', '~1')}`
    : `${parent}/${text}`;
}

/** The member's name or index that one token of a JSON Pointer stands for: the reverse of `pointerTo`. */
export function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
