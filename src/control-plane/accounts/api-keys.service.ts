import { Injectable } from '@nestjs/common';
import { CreateOnce } from '../../record/event-store/create-once.js';
import { EventStore } from '../../record/event-store/event-store.js';
import type { Principal } from '../../platform/rest/allowed.js';
import { newId } from '../../platform/crypto/ids.js';
import { newToken } from '../../platform/crypto/tokens.js';
import { pageStart, toPage, type PageQuery } from '../../platform/rest/page.js';
import { notFound, Problem } from '../../platform/runtime/problems.js';
import type { ApiKeyPage, ApiKeyWithSecret, CreateApiKey } from './api-keys.dto.js';
import { deleteApiKey, deleteMadeByApiKey, insertApiKey, listApiKeys } from './api-keys.store.js';

const expiryOf = (expiresAt: string | null | undefined, now: Date): string | null => {
  if (!expiresAt) return null;
  const expiry = new Date(expiresAt);
  if (expiry <= now)
    throw new Problem('invalid_body', 'Choose a time in the future.', {
      errors: [{ pointer: '/expiresAt', code: 'invalid', message: 'expiresAt must be in the future' }],
    });
  return expiry.toISOString();
};

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
          expiresAt: expiryOf(expiresAt, change.now),
          secret: newToken('key', id),
        };
        await insertApiKey(change, key);
        return { ...key, issuedBy: principal.actor };
      },
    });
  }

  async list({ organizationId }: Principal, query: PageQuery): Promise<ApiKeyPage> {
    const start = pageStart(query);
    const rows = await this.#store.read(organizationId, (tx) => listApiKeys(tx, organizationId, start));
    return toPage(rows, start.limit, { keyOf: (key) => key.id, view: (key) => key });
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
