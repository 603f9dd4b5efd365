/** Whether a name of a policy is a pattern: it has a `*`. */
export function isPattern(text: string): boolean {
  return text.includes('*');
}

/**
 * A matcher for names, where `*` matches any run of characters, also an empty one, and case counts. Its time is linear
 * in the length of the name whatever the pattern, because patterns come from customers and share a process with others.
 */
export function wildcard(pattern: string): (name: string) => boolean {
  const pieces = pattern.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return (name) => name === pattern;
  const last = pieces.at(-1) ?? '';
  const finders = pieces
    .slice(1, -1)
    .filter((piece) => piece !== '')
    .map(finder);
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    const between = name.slice(first.length, name.length - last.length);
    let at = 0;
    for (const find of finders) {
      at = find(between, at);
      if (at < 0) return false;
    }
    return true;
  };
}

/** How many characters (code points) of a pattern are not `*`. */
export function literalLength(pattern: string): number {
  let length = 0;
  for (const character of pattern) if (character !== '*') length += 1;
  return length;
}

/** Orders by code point; JavaScript's own `<` orders by UTF-16 unit, which differs above U+FFFF. */
export function compareCodePoints(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at += 1) {
    const difference = codePointRank(left.charCodeAt(at)) - codePointRank(right.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

// Surrogates stand for code points above every other unit, so they trade places with U+E000 to U+FFFF.
function codePointRank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

/** Knuth-Morris-Pratt: where the first occurrence at or after `from` ends, or -1. `indexOf` is quadratic at worst. */
export function finder(piece: string): (text: string, from: number) => number {
  const fallback = Uint16Array.from(fallbackTable(piece));
  const units = new Uint16Array(piece.length);
  for (let at = 0; at < piece.length; at += 1) units[at] = piece.charCodeAt(at);
  return (text, from) => {
    const end = text.length;
    let matched = 0;
    for (let at = from; at < end; at += 1) {
      const unit = text.charCodeAt(at);
      while (matched > 0 && units[matched] !== unit) matched = fallback[matched - 1] as number;
      if (units[matched] === unit) matched += 1;
      if (matched === units.length) return at + 1;
    }
    return -1;
  };
}

function fallbackTable(piece: string): readonly number[] {
  const table = [0];
  for (let at = 1; at < piece.length; at += 1) {
    table.push(advance(piece, table, table[at - 1] ?? 0, piece.charCodeAt(at)));
  }
  return table;
}

function advance(piece: string, fallback: readonly number[], matched: number, unit: number): number {
  let length = matched;
  while (length > 0 && piece.charCodeAt(length) !== unit) length = fallback[length - 1] ?? 0;
  return piece.charCodeAt(length) === unit ? length + 1 : length;
}
