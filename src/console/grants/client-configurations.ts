/** How one client is told of a grant: a command to run, or the text of a file. */
export type ClientConfiguration = Readonly<{
  id: string;
  label: string;
  blocks: readonly Readonly<{ name: string; text: string; file?: string }>[];
}>;

const json = (value: unknown): string => JSON.stringify(value, undefined, 2);

/** A name that every client takes for a server: lower case, digits and dashes. */
const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '') || 'toolgate';

type Access = Readonly<{ name: string; url: string; token: string; headers: Readonly<Record<string, string>> }>;

const headerOf = ({ token }: Access): string => `Authorization: Bearer ${token}`;

const inFile = (id: string, label: string, file: string, text: string): ClientConfiguration => ({
  id,
  label,
  blocks: [{ name: file, file, text }],
});

const claudeCode = (access: Access): ClientConfiguration => ({
  id: 'claude-code',
  label: 'Claude Code',
  blocks: [
    {
      name: 'Terminal',
      text: `claude mcp add --transport http ${access.name} ${access.url} \\\n  --header "${headerOf(access)}"`,
    },
  ],
});

const codex = ({ name, url, token }: Access): ClientConfiguration =>
  inFile(
    'codex',
    'Codex',
    '~/.codex/config.toml',
    `[mcp_servers.${name}]\nurl = "${url}"\nhttp_headers = { "Authorization" = "Bearer ${token}" }`,
  );

const other = (access: Access): ClientConfiguration => ({
  id: 'other',
  label: 'Other',
  blocks: [
    { name: 'URL', text: access.url },
    { name: 'Header', text: headerOf(access) },
    {
      name: 'mcp-remote',
      text: json({
        mcpServers: {
          [access.name]: { command: 'npx', args: ['mcp-remote', access.url, '--header', headerOf(access)] },
        },
      }),
    },
  ],
});

/** What each of the usual clients wants, for a server's address and a grant's token. */
export function clientConfigurations(
  serverName: string,
  mcpUrl: string,
  token: string,
): readonly ClientConfiguration[] {
  const access: Access = {
    name: slugOf(serverName),
    url: mcpUrl,
    token,
    headers: { Authorization: `Bearer ${token}` },
  };
  const { name, url, headers } = access;
  return [
    claudeCode(access),
    inFile('cursor', 'Cursor', '.cursor/mcp.json', json({ mcpServers: { [name]: { url, headers } } })),
    inFile('vs-code', 'VS Code', '.vscode/mcp.json', json({ servers: { [name]: { type: 'http', url, headers } } })),
    codex(access),
    inFile(
      'gemini-cli',
      'Gemini CLI',
      '~/.gemini/settings.json',
      json({ mcpServers: { [name]: { httpUrl: url, headers } } }),
    ),
    other(access),
  ];
}
