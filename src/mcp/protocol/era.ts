/**
 * The two eras of MCP, in the specification's own words: `legacy`, revisions to 2025-11-25, opens a session with
 * initialize; `modern`, from 2026-07-28 on, has no session and every request says its revision.
 */
export type Era = 'legacy' | 'modern';

/** The revisions of each era that are spoken, to clients and to servers alike, newest first: the only list of them. */
export const REVISIONS = {
  modern: ['2026-07-28'],
  legacy: ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'],
} as const satisfies Readonly<Record<Era, readonly string[]>>;

/**
 * The revisions that clients are told of, newest first: 2024-10-07 was a draft, which old servers still answer with.
 */
export const PUBLISHED_REVISIONS: readonly string[] = [...REVISIONS.modern, ...REVISIONS.legacy].filter(
  (revision) => revision >= '2024-11-05',
);

/** Whether a value names a revision of this era that can be spoken. */
export const isRevisionOf = (era: Era, version: unknown): version is string =>
  REVISIONS[era].some((one) => one === version);

/** The era of a revision; undefined when there is none. Revisions are dates, so text order is their order. */
export const eraOf = (protocolVersion: string | null | undefined): Era | undefined => {
  if (protocolVersion === null || protocolVersion === undefined) return undefined;
  return protocolVersion >= '2026-07-28' ? 'modern' : 'legacy';
};

/**
 * The newest revision of an era that an error names and that is not the one that was asked for: some servers list what
 * they speak in `data`, others in words.
 */
export const findNamedRevision = (
  era: Era,
  { message, data }: Readonly<Record<string, unknown>>,
  requested: string,
): string | undefined => {
  const text = `${JSON.stringify(data ?? '')} ${JSON.stringify(message ?? '')}`;
  return REVISIONS[era].find((revision) => revision !== requested && text.includes(revision));
};
