import type { ApprovalRule } from './document.js';
import type { ApprovalTerms } from './facts.js';
import { numberThat, objectOf } from './reader.js';

/** The bounds and the default of each member of `approval`. All are whole numbers. */
export const approvalBounds = {
  expires_in: { least: 1, most: 2_592_000, usual: 3600 },
  wait: { least: 0, most: 300, usual: 20 },
  count: { least: 1, most: 10, usual: 1 },
} as const;

const whole = ({ least, most }: Readonly<{ least: number; most: number }>) =>
  numberThat(
    (number) => Number.isInteger(number) && number >= least && number <= most,
    `must be a whole number, ${least} to ${most}`,
  );

/** Reads `approval`, of the document or of an entry. */
export const readApproval = objectOf(
  new Map(Object.entries(approvalBounds).map(([key, bounds]) => [key, { read: whole(bounds) }])),
);

/** The terms of a held call, with defaults for what the document leaves out. */
export function approvalTerms({ expires_in: expiresIn, wait, count }: ApprovalRule): ApprovalTerms {
  return {
    expiresInSeconds: expiresIn ?? approvalBounds.expires_in.usual,
    waitSeconds: wait ?? approvalBounds.wait.usual,
    count: count ?? approvalBounds.count.usual,
  };
}
