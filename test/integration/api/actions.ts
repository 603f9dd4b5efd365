import { openSession, type Answer, type Tenant } from '../../support/tenant.js';
import type { Json } from './problem.js';

type GrantModel = {
  identityId: string;
  serverId: string;
  policyId: string | null;
  token: string;
  mcpUrl: string;
  revoked: boolean;
};

/** What one organization has, by what it did itself; `ever` also knows what is gone. */
export type Model = {
  readonly tenant: Tenant;
  readonly servers: Set<string>;
  readonly policies: Map<string, { serverId: string; version: number }>;
  readonly identities: Set<string>;
  readonly grants: Map<string, GrantModel>;
  readonly keys: Set<string>;
  readonly approvals: Set<string>;
  readonly ever: Readonly<
    Record<
      | 'server.registered'
      | 'policy.published'
      | 'identity.created'
      | 'grant.issued'
      | 'apiKey.issued'
      | 'approval.requested',
      string[]
    >
  >;
  calls: number;
};

export const emptyModel = (tenant: Tenant): Model => ({
  tenant,
  servers: new Set(),
  policies: new Map(),
  identities: new Set(),
  grants: new Map(),
  keys: new Set(),
  approvals: new Set(),
  ever: {
    'server.registered': [],
    'policy.published': [],
    'identity.created': [],
    'grant.issued': [],
    'apiKey.issued': [],
    'approval.requested': [],
  },
  calls: 0,
});

/**
 * One step: `pick` chooses among what there is; `foreign` takes an object of the other organization, which must be as
 * if it weren't there.
 */
export type Step = Readonly<{ kind: Kind; pick: number; foreign: boolean }>;
type World = Readonly<{ own: Model; other: Model; upstreamUrl: string }>;
type Action = (world: World, step: Step) => Promise<void>;

const nth = <T>(from: Iterable<T>, pick: number): T | undefined => {
  const all = [...from];
  return all[pick % all.length];
};

const expectStatus = (what: string, answer: Answer, expected: number): Json => {
  if (answer.status !== expected)
    throw new Error(`${what} answered ${answer.status} instead of ${expected}: ${JSON.stringify(answer.body)}`);
  return answer.body;
};

const ask = async ({ tenant }: Model, expected: number, what: string, body?: unknown): Promise<Json> => {
  const [method = '', path = ''] = what.split(' ');
  return expectStatus(what, await tenant.api(method, path, body, { 'if-match': '*' }), expected);
};

const HOLDING = { approval: { wait: 0 }, tools: { echo: { action: 'require_approval' } } };

type Noun = 'servers' | 'policies' | 'identities' | 'grants' | 'keys' | 'approvals';

/**
 * Does something to one object of a kind: to one of the other organization's it must be 404, and nothing is done when
 * there is none.
 */
const toOne =
  (
    noun: Noun,
    act: (
      world: World,
      id: string,
      target: Readonly<{ expected: (own: number) => number; pick: number }>,
    ) => Promise<void>,
  ): Action =>
  async (world, { pick, foreign }) => {
    const id = nth<string>((foreign ? world.other : world.own)[noun].keys(), pick);
    if (id === undefined) return;
    await act(world, id, { expected: (own) => (foreign ? 404 : own), pick });
  };

const revokeWhere = (model: Model, matches: (grant: GrantModel) => boolean): void => {
  for (const grant of model.grants.values()) if (matches(grant)) grant.revoked = true;
};

const isIn = (model: Model, noun: Noun, id: string): boolean => model[noun].has(id);

