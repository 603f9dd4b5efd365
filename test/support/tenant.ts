import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

type Json = Record<string, unknown>;
export type Answer = Readonly<{ status: number; body: Json; headers: Headers }>;

/** One organization seen from outside: REST with its admin's session. */
export type Tenant = Readonly<{
  organizationId: string;
  token: string;
  api: (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  server: (url: string, more?: Json) => Promise<string>;
  policy: (serverId: string, document: unknown) => Promise<string>;
  identity: (name: string) => Promise<string>;
  grant: (
    of: Readonly<{ serverId: string; policyId?: string | undefined; identityId?: string; expiresAt?: string }>,
  ) => Promise<Grant>;
  events: (filter?: string) => Promise<readonly Json[]>;
  /** Another person in the organization. */
  person: (role: string) => Promise<Person>;
}>;

export type Person = Readonly<{ id: string; token: string; api: Tenant['api'] }>;

export type Grant = Readonly<{ id: string; identityId: string; token: string; mcpUrl: string }>;

export const request = async (
  url: string,
  method: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let parsed: Json = {};
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    parsed = { text };
  }
  return { status: response.status, body: parsed, headers: response.headers };
};

let count = 0;

/** Signs up a new organization. */
export const signUp = async (url: string): Promise<Tenant> => {
  count += 1;
  const signed = await request(`${url}/v1/signup`, 'POST', {
    email: `admin${count}-${process.pid}-${Date.now()}@example.com`,
    password: 'correct horse battery',
    organizationName: `Organization ${count}`,
  });
  if (signed.status !== 201) throw new Error(`sign-up answered ${signed.status}: ${JSON.stringify(signed.body)}`);
  const token = signed.body['token'] as string;
  const apiOf =
    (bearer: string): Tenant['api'] =>
    (method, path, body, headers = {}) =>
      request(`${url}${path}`, method, body, { authorization: `Bearer ${bearer}`, ...headers });
  const api = apiOf(token);
  const created = async (path: string, body: unknown): Promise<Json> => {
    const answer = await api('POST', path, body);
    if (answer.status !== 201)
      throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const identity = async (name: string): Promise<string> =>
    (await created('/v1/identities', { name, kind: 'agent' }))['id'] as string;
  return {
    organizationId: (signed.body['organization'] as Json)['id'] as string,
    token,
    api,
    server: async (serverUrl, more = {}) =>
      (
        await created('/v1/servers', {
          name: 'Upstream',
          transport: { type: 'streamable-http', url: serverUrl },
          ...more,
        })
      )['id'] as string,
    policy: async (serverId, document) =>
      (await created(`/v1/servers/${serverId}/policies`, { name: 'policy', document }))['id'] as string,
    identity,
    grant: async (of) =>
      (await created('/v1/grants', {
        ...of,
        identityId: of.identityId ?? (await identity(`agent ${(count += 1)}`)),
      })) as unknown as Grant,
    person: async (role) => {
      const invitation = await created('/v1/invitations', {
        email: `person${(count += 1)}-${process.pid}-${Date.now()}@example.com`,
        role,
      });
      const joined = (await created('/v1/invitations/accept', {
        token: invitation['token'],
        password: 'correct horse battery',
      })) as { user: { id: string }; token: string };
      return { id: joined.user.id, token: joined.token, api: apiOf(joined.token) };
    },
    events: async (filter = '') => {
      const items: Json[] = [];
      for (let after = ''; ;) {
        const page = (await api('GET', `/v1/audit/events?limit=1000${after}${filter}`)).body as unknown as {
          items: Json[];
          nextCursor: string | null;
          hasMore: boolean;
        };
        items.push(...page.items);
        if (!page.hasMore) return items;
        after = `&after=${page.nextCursor}`;
      }
    },
  };
};

/** A real SDK client in a session through the gateway. */
export const connect = async (
  grant: Readonly<{ mcpUrl: string; token: string }>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Client> => {
  const client = new Client({ name: 'test-client', version: '9.8.7' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(grant.mcpUrl), {
      requestInit: { headers: { authorization: `Bearer ${grant.token}`, ...headers } },
    }),
  );
  return client;
};

/** The text of a call's first content. */
export const textOf = (result: unknown): string =>
  ((result as { content: { text: string }[] }).content[0] as { text: string }).text;

/** The decision that the gateway put on a refused call. */
export const decisionOf = (result: unknown): Json =>
  (result as { _meta: Record<string, Json> })._meta['io.toolgate/decision'] as Json;

/** A bare session: for what SDK clients don't send. */
export const openSession = async (
  grant: Readonly<{ mcpUrl: string; token: string }>,
  clientName = 'bare',
): Promise<
  Readonly<{ id: string; post: (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response> }>
> => {
  const headers = {
    authorization: `Bearer ${grant.token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const initialized = await fetch(grant.mcpUrl, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: clientName, version: '1' } },
    }),
  });
  const answer = await initialized.text();
  const id = initialized.headers.get('mcp-session-id');
  if (id === null) throw new Error(`initialize answered ${initialized.status}: ${answer}`);
  const post = (body: unknown, more: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(grant.mcpUrl, {
      method: 'POST',
      headers: { ...headers, 'mcp-session-id': id, ...more },
      body:
        typeof body === 'string' || body instanceof Uint8Array
          ? (body as NonNullable<RequestInit['body']>)
          : JSON.stringify(body),
    });
  await (await post({ jsonrpc: '2.0', method: 'notifications/initialized' })).text();
  return { id, post };
};
