import type { Tx } from './database.js';

/** An organization's data key as it is stored, wrapped, for the vault. */
export const organizationKey = async (tx: Tx, organizationId: string): Promise<Buffer> => {
  const { rows } = await tx.query<{ wrapped: Buffer }>(
    'select wrapped from organization_keys where organization_id = $1',
    [organizationId],
  );
  if (!rows[0]) throw new Error('an organization without a key');
  return rows[0].wrapped;
};
