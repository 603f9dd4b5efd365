/** A range of numbers, both ends included, that a later number overtook at `sinceMs`. */
export type Missing = readonly [from: number, to: number, sinceMs: number];

/**
 * One boot's numbering of an organization's decisions: every number below `next` is recorded, abandoned or in
 * `missing`. `closedMs` is when the boot was last found dead and its missing numbers were reported.
 */
export type BootNumbers = { next: number; missing: readonly Missing[]; closedMs?: number };

/** By boot; as it stands in `audit_heads`. */
export type Numbering = Record<string, BootNumbers>;

/** Where a decision stands in its boot's numbering; `abandoned` are numbers that were given up before it. */
export type DecisionNumber = Readonly<{ bootId: string; sequence: number; abandoned: readonly number[] }>;

/** With more holes of one boot the last one is widened: the report may name too much, never too little. */
const MAX_HOLES = 10_000;

/** The holes without the numbers `from` to `to`. */
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

/** When the number that has been missing longest was overtaken. */
export const missingSince = (numbering: Numbering): Date | null => {
  const oldest = Math.min(...Object.values(numbering).flatMap(({ missing }) => missing.map(([, , since]) => since)));
  return Number.isFinite(oldest) ? new Date(oldest) : null;
};
