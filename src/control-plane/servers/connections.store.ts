import { organizationKey } from '../../platform/postgres/organization-key.js';
import type { Tx } from '../../platform/postgres/database.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';

/**
 * What Toolgate is at the authorization server of an upstream, and what it keeps signed in with. All of it is secret.
 */
export type ConnectionSecrets = Readonly<{
  clientId?: string;
  clientSecret?: string;
  /** Whether the client was given by an admin; one that registered itself is registered anew elsewhere. */
  isGiven?: boolean;
  issuer?: string;
  tokenEndpoint?: string;
  resource?: string;
  refreshToken?: string;
}>;

/** A connection as it is kept. `refreshAt`: when its tokens are to be renewed; null: never. */
export type Connection = Readonly<{
  secrets: ConnectionSecrets;
  scopes: readonly string[];
  expiresAt: Date | null;
  refreshAt: Date | null;
}>;

export type ConnectionPlace = Readonly<{ tx: Tx; vault: Vault; organizationId: string; serverId: string }>;

const placeOf = ({ organizationId, serverId }: ConnectionPlace): SecretPlace => ({
  organizationId,
  table: 'connections',
  column: 'sealed',
  row: serverId,
});

type Row = { sealed: Buffer; scopes: readonly string[]; expires_at: Date | null; refresh_at: Date | null };

/** The connection of a server; undefined where it has none. */
export const loadConnection = async (where: ConnectionPlace): Promise<Connection | undefined> => {
  const { tx, vault, organizationId, serverId } = where;
  const { rows } = await tx.query<Row>(
    'select sealed, scopes, expires_at, refresh_at from connections where organization_id = $1 and server_id = $2',
    [organizationId, serverId],
  );
  const row = rows[0];
  if (!row) return undefined;
  const text = vault.open(await organizationKey(tx, organizationId), placeOf(where), row.sealed);
  const secrets = JSON.parse(text) as ConnectionSecrets;
  return { secrets, scopes: row.scopes, expiresAt: row.expires_at, refreshAt: row.refresh_at };
};

/** Keeps a connection, and gives back its lease. */
export const saveConnection = async (where: ConnectionPlace, connection: Connection): Promise<void> => {
  const { tx, vault, organizationId, serverId } = where;
  const { secrets, scopes, expiresAt, refreshAt } = connection;
  const sealed = vault.seal(await organizationKey(tx, organizationId), placeOf(where), JSON.stringify(secrets));
  await tx.query(
    `insert into connections(organization_id, server_id, sealed, scopes, expires_at, refresh_at)
      values ($1, $2, $3, $4, $5, $6) on conflict (organization_id, server_id) do update
        set sealed = excluded.sealed, scopes = excluded.scopes, expires_at = excluded.expires_at,
          refresh_at = excluded.refresh_at, leased_until = null`,
    [organizationId, serverId, sealed, scopes, expiresAt, refreshAt],
  );
};

/** Forgets the connection of a server. */
export const removeConnection = async ({
  tx,
  organizationId,
  serverId,
}: Omit<ConnectionPlace, 'vault'>): Promise<void> => {
  await tx.query('delete from connections where organization_id = $1 and server_id = $2', [organizationId, serverId]);
};
