import { startTestToolgate, type TestToolgate } from '../../support/toolgate.js';

export type Json = Readonly<Record<string, unknown>>;
/** The members that tests read from any answer; one that is not there shows as undefined. */
export type Body = Readonly<{
  id: string;
  identityId: string;
  token: string;
  secret: string;
  status: string;
  version: number;
  name: string;
  attributes: unknown;
  disabled: boolean;
  lastUsedAt: string | null;
  clientConfig: unknown;
  tokens: readonly Readonly<{ expiresAt: string | null }>[];
  organization: Readonly<{ id: string }>;
  user: Readonly<{ id: string }>;
  errors: readonly Readonly<{ pointer: string }>[];
  items: readonly Body[];
  nextCursor: string | null;
  hasMore: boolean;
}>;
export type Answer = Readonly<{ status: number; body: Body; text: string }>;
export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** The REST API as one credential sees it. */
export const apiOf =
  (url: string, token?: string): Call =>
  async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text || '{}') as Body };
  };

export type Organization = Readonly<{
  id: string;
  userId: string;
  admin: Call;
  as: (role: string) => Promise<Call>;
  server: (name?: string) => Promise<string>;
  policy: (serverId: string) => Promise<string>;
  identity: (more?: Json) => Promise<string>;
}>;

const made = ({ status, body, text }: Answer): string => {
  if (status !== 201) throw new Error(`not created: ${status} ${text}`);
  return body.id;
};

let count = 0;

/** A new organization, and short ways to what a grant needs. */
export const newOrganization = async ({ url }: TestToolgate): Promise<Organization> => {
  count += 1;
  const { body, status, text } = await apiOf(url)('POST', '/signup', {
    email: `admin${count}@example.com`,
    password: 'correct horse battery',
    organizationName: `Organization ${count}`,
  });
  if (status !== 201) throw new Error(`no sign-up: ${text}`);
  const admin = apiOf(url, body.token);
  return {
    id: body.organization.id,
    userId: body.user.id,
    admin,
    as: async (role) => apiOf(url, (await admin('POST', '/api-keys', { name: role, role })).body.secret),
    server: async (name = 'GitLab') =>
      made(
        await admin('POST', '/servers', {
          name,
          transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' },
        }),
      ),
    policy: async (serverId) =>
      made(
        await admin('POST', `/servers/${serverId}/policies`, {
          name: 'everything',
          document: { version: '1', default: 'allow' },
        }),
      ),
    identity: async (more = {}) => made(await admin('POST', '/identities', { name: 'ci', kind: 'service', ...more })),
  };
};

export { startTestToolgate, type TestToolgate };
