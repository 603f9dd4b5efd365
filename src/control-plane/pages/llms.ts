import { ATTACKS } from './content/attacks.js';
import { RISK_WORDS } from './content/risks.js';

const lines = <T>(items: readonly T[], line: (item: T) => string): string => items.map(line).join('\n');

/** The site in a page for models: what Toolgate is, and where the Markdown of each page is. */
export const llmsText = (url: string): string => `# Toolgate

> The policy gateway for MCP. Toolgate stands between AI agents and MCP servers: a policy decides every tool call, and
> the decision is on record before the call leaves.

Every page of this site is also Markdown: put \`.md\` behind its address (\`/index.md\` for the start page). A tool of a
server is at \`/catalog/{server}/{tool}.md\`, and as JSON at \`/v1/catalog/servers/{server}/tools/{tool}\`.

## Pages

- [Start](${url}/index.md): what Toolgate is, with an example
- [Catalog](${url}/catalog.md): MCP servers and what their tools can do; \`/catalog.md?q=words\` searches
- [Token cost](${url}/token-cost.md): what the definitions of servers take of a context window
- [API](${url}/openapi.json): the REST API as OpenAPI

## Risk categories

${lines(RISK_WORDS, ({ category: name, summary }) => `- [${name}](${url}/risks/${name.toLowerCase()}.md): ${summary}`)}

## Attack patterns

${lines(ATTACKS, ({ slug, title, summary }) => `- [${title}](${url}/attacks/${slug}.md): ${summary}`)}
`;
