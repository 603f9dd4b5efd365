/** The JSON Pointer of a member of the value at `parent` (RFC 6901: `~` is written `~0`, `/` is `~1`). */
export function pointerTo(parent: string, token: string | number): string {
  return `${parent}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
