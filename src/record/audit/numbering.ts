/** Numbers from one to the other, both included, that a later one overtook at `sinceMs`. */
export type Missing = readonly [from: number, to: number, sinceMs: number];

/**
 * One boot's numbering of an organization's decisions: everything below `next` is recorded, given up, or in `missing`.
 * `closedMs`: when the boot was last found over, and what was missing reported.
 */
export type BootNumbers = { next: number; missing: readonly Missing[]; closedMs?: number };

/** By boot; as it stands in `audit_heads`. */
export type Numbering = Record<string, BootNumbers>;

/** Where a decision stands in its boot's numbering; `abandoned` are numbers that were given up before it. */
export type DecisionNumber = Readonly<{ bootId: string; sequence: number; abandoned: readonly number[] }>;

/** Past this many holes of one boot the last one is widened: too much is reported, never too little. */
const MAX_HOLES = 10_000;

/** What of these holes is left without the numbers from one to the other. */
export const withoutRange = (missing: readonly Missing[], from: number, to: number): readonly Missing[] =>
  missing.flatMap((hole): readonly Missing[] => {
    const [first, last, since] = hole;
    if (last < from || first > to) return [hole];
    const before: readonly Missing[] = first < from ? [[first, from - 1, since]] : [];
    return last > to ? [...before, [to + 1, last, since]] : before;
  });

const overtaken = (boot: BootNumbers, to: number, nowMs: number): readonly Missing[] => {
  const last = boot.missing.at(-1);
  if (last && boot.missing.length >= MAX_HOLES) return [...boot.missing.slice(0, -1), [last[0], to, last[2]]];
  return [...boot.missing, [boot.next, to, nowMs]];
};

/** Notes that a decision was recorded. Numbers may come late, since refusals wait for a log that is away, and twice. */
export const noteNumber = (
  numbering: Numbering,
  { bootId, sequence, abandoned }: DecisionNumber,
  nowMs: number,
): void => {
  const boot = (numbering[bootId] ??= { next: 1, missing: [] });
  if (sequence > boot.next) boot.missing = overtaken(boot, sequence - 1, nowMs);
  else if (sequence < boot.next && boot.missing.length > 0)
    boot.missing = withoutRange(boot.missing, sequence, sequence);
  boot.next = Math.max(boot.next, sequence + 1);
  if (boot.missing.length > 0) for (const one of abandoned) boot.missing = withoutRange(boot.missing, one, one);
};

/** Since when the oldest missing number is missing. */
export const missingSince = (numbering: Numbering): Date | null => {
  const oldest = Math.min(...Object.values(numbering).flatMap(({ missing }) => missing.map(([, , since]) => since)));
  return Number.isFinite(oldest) ? new Date(oldest) : null;
};
