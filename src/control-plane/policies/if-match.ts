import { Problem } from '../../platform/runtime/problems.js';

/** The entity tag of a version (RFC 9110 8.8.3). */
export const etagOf = (version: number): string => `"${version}"`;

/**
 * Whether an `If-Match` names a version: `"3"`, `3`, a list, or `*` for any. Weak tags never match (RFC 9110 13.1.1).
 */
export const matchesVersion = (ifMatch: string, version: number): boolean =>
  ifMatch.trim() === '*' ||
  ifMatch.split(',').some((tag) => tag.trim() === etagOf(version) || tag.trim() === String(version));

/** @throws Problem `precondition_failed` when an `If-Match` was sent and names another version. */
export const requireMatch = (ifMatch: string | undefined, version: number): void => {
  if (ifMatch === undefined || matchesVersion(ifMatch, version)) return;
  throw new Problem(
    'precondition_failed',
    'Read the policy again, bring your change into its newest version, and send it with that ETag.',
  );
};

/** @throws Problem `precondition_required` when no `If-Match` was sent. */
export const requireIfMatch = (ifMatch: string | undefined): string => {
  if (ifMatch === undefined || ifMatch.trim() === '')
    throw new Problem(
      'precondition_required',
      'Read the policy and send its ETag as If-Match, so that nobody’s change is overwritten unseen.',
    );
  return ifMatch;
};
