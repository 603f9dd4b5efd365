/** The first `max` UTF-16 units of a text, less half a surrogate pair at the cut: what was well-formed stays so. */
export const clip = (text: string, max: number): string =>
  text.length <= max ? text : text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
