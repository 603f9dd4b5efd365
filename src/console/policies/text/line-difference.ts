/** One line of a comparison. */
export type DiffLine = Readonly<{ kind: 'same' | 'added' | 'removed'; text: string }>;

/** Texts with more lines than this are compared by their beginnings and ends alone. */
const MAX_LINES = 2000;

/** What was added to a text and removed from it, line by line, by their longest common subsequence. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let begin = 0;
  while (begin < old.length && begin < now.length && old[begin] === now[begin]) begin += 1;
  let end = 0;
  while (end < old.length - begin && end < now.length - begin && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const same = (lines: readonly string[]): readonly DiffLine[] => lines.map((text) => ({ kind: 'same', text }));
  return [
    ...same(old.slice(0, begin)),
    ...middle(old.slice(begin, old.length - end), now.slice(begin, now.length - end)),
    ...same(old.slice(old.length - end)),
  ];
}

function middle(old: readonly string[], now: readonly string[]): readonly DiffLine[] {
  const removed = old.map((text) => ({ kind: 'removed' as const, text }));
  const added = now.map((text) => ({ kind: 'added' as const, text }));
  if (old.length === 0 || now.length === 0 || old.length > MAX_LINES || now.length > MAX_LINES)
    return [...removed, ...added];
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1)
    for (let column = now.length - 1; column >= 0; column -= 1)
      lengths[row * width + column] =
        old[row] === now[column]
          ? (lengths[(row + 1) * width + column + 1] ?? 0) + 1
          : Math.max(lengths[(row + 1) * width + column] ?? 0, lengths[row * width + column + 1] ?? 0);
  return walk({ old, now, lengths, width });
}

type Table = Readonly<{ old: readonly string[]; now: readonly string[]; lengths: Uint16Array; width: number }>;

function walk({ old, now, lengths, width }: Table): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < old.length && column < now.length) {
    const down = lengths[(row + 1) * width + column] ?? 0;
    const across = lengths[row * width + column + 1] ?? 0;
    if (old[row] === now[column]) {
      lines.push({ kind: 'same', text: old[row] ?? '' });
      row += 1;
      column += 1;
    } else if (down >= across) {
      lines.push({ kind: 'removed', text: old[row] ?? '' });
      row += 1;
    } else {
      lines.push({ kind: 'added', text: now[column] ?? '' });
      column += 1;
    }
  }
  for (const text of old.slice(row)) lines.push({ kind: 'removed', text });
  for (const text of now.slice(column)) lines.push({ kind: 'added', text });
  return lines;
}
