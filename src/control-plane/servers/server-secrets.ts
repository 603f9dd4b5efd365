import type { Tx } from '../../platform/postgres/database.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import { log } from '../../platform/runtime/log.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';
import type { SecretValues } from './upstream-headers.js';

const placeOf = (organizationId: string, serverId: string): SecretPlace => ({
  organizationId,
  table: 'server_secrets',
  column: 'sealed_headers',
  row: serverId,
});

type SecretsPlace = Readonly<{ tx: Tx; vault: Vault; organizationId: string; serverId: string }>;

/**
 * The secret values of servers by id: headers, or a command's environment, and the hidden parts of the way. A server
 * that has none is missing, as is one whose values can't be opened, so that they can be given again.
 */
export const loadSecretsOf = async (
  { tx, vault, organizationId }: Omit<SecretsPlace, 'serverId'>,
  serverIds: readonly string[],
): Promise<ReadonlyMap<string, SecretValues>> => {
  const { rows } = await tx.query<{ server_id: string; sealed_headers: Buffer }>(
    'select server_id, sealed_headers from server_secrets where organization_id = $1 and server_id = any($2)',
    [organizationId, serverIds],
  );
  const opened = new Map<string, SecretValues>();
  if (rows.length === 0) return opened;
  const wrapped = await organizationKey(tx, organizationId);
  for (const { server_id: serverId, sealed_headers: sealed } of rows) {
    try {
      opened.set(serverId, JSON.parse(vault.open(wrapped, placeOf(organizationId, serverId), sealed)) as SecretValues);
    } catch {
      log.error('the credentials of a server can not be opened: was MASTER_KEY changed? Give them again', {
        organizationId,
        serverId,
      });
    }
  }
  return opened;
};

/** The secret values of one server; none when it has none, nor when they can't be opened. */
export const loadSecrets = async ({ serverId, ...where }: SecretsPlace): Promise<SecretValues> =>
  (await loadSecretsOf(where, [serverId])).get(serverId) ?? {};

/** Keeps the secret values of a server, sealed; with none the row goes. */
export const saveSecrets = async (where: SecretsPlace, secrets: SecretValues): Promise<void> => {
  const { tx, vault, organizationId, serverId } = where;
  if (Object.keys(secrets).length === 0) return removeSecrets(where);
  const sealed = vault.seal(
    await organizationKey(tx, organizationId),
    placeOf(organizationId, serverId),
    JSON.stringify(secrets),
  );
  await tx.query(
    `insert into server_secrets(organization_id, server_id, sealed_headers) values ($1, $2, $3)
     on conflict (organization_id, server_id) do update set sealed_headers = excluded.sealed_headers`,
    [organizationId, serverId, sealed],
  );
};

/** Deletes the secrets of a server, if it has any. */
export const removeSecrets = async ({ tx, organizationId, serverId }: Omit<SecretsPlace, 'vault'>): Promise<void> => {
  await tx.query('delete from server_secrets where organization_id = $1 and server_id = $2', [
    organizationId,
    serverId,
  ]);
};
