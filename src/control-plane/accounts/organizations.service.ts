import { Injectable } from '@nestjs/common';
import { EventStore } from '../../record/event-store/event-store.js';
import { requireVersion } from '../../record/event-store/require-version.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { notFound } from '../../platform/runtime/problems.js';
import { decideOrganizationChange, shownOrganization } from './organizations.js';
import type { OrganizationView, UpdateOrganization } from './organizations.dto.js';
import { organizationStream } from './organizations.store.js';

/** The caller's organization. */
@Injectable()
export class OrganizationsService {
  readonly #store: EventStore;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async get({ organizationId }: Principal): Promise<OrganizationView> {
    const found = await this.#store.read(organizationId, (tx) =>
      organizationStream.load(tx, organizationId, organizationId),
    );
    if (!found) throw notFound('organization');
    return { ...shownOrganization(organizationId, found.state), version: found.version };
  }

  /**
   * Disables or enables the organization: the next call through `/mcp` is refused, or judged again.
   * @throws Problem precondition_failed for another version than `ifMatch` names
   */
  update(principal: Principal, ifMatch: string | undefined, request: UpdateOrganization): Promise<OrganizationView> {
    const { organizationId: id } = principal;
    return this.#store.change(principal, async (change) => {
      await requireVersion(change, organizationStream, { id, ifMatch });
      await change.apply(organizationStream, id, (state) => decideOrganizationChange(id, state, request));
      const changed = await organizationStream.load(change.tx, id, id);
      if (!changed) throw notFound('organization');
      return { ...shownOrganization(id, changed.state), version: changed.version };
    });
  }
}
