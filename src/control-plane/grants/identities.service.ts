import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import type { Tx } from '../../platform/postgres/database.js';
import { newId } from '../../platform/crypto/ids.js';
import { toListPage, type ListQuery } from '../../platform/rest/list-query.js';
import type { Page } from '../../platform/rest/page.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import { requireVersion } from '../../record/event-store/require-version.js';
import { revokeGrantsOf } from './grants.service.js';
import { checkAttributes, decideIdentityChange, decideIdentityCreation, decideIdentityDeletion } from './identities.js';
import type { CreateIdentity, IdentityView, UpdateIdentity } from './identities.dto.js';
import {
  externalIdTaken,
  findIdentity,
  identityStream,
  isMember,
  listIdentities,
  type StoredIdentity,
} from './identities.store.js';

const view = ({ id, version, identity }: StoredIdentity): IdentityView => {
  const { name, kind, memberId, externalId, attributes, disabled, createdAt } = identity;
  return { id, version, name, kind, memberId, externalId, attributes, disabled, createdAt };
};

/** Identities: who calls. Every change is an event; all refusals are Problems. */
@Injectable()
export class IdentitiesService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;

  constructor(store: EventStore, once: CreateOnce) {
    this.#store = store;
    this.#once = once;
  }

  /** @throws Problem invalid_body (attributes, memberId), conflict (externalId) */
  async create(principal: Principal, body: CreateIdentity): Promise<IdentityView> {
    checkAttributes(body.attributes);
    const { name, kind, memberId = null, externalId = null, attributes = {} } = body;
    return this.#once.run(principal, {
      prepare: async () => newId('idn'),
      create: async (change, identityId) => {
        await this.#checkReferences(change.tx, principal.organizationId, { identityId, memberId, externalId });
        await change.apply(identityStream, identityId, () =>
          decideIdentityCreation(identityId, undefined, { name, kind, memberId, externalId, attributes }),
        );
        return this.#shown(change.tx, principal.organizationId, identityId);
      },
    });
  }

  async list({ organizationId }: Principal, query: ListQuery): Promise<Page<IdentityView>> {
    const rows = await this.#store.read(organizationId, (tx) => listIdentities(tx, organizationId, query));
    return toListPage(rows, query, { idOf: ({ id }) => id, view });
  }

  /** @throws Problem not_found */
  get({ organizationId }: Principal, id: string): Promise<IdentityView> {
    return this.#store.read(organizationId, (tx) => this.#shown(tx, organizationId, id));
  }

  /** @throws Problem not_found, invalid_body (attributes, memberId), conflict (externalId) */
  async update(
    principal: Principal,
    id: string,
    ifMatch: string | undefined,
    patch: UpdateIdentity,
  ): Promise<IdentityView> {
    checkAttributes(patch.attributes);
    return this.#store.change(principal, async (change) => {
      await requireVersion(change, identityStream, { id, ifMatch });
      await change.apply(identityStream, id, (state) => decideIdentityChange(id, state, patch));
      await this.#checkReferences(change.tx, principal.organizationId, {
        identityId: id,
        memberId: patch.memberId ?? null,
        externalId: patch.externalId ?? null,
      });
      return this.#shown(change.tx, principal.organizationId, id);
    });
  }

  /** Deletes an identity and revokes its grants, in one transaction. @throws Problem not_found */
  async delete(principal: Principal, id: string, ifMatch?: string): Promise<void> {
    await this.#store.change(principal, async (change) => {
      await requireVersion(change, identityStream, { id, ifMatch });
      await change.apply(identityStream, id, (state) => decideIdentityDeletion(id, state));
      await revokeGrantsOf(change, { identityId: id });
    });
  }

  async #shown(tx: Tx, organizationId: string, id: string): Promise<IdentityView> {
    const found = await findIdentity(tx, organizationId, id);
    if (!found) throw notFound('identity');
    return view(found);
  }

  /** Changes of an organization follow one another, so what holds here holds at the commit. */
  async #checkReferences(
    tx: Tx,
    organizationId: string,
    of: Readonly<{ identityId: string; memberId: string | null; externalId: string | null }>,
  ): Promise<void> {
    if (of.memberId !== null && !(await isMember(tx, organizationId, of.memberId))) {
      throw new Problem('invalid_body', 'Name a member of your organization, or leave memberId out.', {
        errors: [{ pointer: '/memberId', code: 'invalid', message: 'memberId must be a member of the organization' }],
      });
    }
    if (of.externalId !== null && (await externalIdTaken(tx, organizationId, of.externalId, of.identityId)))
      throw new Problem('conflict', 'Another identity has this externalId.');
  }
}
