import { useMemo, type ReactElement } from 'react';
import { diffLines, type DiffLine } from './text/line-difference.js';
import styles from './builder.module.css';

const CONTEXT = 2;

/** Lines that changed, with two around each; `undefined` stands for lines that are left out. */
function nearChanges(lines: readonly DiffLine[]): readonly (DiffLine | undefined)[] {
  const near = new Set<number>();
  for (const [at, { kind }] of lines.entries())
    if (kind !== 'same') for (let by = -CONTEXT; by <= CONTEXT; by += 1) near.add(at + by);
  return lines.flatMap((line, at) => (near.has(at) ? [line] : near.has(at - 1) ? [undefined] : []));
}

const SIGNS = { same: ' ', added: '+', removed: '-' };

/** What changed from one text to another, line by line. */
export function Difference({ before, after }: Readonly<{ before: string; after: string }>): ReactElement {
  const lines = useMemo(() => nearChanges(diffLines(before, after)), [before, after]);
  if (lines.every((line) => line === undefined || line.kind === 'same')) return <p>No differences.</p>;
  return (
    <pre className={styles['difference']} tabIndex={0}>
      {lines.map((line, at) => (
        <span key={at} data-kind={line?.kind ?? 'left-out'}>
          {line === undefined ? '⋯' : `${SIGNS[line.kind]} ${line.text}`}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
