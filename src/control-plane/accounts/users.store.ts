import type { Tx } from '../../platform/postgres/database.js';
import { canonicalEmail } from '../../platform/rest/email.js';
import { Problem } from '../../platform/runtime/problems.js';
import type { User } from './members.js';
import { rememberNetwork } from './sign-in-networks.js';

/** The refusal of an e-mail address that has an account. */
export const emailTaken = (): Problem =>
  new Problem('conflict', 'This e-mail address already has an account. Log in with it, or use another one.');

/** Whether an e-mail address has an account, however it is capitalised. */
export const hasUser = async (tx: Pick<Tx, 'query'>, email: string): Promise<boolean> => {
  const { rows } = await tx.query('select 1 from users where lower(email) = lower($1)', [email]);
  return rows.length > 0;
};

/** The user of an e-mail address as somebody typed it; accounts of earlier releases are found by their own spelling. */
export const findUserTyped = async (tx: Pick<Tx, 'query'>, typed: string): Promise<User | undefined> => {
  const { rows } = await tx.query<User>(
    'select id, email from users where lower(email) in ($1, lower($2)) order by lower(email) = lower($2) desc limit 1',
    [canonicalEmail(typed), typed],
  );
  return rows[0];
};

/**
 * Adds a user, who is from now on known to come from the network of `address`.
 * @throws Problem conflict when the e-mail address has an account, however it is capitalised
 */
export const insertUser = async (
  tx: Tx,
  user: User,
  { passwordHash, address }: Readonly<{ passwordHash: string; address: string }>,
): Promise<void> => {
  const { rowCount } = await tx.query(
    'insert into users(id, email, password_hash) values ($1, $2, $3) on conflict do nothing',
    [user.id, user.email, passwordHash],
  );
  if (rowCount !== 1) throw emailTaken();
  await rememberNetwork(tx, user.id, address);
};
