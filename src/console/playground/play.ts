import { api } from '../api/client.js';
import type { components } from '../api/schema.js';
import { dataOf } from '../api/problem.js';
import { callTool, type CallAnswer } from './mcp-call.js';

export type Grant = components['schemas']['GrantWithToken'];

const LIFE_MS = 10 * 60_000;
export const LABEL = 'playground';

export type Play = Readonly<{
  serverId: string;
  identityId: string;
  policyId: string;
  tool: string;
  arguments: unknown;
  memberName: string;
}>;

/** The policy that an identity's calls on a server are judged by: that of its newest active grant. */
export const usualPolicy = async (serverId: string, identityId: string): Promise<string | undefined> => {
  const { items } = dataOf(await api.GET('/v1/grants', { params: { query: { limit: 1000, sort: '-createdAt' } } }));
  return (
    items.find(
      (grant) =>
        grant.serverId === serverId &&
        grant.identityId === identityId &&
        grant.status === 'active' &&
        grant.policyId !== null &&
        grant.label !== LABEL,
    )?.policyId ?? undefined
  );
};

const issue = async ({ serverId, identityId, policyId }: Play): Promise<Grant> =>
  dataOf(
    await api.POST('/v1/grants', {
      body: { serverId, identityId, policyId, label: LABEL, expiresAt: new Date(Date.now() + LIFE_MS).toISOString() },
    }),
  );

/**
 * Calls a tool through the gateway as an identity, by a grant of its own that ends in ten minutes and is kept for the
 * next call of the same identity, server and policy. Policy, limits and approvals hold as for any client.
 */
export class Player {
  #grant: Readonly<{ key: string; grant: Grant; until: number }> | undefined;

  async play(play: Play): Promise<CallAnswer> {
    const { mcpUrl, token } = await this.#grantFor(play);
    return callTool({ mcpUrl, token, memberName: play.memberName }, play.tool, play.arguments);
  }

  async #grantFor(play: Play): Promise<Grant> {
    const key = [play.serverId, play.identityId, play.policyId].join(' ');
    const kept = this.#grant;
    if (kept?.key === key && kept.until > Date.now()) return kept.grant;
    await this.end();
    const grant = await issue(play);
    this.#grant = { key, grant, until: Date.now() + LIFE_MS - 60_000 };
    return grant;
  }

  /** Revokes the grant; it would end by itself. */
  async end(): Promise<void> {
    const kept = this.#grant;
    this.#grant = undefined;
    if (kept !== undefined)
      await api.POST('/v1/grants/{id}/revoke', { params: { path: { id: kept.grant.id } } }).catch(() => undefined);
  }
}
