/** The `mcpServers` JSON that MCP clients read. */
export type ClientConfig = Readonly<{
  mcpServers: Readonly<
    Record<string, Readonly<{ type: 'http'; url: string; headers: Readonly<{ Authorization: string }> }>>
  >;
}>;

/**
 * A server's name as a key that every client takes: a-z, 0-9 and single hyphens, at most 40 characters; `server` when
 * nothing is left.
 */
export const slugOf = (name: string): string => {
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  return words.replace(/^-/, '').slice(0, 40).replace(/-$/, '') || 'server';
};

/** As much of a grant's id as tells it from others: its last ten characters are random. */
const SUFFIX_LENGTH = 10;

/**
 * What to paste into a client; without a token (it is shown once), a placeholder stands in its place. The key is the
 * server's name and the end of the grant's id: pasted side by side, no two grants overwrite each other, and a rotated
 * one replaces itself.
 */
export const clientConfig = (
  { grantId, serverName }: Readonly<{ grantId: string; serverName: string }>,
  url: string,
  token = '<grant token>',
): ClientConfig => {
  const key = `${slugOf(serverName)}-${grantId.slice(-SUFFIX_LENGTH)}`;
  return { mcpServers: { [key]: { type: 'http', url, headers: { Authorization: `Bearer ${token}` } } } };
};
