/**
 * What a client sends when it registers itself and when it opens the browser, as its users reported or its source says.
 */
export type RecordedClient = Readonly<{
  client: string;
  registration: Readonly<Record<string, unknown>>;
  /** The redirect URI of its authorization request. */
  redirectUri: string;
  /** What it appends to the URL of the server in `resource`. */
  slash?: '/';
  authorization: Readonly<Record<string, string | undefined>>;
}>;

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
const PUBLIC = { ...CODE, token_endpoint_auth_method: 'none' };

export const RECORDED_CLIENTS: readonly RecordedClient[] = [
  {
    client: 'Claude',
    registration: {
      ...CODE,
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'mcp',
    },
    redirectUri: 'https://claude.com/api/mcp/auth_callback',
    authorization: { scope: 'mcp offline_access' },
  },
  {
    client: 'Claude Code',
    registration: { ...PUBLIC, client_name: 'Claude Code', redirect_uris: ['http://localhost:54212/callback'] },
    redirectUri: 'http://localhost:61003/callback',
    slash: '/',
    authorization: { scope: 'mcp' },
  },
  {
    client: 'Cursor',
    registration: {
      ...PUBLIC,
      client_name: 'Cursor',
      application_type: 'web',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
    },
    redirectUri: 'cursor://anysphere.cursor-mcp/oauth/callback',
    authorization: { scope: undefined },
  },
  {
    client: 'VS Code',
    registration: {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
      response_types: ['code'],
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      scope: 'mcp',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    redirectUri: 'http://127.0.0.1:51234/',
    authorization: { scope: 'mcp' },
  },
  {
    client: 'Codex',
    registration: { ...PUBLIC, client_name: 'Codex', redirect_uris: ['http://127.0.0.1:40111/callback'] },
    redirectUri: 'http://127.0.0.1:40111/callback',
    authorization: { scope: 'mcp offline_access' },
  },
  {
    client: 'Gemini CLI',
    registration: {
      ...PUBLIC,
      client_name: 'Gemini CLI MCP Client',
      redirect_uris: ['http://localhost:7777/oauth/callback'],
      scope: '',
    },
    redirectUri: 'http://localhost:7777/oauth/callback',
    authorization: { scope: undefined },
  },
  {
    client: 'ChatGPT',
    registration: {
      ...CODE,
      client_name: 'ChatGPT',
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    redirectUri: 'https://chatgpt.com/connector_platform_oauth_redirect',
    authorization: { scope: '' },
  },
  {
    client: 'Copilot CLI',
    registration: { ...PUBLIC, client_name: 'GitHub Copilot CLI', redirect_uris: ['http://127.0.0.1:33418/'] },
    redirectUri: 'http://127.0.0.1:58991/',
    authorization: { scope: 'mcp' },
  },
  {
    client: 'A client of an SDK',
    registration: { ...PUBLIC, client_name: 'sdk', redirect_uris: ['http://localhost:3000/cb'], scope: 'mcp' },
    redirectUri: 'http://localhost:3000/cb',
    authorization: { scope: 'mcp offline_access', prompt: 'consent', nonce: 'n0nce' },
  },
];
