import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { newId } from '../../platform/crypto/ids.js';
import { newToken } from '../../platform/crypto/tokens.js';
import { toListPage } from '../../platform/rest/list-query.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { ApiKeyPage, ApiKeyQuery, ApiKeyView, ApiKeyWithSecret, CreateApiKey } from './api-keys.dto.js';
import { deleteApiKey, deleteMadeByApiKey, endOf, insertApiKey, listApiKeys } from './api-keys.store.js';

const expiryOf = (expiresAt: string | null | undefined, now: Date): string | null => {
  if (!expiresAt) return null;
  const expiry = new Date(expiresAt);
  if (expiry <= now)
    throw new Problem('invalid_body', 'Choose a time in the future.', {
      errors: [{ pointer: '/expiresAt', code: 'invalid', message: 'expiresAt must be in the future' }],
    });
  return expiry.toISOString();
};

/** What a key makes ends with it at the latest. */
const earlierOf = (expiresAt: string | null, end: Date | null): string | null =>
  end !== null && (expiresAt === null || end < new Date(expiresAt)) ? end.toISOString() : expiresAt;

/** API keys of an organization: credentials with a role of their own, stored as hashes only. */
@Injectable()
export class ApiKeysService {
  readonly #store: EventStore;
  readonly #once: CreateOnce;

  constructor(store: EventStore, once: CreateOnce) {
    this.#store = store;
    this.#once = once;
  }

  /** @throws Problem invalid_body for an expiry that is not in the future */
  create(principal: Principal, { name, role, expiresAt }: CreateApiKey): Promise<ApiKeyWithSecret> {
    return this.#once.run(principal, {
      prepare: () => Promise.resolve(),
      create: async (change) => {
        const id = newId('key');
        const key = {
          id,
          name,
          role,
          createdAt: change.now.toISOString(),
          expiresAt: earlierOf(expiryOf(expiresAt, change.now), await endOf(change)),
          secret: newToken('key', id),
        };
        await insertApiKey(change, key);
        return { ...key, issuedBy: principal.actor, lastUsedAt: null };
      },
    });
  }

  async list({ organizationId }: Principal, query: ApiKeyQuery): Promise<ApiKeyPage> {
    const rows = await this.#store.read(organizationId, (tx) => listApiKeys(tx, organizationId, query));
    const view = ({ sort_key: _key, ...key }: (typeof rows)[number]): ApiKeyView => key;
    return toListPage(rows, query, { idOf: (row) => row.id, view });
  }

  /**
   * Deletes a key, with the keys and the open invitations that it made; the next request with any of them is refused.
   * @throws Problem not_found
   */
  async delete(principal: Principal, id: string): Promise<void> {
    await this.#store.change(principal, async (change) => {
      if (!(await deleteApiKey(change, id))) throw notFound('API key');
      await deleteMadeByApiKey(change, id);
    });
  }
}
