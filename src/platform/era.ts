/**
 * The two eras of MCP, in the specification's own words: `legacy`, revisions to 2025-11-25, opens a session with initialize; `modern`, from 2026-07-28 on,
 * has no session and every request says its revision.
 */
export type Era = 'legacy' | 'modern';

/** The era of a revision; undefined when there is none. Revisions are dates, so text order is their order. */
export const eraOf = (protocolVersion: string | null | undefined): Era | undefined => {
  if (protocolVersion === null || protocolVersion === undefined) return undefined;
  return protocolVersion >= '2026-07-28' ? 'modern' : 'legacy';
};
