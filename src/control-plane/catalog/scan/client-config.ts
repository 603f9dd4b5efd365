import { parse as parseToml } from 'smol-toml';
import { readForeignJson } from '../../../platform/json/foreign-json.js';
import { isObject, type Json } from '../../../platform/json/json-object.js';
import { withoutComments } from './json-with-comments.js';

/** How an agent reaches a server, with all values: none of them is ever shown. */
export type ConfiguredTransport =
  | Readonly<{ type: 'stdio'; command: string; args: readonly string[]; env: Readonly<Record<string, string>> }>
  | Readonly<{ type: 'streamable-http' | 'sse'; url: string; headers: Readonly<Record<string, string>> }>;

/** A server in the configuration of an agent. */
export type ConfiguredServer = Readonly<{ name: string; isDisabled: boolean; transport: ConfiguredTransport }>;

/** The configuration of an agent: which kind of file it is, and the servers in it. */
export type ClientConfig = Readonly<{ kind: string; servers: readonly ConfiguredServer[] }>;

/** Why a configuration can not be read; it holds nothing of the file. */
export class UnreadableConfig extends Error {}

const MAX_SERVERS = 1000;

const textIn = (value: Json, ...names: readonly string[]): string | undefined =>
  names.map((name) => value[name]).find((text): text is string => typeof text === 'string' && text !== '');

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];

/** The members of an object that are texts; a number or a switch counts as it is written. */
const fieldsIn = (...values: readonly unknown[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    values
      .filter(isObject)
      .flatMap((value) => Object.entries(value))
      .flatMap(([name, text]) => (typeof text === 'object' ? [] : [[name, String(text)]])),
  );

/** Variables of the agent's own environment, by their names: `${NAME}` is read where a server is started. */
const named = (names: Iterable<readonly [string, string]>): Readonly<Record<string, string>> =>
  Object.fromEntries([...names].map(([name, variable]) => [name, `\${${variable}}`]));

const headersOf = (server: Json): Readonly<Record<string, string>> => {
  const bearer = textIn(server, 'bearer_token_env_var');
  return {
    ...fieldsIn(
      server['headers'],
      server['http_headers'],
      isObject(server['requestInit']) ? server['requestInit']['headers'] : {},
    ),
    ...named(Object.entries(fieldsIn(server['env_http_headers']))),
    ...(bearer === undefined ? {} : { Authorization: `Bearer \${${bearer}}` }),
  };
};

const transportOf = (server: Json): ConfiguredTransport | undefined => {
  const url = textIn(server, 'httpUrl', 'url', 'serverUrl');
  if (url !== undefined) {
    const isSse = server['type'] === 'sse' || (server['httpUrl'] === undefined && /\/sse\/?(\?|$)/.test(url));
    return { type: isSse ? 'sse' : 'streamable-http', url, headers: headersOf(server) };
  }
  const command = textIn(server, 'command');
  if (command === undefined) return undefined;
  const passed = textsIn(server['env_vars']).map((name) => [name, name] as const);
  return {
    type: 'stdio',
    command,
    args: textsIn(server['args']),
    env: { ...named(passed), ...fieldsIn(server['env']) },
  };
};

const serversIn = (servers: unknown): readonly ConfiguredServer[] =>
  (isObject(servers) ? Object.entries(servers) : []).slice(0, MAX_SERVERS).flatMap(([name, server]) => {
    const transport = isObject(server) ? transportOf(server) : undefined;
    if (!isObject(server) || transport === undefined) return [];
    return [{ name, isDisabled: server['disabled'] === true || server['enabled'] === false, transport }];
  });

/** Claude Code keeps servers of its own for each project. */
const projectsIn = (config: Json): readonly ConfiguredServer[] =>
  (isObject(config['projects']) ? Object.values(config['projects']) : [])
    .filter(isObject)
    .flatMap((project) => serversIn(project['mcpServers']));

/** Where each kind of file has its servers, and how to know it. */
const KINDS: readonly Readonly<{ kind: string; servers: (config: Json) => readonly ConfiguredServer[] }>[] = [
  {
    kind: 'Claude, Cursor, Gemini or another with mcpServers',
    servers: (config) => [...serversIn(config['mcpServers']), ...projectsIn(config)],
  },
  { kind: 'VS Code, mcp.json', servers: (config) => serversIn(config['servers']) },
  {
    kind: 'VS Code, settings.json',
    servers: ({ mcp }) => serversIn(isObject(mcp) ? mcp['servers'] : undefined),
  },
  { kind: 'Codex, config.toml', servers: (config) => serversIn(config['mcp_servers']) },
];

const parseTomlObject = (text: string): Json => {
  try {
    return parseToml(text);
  } catch (error) {
    // The message of the error shows the line itself, and what stands in it.
    const line = isObject(error) && typeof error['line'] === 'number' ? ` (line ${error['line']})` : '';
    throw new UnreadableConfig(`The file is no TOML${line}.`);
  }
};

const parseJson = (text: string): Json => {
  const read = readForeignJson(withoutComments(text.replace(/^\uFEFF/, '')));
  if (!read.ok || !isObject(read.value))
    throw new UnreadableConfig('The file is no JSON object, with or without comments.');
  return read.value;
};

/**
 * Reads the configuration of an agent: of Claude (Desktop, Code), Cursor, VS Code, Gemini and others that write
 * `mcpServers` or `servers` as JSON, of Codex as TOML. `isToml` goes by the name of the file.
 * @throws UnreadableConfig for another file; its message holds nothing of it
 */
export const readClientConfig = (text: string, isToml: boolean): ClientConfig => {
  const config = isToml ? parseTomlObject(text) : parseJson(text);
  for (const { kind, servers } of KINDS) {
    const found = servers(config);
    if (found.length > 0) return { kind, servers: found };
  }
  if (['mcpServers', 'servers', 'mcp', 'mcp_servers'].some((name) => name in config))
    return { kind: 'empty', servers: [] };
  throw new UnreadableConfig('The file has no servers: no mcpServers, servers, mcp.servers or [mcp_servers].');
};
