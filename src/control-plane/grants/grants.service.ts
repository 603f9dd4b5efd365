import { Inject, Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore, type Change } from '../../record/event-store/event-store.js';
import { asAdmin, type Principal } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { toListPage } from '../../platform/rest/list-query.js';
import type { Page } from '../../platform/rest/page.js';
import { requireVersion } from '../../record/event-store/require-version.js';
import { PUBLIC_URL } from '../../platform/runtime/parts.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { clientConfig } from './client-config.js';
import { addToken, dropTokens, retireTokens } from './grant-tokens.js';
import {
  decideGrantChange,
  decideGrantCreation,
  decideGrantRevocation,
  decideGrantRotation,
  futureExpiry,
  type RevocationReason,
} from './grants.js';
import type { UpdateGrant, GrantQuery, GrantView, GrantWithToken, CreateGrant } from './grants.dto.js';
import {
  findGrant,
  grantStream,
  exists,
  listGrants,
  serverOfPolicy,
  unrevokedGrantsOf,
  type RowContext,
  type ShownGrant,
} from './grants.store.js';

const ADMIN_ONLY =
  'A policy manager may change policyId and shadowPolicyId; label, expiresAt and disabled need an admin.';

const revoke = async (change: Change, grantId: string, reason: RevocationReason): Promise<void> => {
  await change.apply(grantStream, grantId, (state) => decideGrantRevocation(grantId, state, { reason }));
  await dropTokens(change, grantId);
};

/** Revokes all grants of a server or an identity and drops their tokens, within the change that deletes it. */
export const revokeGrantsOf = async (
  change: Change,
  of: Readonly<{ serverId: string } | { identityId: string }>,
  reason: RevocationReason = 'serverId' in of ? 'server_deleted' : 'identity_deleted',
): Promise<void> => {
  for (const id of await unrevokedGrantsOf(change.tx, change.caller.organizationId, of))
    await revoke(change, id, reason);
};

/** Policies that a grant is to have: all must be there and of the grant's server. */
const checkPolicies = async (
  tx: Tx,
  organizationId: string,
  of: Readonly<{ policyIds: readonly (string | null | undefined)[]; serverId: string }>,
): Promise<void> => {
  for (const policyId of of.policyIds) {
    if (!policyId) continue;
    const serverId = await serverOfPolicy(tx, organizationId, policyId);
    if (serverId === undefined) throw notFound('policy');
    if (serverId !== of.serverId)
      throw new Problem('policy_of_other_server', 'Name a policy of the server that the grant is for.');
  }
};

