import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * Sends one request to the REST API and answers its body, JSON where it is JSON. @throws when the status is not 2xx.
 */
export type Rest = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Json>;

/** A client of the REST API at `url`, with `token` as its bearer. @throws when an answer is no success. */
export const makeRest =
  (url: string, token?: string): Rest =>
  async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return answer.headers.get('content-type')?.startsWith('application/json') === true
      ? (JSON.parse(text) as Json)
      : { text };
  };

/** What became of a call: carried out, refused by a rule, or not let in at all. */
export type CallAnswer =
  | Readonly<{ kind: 'done'; text: string }>
  | Readonly<{
      kind: 'refused';
      text: string;
      code: string;
      rule: string | null;
      retryAfterSeconds: number | undefined;
    }>
  | Readonly<{ kind: 'turned-away'; status: number }>;

export type Agent = Readonly<{
  name: string;
  tools: () => Promise<readonly string[]>;
  call: (tool: string, args: Json) => Promise<CallAnswer>;
  close: () => Promise<void>;
}>;

type Decision = Readonly<{ code: string; rule: string | null; retryAfterSeconds?: number }>;

type CallResult = Readonly<{
  content?: readonly Readonly<{ text?: string }>[];
  _meta?: Readonly<Record<string, unknown>>;
}>;

const answerOf = (result: CallResult): CallAnswer => {
  const text = result.content?.[0]?.text ?? '';
  const decision = result._meta?.['io.toolgate/decision'] as Decision | undefined;
  return decision
    ? { kind: 'refused', text, code: decision.code, rule: decision.rule, retryAfterSeconds: decision.retryAfterSeconds }
    : { kind: 'done', text };
};

const refusedBy = (error: unknown): CallAnswer => {
  const status = error instanceof Error && 'code' in error ? error.code : undefined;
  if (status !== 401) throw error;
  return { kind: 'turned-away', status };
};

/** An agent as its maker would build it: the official MCP client, an address and a token. */
export const connectAgent = async (
  name: string,
  grant: Readonly<{ mcpUrl: string; token: string }>,
): Promise<Agent> => {
  const client = new Client({ name, version: '1.0.0' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
      requestInit: { headers: { authorization: `Bearer ${grant.token}` } },
    }),
  );
  return {
    name,
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: (tool, args) =>
      client.callTool({ name: tool, arguments: args }).then((result) => answerOf(result as CallResult), refusedBy),
    close: () => client.close(),
  };
};
