/**
 * A client as the suite's `client` command runs it: `node client-program.mjs <era> <url>`, with the scenario, its
 * context and the revision of its server in the environment. A real SDK client of this era does what the scenario
 * wants, through the product's way to servers.
 */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { startBridge } from './client-bridge.mjs';

const {
  MCP_CONFORMANCE_SCENARIO: scenario,
  MCP_CONFORMANCE_PROTOCOL_VERSION: version,
  MCP_CONFORMANCE_CONTEXT: context = '{}',
} = process.env;
const [clientEra, serverUrl] = process.argv.slice(2);
const era = version === '2026-07-28' ? 'modern' : 'legacy';
const LISTEN_MS = 3000;

const info = { name: 'conformance-client', version: '1.0.0' };
const capabilities = { elicitation: { form: {} } };
/** Accepts with the defaults of the form. */
const elicited = ({ params }) => {
  const properties = Object.entries(params.requestedSchema?.properties ?? {});
  const defaults = properties
    .filter(([, property]) => property.default !== undefined)
    .map(([name, property]) => [name, property.default]);
  return {
    action: 'accept',
    content: scenario === 'sep-2322-client-request-state' ? { confirmed: true } : Object.fromEntries(defaults),
  };
};

const connectLegacy = async (url) => {
  const client = new LegacyClient(info, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, elicited);
  await client.connect(new LegacyTransport(new URL(url)));
  return { client, call: (name, args = {}) => client.callTool({ name, arguments: args }) };
};

const connectModern = async (url) => {
  const client = new ModernClient(info, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  client.setRequestHandler('elicitation/create', elicited);
  await client.connect(new ModernTransport(new URL(url)));
  return { client, call: (name, args = {}) => client.callTool({ name, arguments: args }) };
};

/** Calls every tool that is listed, each as far as it goes. */
const callAll = async ({ client, call }, args) => {
  const { tools } = await client.listTools();
  for (const { name } of tools) await call(name, args).catch((error) => console.error(`${name}: ${error.message}`));
};

const scenarios = {
  initialize: ({ client }) => client.listTools(),
  tools_call: (connected) => callAll(connected, { a: 5, b: 3 }),
  'request-metadata': ({ client }) => client.listTools().catch(() => undefined),
  'elicitation-sep1034-client-defaults': (connected) => callAll(connected, {}),
  'sse-retry': (connected) => callAll(connected, {}),
  'json-schema-ref-no-deref': ({ client }) => client.listTools(),
  'http-standard-headers': async ({ client, call }) => {
    const [tool] = (await client.listTools()).tools;
    await call(tool.name);
    const [resource] = (await client.listResources()).resources;
    await client.readResource({ uri: resource.uri });
    const [prompt] = (await client.listPrompts()).prompts;
    await client.getPrompt({ name: prompt.name, arguments: {} });
  },
  'http-custom-headers': async ({ client, call }) => {
    await client.listTools();
    for (const { name, arguments: args } of JSON.parse(context).toolCalls ?? []) await call(name, args);
  },
  'http-invalid-tool-headers': (connected) => callAll(connected, { region: 'us-west1' }),
  'sep-2322-client-request-state': async ({ call }) => {
    for (const name of [
      'test_mrtr_echo_state',
      'test_mrtr_no_state',
      'test_mrtr_unrelated',
      'test_mrtr_no_result_type',
    ])
      await call(name).catch((error) => console.error(`${name}: ${error.message}`));
  },
};

const DISCOVERS = new Set(['tools_call', 'request-metadata', 'json-schema-ref-no-deref']);
const bridge = await startBridge({ url: serverUrl, era, discovers: DISCOVERS.has(scenario) });
const connected = await (clientEra === 'legacy' ? connectLegacy : connectModern)(bridge.url);
try {
  await scenarios[scenario](connected);
  if (scenario === 'sse-retry') await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
} finally {
  await connected.client.close();
  await bridge.stop();
}
process.exit(0);
