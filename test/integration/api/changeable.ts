import type { Tenant } from '../../support/tenant.js';
import { DOCUMENT } from './objects.js';

/** A kind of object that two people can change at once. */
export type Changeable = Readonly<{
  /** Makes an object and answers its path. */
  make: () => Promise<string>;
  method: 'PUT' | 'PATCH';
  /** A change that differs from every other. */
  change: (n: number) => Record<string, unknown>;
}>;

const ROLES = ['viewer', 'auditor', 'approver', 'policy_manager'];

const newMember = async (tenant: Tenant): Promise<string> => {
  const { email } = (await (await tenant.person('viewer')).api('GET', '/v1/me')).body['user'] as { email: string };
  const { body } = await tenant.api('GET', `/v1/members?q=${encodeURIComponent(email)}`);
  return `/v1/members/${(body['items'] as { id: string }[])[0]?.id}`;
};

const newLogStream = async (tenant: Tenant): Promise<string> => {
  const config = { url: 'https://example.com/logs' };
  const { body } = await tenant.api('POST', '/v1/log-streams', { name: 'stream', kind: 'http', config });
  const path = `/v1/log-streams/${String(body['id'])}`;
  // What its receiver answers would show in its status.
  await tenant.api('POST', `${path}/pause`);
  return path;
};

/** What of a tenant can be changed, settings of which there is one included; the tenant may sign up later. */
export const changeableThings = (tenant: Tenant): Readonly<Record<string, Changeable>> => {
  const server = (): Promise<string> => tenant.server('http://127.0.0.1:9/');
  return {
    member: { make: () => newMember(tenant), method: 'PATCH', change: (n) => ({ role: ROLES[n % 4] }) },
    server: {
      make: async () => `/v1/servers/${await server()}`,
      method: 'PATCH',
      change: (n) => ({ name: `server ${n}` }),
    },
    policy: {
      make: async () => `/v1/policies/${await tenant.policy(await server(), DOCUMENT)}`,
      method: 'PUT',
      change: (n) => ({ name: `policy ${n}`, document: DOCUMENT }),
    },
    grant: {
      make: async () => `/v1/grants/${(await tenant.grant({ serverId: await server() })).id}`,
      method: 'PATCH',
      change: (n) => ({ label: `grant ${n}` }),
    },
    identity: {
      make: async () => `/v1/identities/${await tenant.identity('one')}`,
      method: 'PATCH',
      change: (n) => ({ name: `identity ${n}` }),
    },
    'notification settings': {
      make: async () => '/v1/approvals/notifications',
      method: 'PUT',
      change: (n) => ({ webhookUrl: `https://example.com/${n}` }),
    },
    'log stream': {
      make: () => newLogStream(tenant),
      method: 'PATCH',
      change: (n) => ({ name: `stream ${n}` }),
    },
    'list of whom alarms go to': {
      make: async () => '/v1/notifications',
      method: 'PUT',
      change: (n) => ({ webhook: `https://example.com/${n}` }),
    },
  };
};
