import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readClientConfig, UnreadableConfig } from '../../../src/control-plane/catalog/scan/client-config.js';
import { readScanArguments } from '../../../src/control-plane/catalog/scan/scan-arguments.js';
import { scanConfig } from '../../../src/control-plane/catalog/scan/scan-config.js';
import { toolTable } from '../../../src/control-plane/catalog/scan/tool-table.js';
import { readShippedFile } from '../../../src/control-plane/catalog/shipped-file.js';

const shipped = readShippedFile(
  readFileSync(new URL('../../../src/control-plane/catalog/data/servers.json', import.meta.url), 'utf8'),
);
const GATEWAY = 'http://127.0.0.1:8080';

const report = async (text: string, isToml = false): Promise<string> =>
  (await scanConfig({ config: readClientConfig(text, isToml), gateways: [GATEWAY], entries: shipped })).join('\n');

const mcpServers = {
  gitlab: {
    command: '/canary-home/bin/npx',
    args: ['-y', '@zereight/mcp-gitlab@2.0.1', '--canary-argument', 'canary-value'],
    env: { GITLAB_PERSONAL_ACCESS_TOKEN: 'canary-token', CANARY_NUMBER: 1234567 },
  },
  hosted: { url: 'https://mcp.example.com/canary-path/sse?key=canary-query', headers: { 'X-Key': 'canary-header' } },
};

const toml = `
model = "canary-model"
[mcp_servers.gitlab]
command = "npx"
args = ["-y", "@zereight/mcp-gitlab", "canary-argument"]
env_vars = ["CI_TOKEN"]
[mcp_servers.gitlab.env]
GITLAB_PERSONAL_ACCESS_TOKEN = "canary-token"
[mcp_servers.hosted]
url = "https://mcp.example.com/canary-path"
bearer_token_env_var = "HOSTED_TOKEN"
http_headers = { "X-Key" = "canary-header" }
`;

const vsCode = `{
  // canary comment
  "inputs": [{ "id": "canary-input", "type": "promptString", }],
  "servers": ${JSON.stringify(mcpServers)}, /* the end, */
}`;

describe('A scan of the configuration of', () => {
  test.each([
    ['Claude, Cursor or Gemini', JSON.stringify({ canarySetting: 'canary', mcpServers }), false],
    ['Claude Code, for a project', JSON.stringify({ projects: { '/canary/project': { mcpServers } } }), false],
    ['VS Code', vsCode, false],
    ['VS Code, in its settings', JSON.stringify({ mcp: { servers: mcpServers } }), false],
    ['Codex', toml, true],
  ] as const)(
    '%s names servers, programs, hosts, variables and headers, and shows no value',
    async (_name, text, isToml) => {
      const shown = await report(text, isToml);
      for (const named of ['gitlab', 'npx', 'GITLAB_PERSONAL_ACCESS_TOKEN', 'hosted', 'mcp.example.com', 'X-Key'])
        expect(shown).toContain(named);
      expect(shown).toContain('2 of them around the gateway');
      expect(shown.replaceAll('CANARY_NUMBER', '')).not.toMatch(/canary|1234567/i);
    },
  );
});

describe('A report on a configuration', () => {
  test('says what a known server can do and costs, by the package that its command starts', async () => {
    const shown = await report(JSON.stringify({ mcpServers }));
    expect(shown).toMatch(/@zereight\/mcp-gitlab in the catalog: \d{3} tools \(.*Destructive.*about \d{5} tokens/);
    expect(shown).toMatch(/Execute: .*cancel_pipeline/);
    expect(shown).toContain('POST /v1/servers {"name":"gitlab","transport":{"type":"stdio","command":"/…/npx"');
    expect(shown).toContain('ALLOW_STDIO');
  });

  test('tells which servers are reached through the gateway, also by a program that is told its URL', async () => {
    const url = `${GATEWAY}/mcp/srv_01`;
    const others = {
      direct: { url },
      bridged: { command: 'npx', args: ['mcp-remote', url] },
      elsewhere: { url: 'https://evil.example/mcp/srv_01' },
      lookalike: { url: `https://127.0.0.1:8080.evil.example/mcp/srv_01` },
    };
    const shown = await report(JSON.stringify({ mcpServers: others }));
    expect(shown).toContain('4 servers, 2 of them around the gateway');
    expect(shown).toContain('Through the gateway: direct, bridged');
  });

  test('shows nothing of a file that can not be read, not even the line', () => {
    for (const [text, isToml] of [
      ['{"mcpServers": {"a": canary}}', false],
      ['key = canary\n', true],
      ['["canary"]', false],
      ['{"canary": {}}', false],
    ] as const) {
      const error: unknown = (() => {
        try {
          return readClientConfig(text, isToml);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toBeInstanceOf(UnreadableConfig);
      expect(String(error)).not.toContain('canary');
    }
  });

  test('writes names of strangers so that no terminal acts on them', async () => {
    const shown = await report(
      JSON.stringify({ mcpServers: { 'a\u001b[2J\u202eb': { command: 'x', env: { 'Y\u0007': 'z' } } } }),
    );
    expect(shown).toContain('a\\u{1b}[2J\\u{202e}b');
    expect(shown.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  });
});

test('A table of tools has the worst first, and takes no line end from a name', () => {
  const [entry] = shipped.filter(({ name }) => name === '@zereight/mcp-gitlab');
  const [tool] = entry?.tools ?? [];
  if (tool === undefined) throw new Error('no tool');
  const lines = toolTable([
    { ...tool, name: 'a', category: 'Read' },
    { ...tool, name: 'b\nc\u001b[0m', category: 'Execute' },
  ]);
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(/^b\\nc\\u\{1b\}\[0m\s+Execute\s+high/);
});

describe('The arguments of a scan', () => {
  test.each([
    [['npx', '-y', 'x', '--env', 'A'], { target: 'npx', args: ['-y', 'x', '--env', 'A'], env: [], headers: [] }],
    [
      ['--env', 'A', '--header', 'X-Key=B', 'https://x'],
      { target: 'https://x', args: [], env: ['A'], headers: [['X-Key', 'B']] },
    ],
    [['--client-config', 'a.json', '--start'], { config: 'a.json', start: true, gateways: [] }],
    [['--gateway', 'https://g/x', '--client-config', 'a'], { config: 'a', start: false, gateways: ['https://g'] }],
  ])('%j are read', (given, wanted) => expect(readScanArguments(given)).toEqual(wanted));

  test.each([
    [[]],
    [['--client-config']],
    [['--header', 'X-Key: secret', 'https://x']],
    [['--start', 'x']],
    [['--wrong', 'x', 'y']],
  ])('%j are none', (given) => expect(readScanArguments(given)).toBeUndefined());
});
