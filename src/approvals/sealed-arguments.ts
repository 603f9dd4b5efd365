import type { Tx } from '../platform/database.js';
import { organizationKey } from '../platform/organization-key.js';
import type { Place, Vault } from '../platform/vault.js';

type Of = Readonly<{ organizationId: string; approvalId: string }>;

const placeOf = ({ organizationId, approvalId }: Of): Place => ({ organizationId, table: 'approval_arguments', column: 'sealed_arguments', row: approvalId });

/** Keeps the arguments, as JSON, of a call that is to be decided. */
export const keepArguments = async (tx: Tx, vault: Vault, of: Of, json: string): Promise<void> => {
  const sealed = vault.seal(await organizationKey(tx, of.organizationId), placeOf(of), json);
  await tx.query('insert into approval_arguments(organization_id, approval_id, sealed_arguments) values ($1, $2, $3)', [of.organizationId, of.approvalId, sealed]);
};

/** The arguments of a call; undefined once they are dropped. */
export const readArguments = async (tx: Tx, vault: Vault, of: Of): Promise<unknown> => {
  const { rows } = await tx.query<{ sealed_arguments: Buffer }>('select sealed_arguments from approval_arguments where organization_id = $1 and approval_id = $2', [of.organizationId, of.approvalId]);
  return rows[0] && (JSON.parse(vault.open(await organizationKey(tx, of.organizationId), placeOf(of), rows[0].sealed_arguments)) as unknown);
};

export const dropArguments = async (tx: Tx, { organizationId, approvalId }: Of): Promise<void> => {
  await tx.query('delete from approval_arguments where organization_id = $1 and approval_id = $2', [organizationId, approvalId]);
};
