import { readStrictJson } from '../../platform/json/strict-json.js';
import type { Tx } from '../../platform/postgres/database.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';

type ApprovalKey = Readonly<{ organizationId: string; approvalId: string }>;

type Column = 'sealed_arguments' | 'sealed_other_params';

const placeOf = ({ organizationId, approvalId }: ApprovalKey, column: Column): SecretPlace => ({
  organizationId,
  table: 'approval_arguments',
  column,
  row: approvalId,
});

/** What a request says that is to be decided: its arguments, and the other members of its `params`, each as JSON. */
export type RequestTexts = Readonly<{ argumentsJson: string; otherParamsJson: string | undefined }>;

/** Keeps, sealed, what a request says until it is decided. */
export const storeArguments = async (
  tx: Tx,
  vault: Vault,
  of: ApprovalKey,
  { argumentsJson, otherParamsJson }: RequestTexts,
): Promise<void> => {
  const key = await organizationKey(tx, of.organizationId);
  const others =
    otherParamsJson === undefined ? null : vault.seal(key, placeOf(of, 'sealed_other_params'), otherParamsJson);
  await tx.query(
    `insert into approval_arguments(organization_id, approval_id, sealed_arguments, sealed_other_params)
     values ($1, $2, $3, $4)`,
    [of.organizationId, of.approvalId, vault.seal(key, placeOf(of, 'sealed_arguments'), argumentsJson), others],
  );
};

/** The value of a text that the gateway wrote, with numbers that no double holds as they were written. */
const readText = (text: string): unknown => {
  const read = readStrictJson(Buffer.from(text), 'as_written');
  if (!read.ok) throw new Error(`the kept arguments of an approval are ${read.reason}`);
  return read.value;
};

type Row = { sealed_arguments: Buffer; sealed_other_params: Buffer | null };

/**
 * What a request said: its arguments, and the other members of its `params`, null when there were none. Null once both
 * are dropped.
 */
export const readArguments = async (
  tx: Tx,
  vault: Vault,
  of: ApprovalKey,
): Promise<Readonly<{ arguments: unknown; otherParams: unknown }>> => {
  const { rows } = await tx.query<Row>(
    `select sealed_arguments, sealed_other_params from approval_arguments
     where organization_id = $1 and approval_id = $2`,
    [of.organizationId, of.approvalId],
  );
  const [row] = rows;
  if (!row) return { arguments: null, otherParams: null };
  const key = await organizationKey(tx, of.organizationId);
  const opened = (column: Column): unknown => {
    const sealed = row[column];
    return sealed === null ? null : readText(vault.open(key, placeOf(of, column), sealed));
  };
  return { arguments: opened('sealed_arguments'), otherParams: opened('sealed_other_params') };
};

/** Deletes the sealed arguments of an approval, if they are still there. */
export const dropArguments = async (tx: Tx, { organizationId, approvalId }: ApprovalKey): Promise<void> => {
  await tx.query('delete from approval_arguments where organization_id = $1 and approval_id = $2', [
    organizationId,
    approvalId,
  ]);
};