/** Grants: who may use which server under which policy. Every change is an event; all refusals are Problems. */
@Injectable()
export class GrantsService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;
  readonly #publicUrl: () => string;

  constructor(store: EventStore, once: CreateOnce, @Inject(PUBLIC_URL) publicUrl: () => string) {
    this.#store = store;
    this.#once = once;
    this.#publicUrl = publicUrl;
  }

  /** @throws Problem not_found (identity, server, policy), policy_of_other_server, invalid_body (expiresAt) */
  async create(principal: Principal, body: CreateGrant): Promise<GrantWithToken> {
    const { organizationId } = principal;
    const { identityId, serverId, policyId = null, shadowPolicyId = null, label = null } = body;
    return this.#once.run(principal, {
      prepare: async () => newId('grt'),
      create: async (change, grantId) => {
        const expiresAt = body.expiresAt ? futureExpiry(body.expiresAt, change.now) : null;
        if (!(await exists(change.tx, organizationId, { table: 'identities', id: identityId })))
          throw notFound('identity');
        if (!(await exists(change.tx, organizationId, { table: 'servers', id: serverId }))) throw notFound('server');
        await checkPolicies(change.tx, organizationId, { serverId, policyIds: [policyId, shadowPolicyId] });
        await change.apply(grantStream, grantId, () =>
          decideGrantCreation(grantId, undefined, { identityId, serverId, policyId, shadowPolicyId, label, expiresAt }),
        );
        return this.#withToken(change, grantId);
      },
    });
  }

  async list({ organizationId }: Principal, query: GrantQuery): Promise<Page<GrantView>> {
    const rows = await this.#store.read(organizationId, (tx) =>
      listGrants(tx, { organizationId, now: new Date() }, query),
    );
    return toListPage(rows, query, { idOf: ({ id }) => id, view: (row) => this.#view(row) });
  }

  /** @throws Problem not_found */
  get({ organizationId }: Principal, id: string): Promise<GrantView> {
    return this.#store.read(organizationId, (tx) => this.#shown(tx, { organizationId, now: new Date() }, id));
  }

  /**
   * @throws Problem forbidden (a policy manager may set the policy only), not_found, precondition_failed, conflict when
   * revoked,
   * policy_of_other_server, invalid_body (expiresAt)
   */
  async update(principal: Principal, id: string, ifMatch: string | undefined, body: UpdateGrant): Promise<GrantView> {
    const { organizationId } = principal;
    const adminOnly = [body.label, body.expiresAt, body.disabled];
    const caller = adminOnly.some((value) => value !== undefined) ? asAdmin(principal, ADMIN_ONLY) : principal;
    return this.#store.change(caller, async (change) => {
      await requireVersion(change, grantStream, { id, ifMatch });
      const patch = { ...body, ...(body.expiresAt ? { expiresAt: futureExpiry(body.expiresAt, change.now) } : {}) };
      const { serverId } = await change.apply(grantStream, id, (state) => decideGrantChange(id, state, patch));
      await checkPolicies(change.tx, organizationId, { serverId, policyIds: [patch.policyId, patch.shadowPolicyId] });
      return this.#shown(change.tx, { organizationId, now: change.now }, id);
    });
  }

  /**
   * A new token; the one before lives for `graceSeconds` more, and those of earlier graces as promised. @throws Problem
   * not_found, conflict when revoked or
   * expired
   */
  async rotate(principal: Principal, id: string, graceSeconds: number): Promise<GrantWithToken> {
    return this.#once.run(principal, {
      prepare: async () => undefined,
      create: async (change) => {
        await change.apply(grantStream, id, (state) =>
          decideGrantRotation(id, state, { now: change.now, graceSeconds }),
        );
        await retireTokens(change, id, graceSeconds);
        return this.#withToken(change, id);
      },
    });
  }

  /** Ends a grant for good; doing it again changes nothing. @throws Problem not_found */
  async revoke(principal: Principal, id: string): Promise<GrantView> {
    return this.#store.change(principal, async (change) => {
      await revoke(change, id, 'revoked');
      return this.#shown(change.tx, { organizationId: principal.organizationId, now: change.now }, id);
    });
  }

  async #withToken(change: Change, id: string): Promise<GrantWithToken> {
    const token = await addToken(change, id);
    const shown = await findGrant(change.tx, { organizationId: change.caller.organizationId, now: change.now }, id);
    if (!shown) throw new Error('a grant that was just changed is not there');
    return { ...this.#view(shown, token), token };
  }

  async #shown(tx: Tx, context: RowContext, id: string): Promise<GrantView> {
    const shown = await findGrant(tx, context, id);
    if (!shown) throw notFound('grant');
    return this.#view(shown);
  }

  #view({ id, version, grant, status, tokenEnds, ...names }: ShownGrant, token?: string): GrantView {
    const { identityId, serverId, policyId, shadowPolicyId, label, disabled, expiresAt, createdAt, issuedBy } = grant;
    const { identityName, serverName, policyName, lastUsedAt } = names;
    const { via, clientName } = grant;
    const mcpUrl = `${this.#publicUrl()}/mcp/${serverId}`;
    return {
      id,
      version,
      identityId,
      identityName,
      serverId,
      serverName,
      policyId,
      policyName,
      shadowPolicyId,
      label,
      status,
      disabled,
      expiresAt,
      createdAt,
      createdBy: issuedBy,
      via,
      clientName,
      lastUsedAt,
      tokens: tokenEnds.map((end) => ({ expiresAt: end })),
      mcpUrl,
      clientConfig: clientConfig({ grantId: id, serverName }, mcpUrl, token),
    };
  }
}
