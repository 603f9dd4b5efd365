import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/postgres/database.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { Problem } from '../../platform/runtime/problems.js';
import type {
  CreateOwnOrganization,
  OwnOrganizationPage,
  OwnOrganizationQuery,
  OwnOrganizationView,
} from './person.dto.js';
import { listOrganizationsOf } from './person.store.js';
import type { SignedInView } from './sign-in.dto.js';
import { SignUpService } from './sign-up.service.js';

/** What a signed-in person has across organizations. */
@Injectable()
export class PersonService {
  readonly #db: Database;
  readonly #signUps: SignUpService;

  constructor(db: Database, signUps: SignUpService) {
    this.#db = db;
    this.#signUps = signUps;
  }

  /** The organizations of the caller; an API key has none but its own, which `GET /v1/organization` shows. */
  async listOrganizations(
    { actor, organizationId }: Principal,
    query: OwnOrganizationQuery,
  ): Promise<OwnOrganizationPage> {
    const rows =
      actor.type === 'member'
        ? await this.#db.asStranger(actor.id, (tx) => listOrganizationsOf(tx, actor.id, query))
        : [];
    const view = ({ sort_key: _key, ...organization }: (typeof rows)[number]): OwnOrganizationView => ({
      ...organization,
      current: organization.id === organizationId,
    });
    return toListPage(rows, query, { idOf: (row) => row.id, view });
  }

  /**
   * Makes one more organization, with the caller as its admin and a session in it.
   * @throws Problem conflict for an API key, signup_closed where `SIGNUP` is not open
   */
  async createOrganization(
    principal: Principal,
    { organizationName: name }: CreateOwnOrganization,
    address: string,
  ): Promise<SignedInView> {
    if (principal.actor.type !== 'member')
      throw new Problem('conflict', 'An API key belongs to one organization. Sign in as a person.');
    return this.#signUps.addOrganization(principal, { name, address });
  }
}