export const actions = {
  createServer: async ({ own, upstreamUrl }, { pick }) => {
    const { id } = await ask(own, 201, 'POST /v1/servers', {
      name: `server ${pick}`,
      transport: { type: 'streamable-http', url: upstreamUrl },
    });
    own.servers.add(id as string);
    own.ever['server.registered'].push(id as string);
  },
  changeServer: toOne(
    'servers',
    async ({ own }, id, { expected, pick }) =>
      void (await ask(own, expected(200), `PATCH /v1/servers/${id}`, { name: `renamed ${pick}` })),
  ),
  readServer: toOne('servers', async ({ own }, id, { expected }) => {
    await ask(own, expected(200), `GET /v1/servers/${id}`);
    await ask(own, expected(200), `GET /v1/servers/${id}/tools`);
    await ask(own, expected(200), `GET /v1/servers/${id}/policies`);
  }),
  switchTool: toOne('servers', async ({ own }, id, { expected }) => {
    for (const disabled of [true, false])
      await ask(own, expected(200), `PATCH /v1/servers/${id}/tools/echo`, { disabled });
  }),
  overruleTool: toOne('servers', async ({ own }, id, { expected, pick }) => {
    const category = ['Read', 'Write', 'Execute', 'Destructive', 'Financial'][pick % 5];
    await ask(own, expected(200), `PUT /v1/servers/${id}/tools/echo/category`, { category, reason: `as ${pick}` });
    if (pick % 2 === 0) await ask(own, expected(204), `DELETE /v1/servers/${id}/tools/echo/category`);
  }),
  acceptTool: toOne(
    'servers',
    async ({ own }, id, { expected }) =>
      void (await ask(own, expected(200), `POST /v1/servers/${id}/tools/echo/accept`, {})),
  ),
  deleteServer: toOne('servers', async ({ own }, id, { expected, pick }) => {
    if (pick % 3 > 0) return;
    await ask(own, expected(204), `DELETE /v1/servers/${id}`);
    if (!own.servers.delete(id)) return;
    for (const [policyId, { serverId }] of own.policies) if (serverId === id) own.policies.delete(policyId);
    revokeWhere(own, ({ serverId }) => serverId === id);
  }),
  createPolicy: toOne('servers', async ({ own }, serverId, { expected, pick }) => {
    const document = { version: '1', default: pick % 2 === 0 ? 'allow' : 'deny', ...(pick % 4 > 1 ? HOLDING : {}) };
    const body = await ask(own, expected(201), `POST /v1/servers/${serverId}/policies`, {
      name: `policy ${pick}`,
      document,
    });
    if (!isIn(own, 'servers', serverId)) return;
    own.policies.set(body['id'] as string, { serverId, version: 1 });
    own.ever['policy.published'].push(body['id'] as string);
  }),
  updatePolicy: toOne('policies', async ({ own }, id, { expected }) => {
    const body = await ask(own, expected(200), `PUT /v1/policies/${id}`, {
      document: { version: '1', default: 'allow' },
    });
    const policy = own.policies.get(id);
    if (!policy) return;
    policy.version += 1;
    own.ever['policy.published'].push(id);
    if (body['version'] !== policy.version)
      throw new Error(`version ${String(body['version'])} instead of ${policy.version}`);
  }),
  decide: toOne('policies', async ({ own, other }, id, { expected, pick }) => {
    await ask(own, expected(200), `POST /v1/policies/${id}/decide`, { tool: 'echo', arguments: { pick } });
    const stranger = nth(other.identities, pick);
    if (stranger !== undefined)
      await ask(own, 404, `POST /v1/policies/${id}/decide`, { tool: 'echo', identityId: stranger });
  }),
  simulate: toOne('policies', async ({ own }, id, { expected }) => {
    const body = await ask(own, expected(200), `POST /v1/policies/${id}/simulate`, {
      from: '2026-01-01T00:00:00Z',
      to: '2099-01-01T00:00:00Z',
    });
    if (isIn(own, 'policies', id) && Number(body['calls']) > own.calls)
      throw new Error(`${String(body['calls'])} calls on record of ${own.calls}`);
  }),
  testPolicy: toOne(
    'policies',
    async ({ own }, policyId, { expected }) =>
      void (await ask(own, expected(200), 'POST /v1/policies/test', {
        policyId,
        cases: [{ name: 'one', tool: 'echo', expect: { effect: 'allow' } }],
      })),
  ),
  deletePolicy: toOne('policies', async ({ own }, id, { expected }) => {
    const used = [...own.grants.values()].some(({ policyId, revoked }) => policyId === id && !revoked);
    await ask(own, expected(used ? 409 : 204), `DELETE /v1/policies/${id}`);
    if (!used) own.policies.delete(id);
  }),
  createIdentity: async ({ own }, { pick }) => {
    const { id } = await ask(own, 201, 'POST /v1/identities', {
      name: `identity ${pick}`,
      kind: 'agent',
      attributes: { pick },
    });
    own.identities.add(id as string);
    own.ever['identity.created'].push(id as string);
  },
  updateIdentity: toOne(
    'identities',
    async ({ own }, id, { expected, pick }) =>
      void (await ask(own, expected(200), `PATCH /v1/identities/${id}`, {
        name: `renamed ${pick}`,
        attributes: { pick },
      })),
  ),
  deleteIdentity: toOne('identities', async ({ own }, id, { expected, pick }) => {
    if (pick % 3 > 0) return;
    await ask(own, expected(204), `DELETE /v1/identities/${id}`);
    if (own.identities.delete(id)) revokeWhere(own, ({ identityId }) => identityId === id);
  }),
  createGrant: async ({ own, other }, { pick, foreign }) => {
    const [identityId, serverId] = [nth((foreign ? other : own).identities, pick), nth(own.servers, pick)];
    if (identityId === undefined || serverId === undefined) return;
    const policyId =
      nth(
        [...own.policies].filter(([, policy]) => policy.serverId === serverId),
        pick,
      )?.[0] ?? null;
    const body = await ask(own, foreign ? 404 : 201, 'POST /v1/grants', { identityId, serverId, policyId });
    if (foreign) return;
    own.grants.set(body['id'] as string, {
      identityId,
      serverId,
      policyId,
      token: body['token'] as string,
      mcpUrl: body['mcpUrl'] as string,
      revoked: false,
    });
    own.ever['grant.issued'].push(body['id'] as string);
  },
  updateGrant: toOne('grants', async ({ own, other }, id, { expected, pick }) => {
    const grant = own.grants.get(id);
    await ask(own, expected(grant?.revoked ? 409 : 200), `PATCH /v1/grants/${id}`, { label: `label ${pick}` });
    const stranger = nth(other.policies.keys(), pick);
    if (grant && !grant.revoked && stranger !== undefined)
      await ask(own, 404, `PATCH /v1/grants/${id}`, { policyId: stranger });
  }),
  switchGrant: toOne('grants', async ({ own }, id, { expected }) => {
    const revoked = own.grants.get(id)?.revoked ?? false;
    for (const disabled of [true, false])
      await ask(own, expected(revoked ? 409 : 200), `PATCH /v1/grants/${id}`, { disabled });
  }),
  rotateGrant: toOne('grants', async ({ own }, id, { expected }) => {
    const grant = own.grants.get(id);
    const body = await ask(own, expected(grant?.revoked ? 409 : 200), `POST /v1/grants/${id}/rotate`);
    if (grant && !grant.revoked) grant.token = body['token'] as string;
  }),
  revokeGrant: toOne('grants', async ({ own }, id, { expected, pick }) => {
    if (pick % 3 > 0) return;
    await ask(own, expected(200), `POST /v1/grants/${id}/revoke`);
    const grant = own.grants.get(id);
    if (grant) grant.revoked = true;
  }),
  call: async ({ own, other }, { pick, foreign }) => {
    const [grant, others] = [
      nth(
        [...own.grants.values()].filter(({ revoked }) => !revoked),
        pick,
      ),
      nth(other.grants.values(), pick),
    ];
    if (!grant) return;
    if (foreign && others) {
      const answer = await fetch(others.mcpUrl, {
        method: 'POST',
        headers: { authorization: `Bearer ${grant.token}`, 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      });
      if (answer.status !== 403)
        throw new Error(`another organization's server answered ${answer.status} ${await answer.text()}`);
      return;
    }
    const session = await openSession(grant);
    const answer = await session.post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { pick } },
    });
    if (answer.status !== 200) throw new Error(`a call answered ${answer.status} ${await answer.text()}`);
    const asked = /apr_[0-9a-z]{26}/.exec(await answer.text())?.[0];
    if (asked !== undefined && !own.approvals.has(asked)) own.ever['approval.requested'].push(asked);
    if (asked !== undefined) own.approvals.add(asked);
    own.calls += 1;
  },
  readApproval: toOne(
    'approvals',
    async ({ own }, id, { expected }) => void (await ask(own, expected(200), `GET /v1/approvals/${id}`)),
  ),
  rejectApproval: toOne(
    'approvals',
    async ({ own }, id, { expected }) => void (await ask(own, expected(200), `POST /v1/approvals/${id}/reject`)),
  ),
  createKey: async ({ own }, { pick }) => {
    const { id } = await ask(own, 201, 'POST /v1/api-keys', { name: `key ${pick}`, role: 'viewer' });
    own.keys.add(id as string);
    own.ever['apiKey.issued'].push(id as string);
  },
  deleteKey: toOne('keys', async ({ own }, id, { expected }) => {
    await ask(own, expected(204), `DELETE /v1/api-keys/${id}`);
    own.keys.delete(id);
  }),
  read: async ({ own }) => {
    await ask(own, 200, 'GET /v1/audit/events?limit=5');
    await ask(own, 200, 'GET /v1/usage?groupBy=grant,tool');
    await ask(own, 200, 'GET /v1/grants?limit=2');
  },
} satisfies Readonly<Record<string, Action>>;

export type Kind = keyof typeof actions;
export const kinds = Object.keys(actions) as readonly Kind[];
