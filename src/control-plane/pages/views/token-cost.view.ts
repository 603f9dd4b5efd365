import type { CatalogTotals, ServerCard } from '../catalog-reader.js';
import { heading, lead, link, list, paragraph, type Block } from '../document/blocks.js';
import { html } from '../document/html.js';
import type { Page } from '../page.js';
import { count, serverPath, share } from './parts.js';

const EXAMPLE = '{ "mcpServers": { "gitlab": { "command": "npx", "args": ["@zereight/mcp-gitlab"] } } }';

const calculator = (): Block => ({
  as: 'html',
  markdown:
    'The page has a calculator for the configuration of a client. It runs in the browser; ' +
    '`npm run catalog:scan -- --client-config <file>` does the same in a terminal.',
  html: html`<div id="calculator">
    <noscript
      ><p class="note">
        The calculator runs in your browser, and needs JavaScript. Without it nothing that you paste is read or sent.
      </p></noscript
    >
    <div class="field" hidden>
      <label for="config">Configuration of a client: Claude, Cursor, VS Code, Gemini (JSON)</label>
      <textarea id="config" class="code" spellcheck="false" autocomplete="off" placeholder="${EXAMPLE}"></textarea>
    </div>
    <p><button type="button" hidden>Count tokens</button></p>
    <div id="result" role="status"></div>
  </div>`,
});

const row = (
  { slug, name, toolCount, tokens }: ServerCard,
  at: number,
): readonly (string | ReturnType<typeof link>)[] => [
  link(serverPath(slug), `${at + 1}. ${name}`),
  count(toolCount),
  count(tokens),
  share(tokens, 200_000),
  share(tokens, 1_000_000),
];

/** What servers take of a context window: a calculator, and the largest. */
export const tokenCostView = (servers: readonly ServerCard[], totals: CatalogTotals): Page => ({
  path: '/token-cost',
  title: 'What MCP servers take of a context window: token cost by server',
  description:
    'How many tokens the tool definitions of MCP servers take before the first call, by server, and a calculator for ' +
    'the configuration of your own client.',
  heading: 'What your MCP servers take of a context window',
  blocks: [
    lead(
      'A client puts the definitions of all tools before the model, with every request. That costs tokens before the ' +
        'first call, and the model chooses worse among many tools than among few.',
    ),
    heading('Count your own', 'calculator'),
    paragraph(
      'Paste the configuration of your client. Your browser drops env, headers and arguments, and asks the catalog ' +
        'for the names of the servers alone.',
    ),
    calculator(),
    heading('The largest', 'largest'),
    {
      as: 'table',
      caption: `The servers whose definitions take the most tokens, of ${count(totals.servers)}`,
      head: ['Server', 'Tools', 'Tokens', 'of 200,000', 'of 1,000,000'],
      rows: servers.map(row),
    },
    heading('How to take less', 'less'),
    list(
      'Name the tools that an agent needs in its policy. Under default deny Toolgate lists no others.',
      'Hide what nobody should plan with.',
      'Give each agent a grant of its own, with the few tools of its task.',
    ),
  ],
});
