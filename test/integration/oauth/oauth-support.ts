import type { Person } from '../../support/oauth-client.js';
import { request, type Tenant } from '../../support/tenant.js';
import { aTool, startUpstream, type Upstream } from '../../support/upstream.js';

/** A server that clients sign in to, and its admin as the sign-in page knows them. */
export type SignInWorld = Readonly<{
  upstream: Upstream;
  serverId: string;
  mcpUrl: string;
  policyId: string;
  admin: Person;
}>;

/** The e-mail and password of a tenant's admin. */
export const adminOf = async ({ api }: Tenant): Promise<Person> => {
  const me = await api('GET', '/v1/me');
  return { email: (me.body['user'] as { email: string }).email, password: 'correct horse battery' };
};

/** A server of two tools that takes sign-ins under a policy that allows all. */
export const signInWorld = async (url: string, tenant: Tenant, clientAuth = 'both'): Promise<SignInWorld> => {
  const upstream = await startUpstream({ tools: [aTool('list_issues'), aTool('delete_group')] });
  const serverId = await tenant.server(upstream.url, { clientAuth });
  const policyId = await tenant.policy(serverId, { version: '1', default: 'allow' });
  await tenant.api('PATCH', `/v1/servers/${serverId}`, { defaultPolicyId: policyId });
  return { upstream, serverId, mcpUrl: `${url}/mcp/${serverId}`, policyId, admin: await adminOf(tenant) };
};

/** How the gateway answers a bare request with this token. */
export const probe = async (mcpUrl: string, token: string): Promise<number> =>
  (await request(mcpUrl, 'DELETE', undefined, { authorization: `Bearer ${token}` })).status;
