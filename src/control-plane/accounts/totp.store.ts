import type { EventStore } from '../../record/event-store/event-store.js';
import type { Database, Tx } from '../../platform/postgres/database.js';
import type { Vault } from '../../platform/crypto/vault.js';
import { organizationsOf } from './password-resets.store.js';
import { findUserTyped } from './users.store.js';
import { recoveryHash, stepOfCode } from './totp.js';

type Query = Pick<Tx, 'query'>;

/** A person's second factor. */
export type SecondFactor = Readonly<{ secret: Buffer; isConfirmed: boolean; recoveryCodesLeft: number }>;

const PURPOSE = 'totp';

/** A person's second factor; undefined when they have none. @throws when it was sealed with another key */
export const loadSecondFactor = async (tx: Query, vault: Vault, userId: string): Promise<SecondFactor | undefined> => {
  const { rows } = await tx.query<{ sealed_secret: Buffer; confirmed: boolean; left: number }>(
    `select sealed_secret, confirmed_at is not null as confirmed, cardinality(recovery_hashes) as left
      from user_totp where user_id = $1`,
    [userId],
  );
  const row = rows[0];
  if (!row) return undefined;
  const secret = Buffer.from(vault.openForInstallation(PURPOSE, userId, row.sealed_secret), 'base64');
  return { secret, isConfirmed: row.confirmed, recoveryCodesLeft: row.left };
};

/** Keeps a new second factor in the place of one that was not confirmed; false when there is a confirmed one. */
export const keepSecondFactor = async (tx: Query, vault: Vault, userId: string, secret: Buffer): Promise<boolean> => {
  const { rowCount } = await tx.query(
    `insert into user_totp(user_id, sealed_secret) values ($1, $2) on conflict (user_id) do update
       set sealed_secret = excluded.sealed_secret, created_at = now() where user_totp.confirmed_at is null`,
    [userId, vault.sealForInstallation(PURPOSE, userId, secret.toString('base64'))],
  );
  return rowCount === 1;
};

/** From now on the person is asked for a code. False when they were already. */
export const confirmSecondFactor = async (tx: Query, userId: string, codes: readonly string[]): Promise<boolean> => {
  const { rowCount } = await tx.query(
    'update user_totp set confirmed_at = now(), recovery_hashes = $2 where user_id = $1 and confirmed_at is null',
    [userId, codes.map(recoveryHash)],
  );
  return rowCount === 1;
};

/** Ends a confirmed second factor; false when there is none. */
export const deleteSecondFactor = async (tx: Query, userId: string): Promise<boolean> =>
  (await tx.query('delete from user_totp where user_id = $1 and confirmed_at is not null', [userId])).rowCount === 1;

/**
 * Ends the second factor of the person of an e-mail address, for whoever runs Toolgate; false when there is none. It is
 * on record in the organization that the person joined first.
 */
export const endSecondFactorOf = async (db: Database, store: EventStore, email: string): Promise<boolean> => {
  const user = await findUserTyped(db.signIn, email);
  if (!user) return false;
  const [organizationId] = await organizationsOf(db.signIn, user.id);
  if (organizationId === undefined) return db.asStranger('operator', (tx) => deleteSecondFactor(tx, user.id));
  const caller = { organizationId, actor: { type: 'system', id: 'operator' } } as const;
  return store.changeAsStranger(caller, async (change) => {
    if (!(await deleteSecondFactor(change.tx, user.id))) return false;
    await change.appendFact('account', { type: 'member.secondFactorChanged', userId: user.id, enabled: false });
    return true;
  });
};

/** Uses a code up, of the authenticator or a recovery code: each counts once. False when it does not count. */
export const useCode = async (
  tx: Query,
  userId: string,
  { secret, code, now }: Readonly<{ secret: Buffer; code: string; now: Date }>,
): Promise<boolean> => {
  const step = stepOfCode(secret, code.trim(), now);
  const { rowCount } =
    step === undefined
      ? await tx.query(
          `update user_totp set recovery_hashes = array_remove(recovery_hashes, $2::bytea)
            where user_id = $1 and $2::bytea = any (recovery_hashes)`,
          [userId, recoveryHash(code)],
        )
      : await tx.query('update user_totp set last_step = $2 where user_id = $1 and last_step < $2', [userId, step]);
  return rowCount === 1;
};
