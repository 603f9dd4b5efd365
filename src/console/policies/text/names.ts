/** Whether a name of a policy is a pattern: it has a `*`. */
export const isPattern = (name: string): boolean => name.includes('*');

/** Whether a name or pattern means a thing; `*` is any run of characters. Linear in the lengths, piece by piece. */
export function matches(pattern: string, name: string): boolean {
  const pieces = pattern.split('*');
  const [first = '', last = ''] = [pieces[0], pieces.at(-1)];
  if (pieces.length === 1) return pattern === name;
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const between = name.slice(first.length, name.length - last.length);
  let at = 0;
  for (const piece of pieces.slice(1, -1)) {
    const found = between.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

const strictness = ['allow', 'require_approval', 'deny'];

const literalLength = (pattern: string): number => [...pattern].filter((character) => character !== '*').length;

type Named = Readonly<{ name: string; action: string }>;

/**
 * Orders the patterns of a policy, the one that wins first: more characters other than `*`, then the stricter action,
 * then code-point order.
 */
export function comparePatterns(one: Named, other: Named): number {
  return (
    literalLength(other.name) - literalLength(one.name) ||
    strictness.indexOf(other.action) - strictness.indexOf(one.action) ||
    compareCodePoints(one.name, other.name)
  );
}

function compareCodePoints(one: string, other: string): number {
  const left = [...one];
  const right = [...other];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
