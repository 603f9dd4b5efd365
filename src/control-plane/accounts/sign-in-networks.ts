import type { Tx } from '../../platform/postgres/database.js';
import { networkOf } from './login-limits.js';

const MAX_NETWORKS_OF_A_USER = 20;

/** Remembers the network that a user signed in from; of each user the newest 20. */
export const rememberNetwork = async (tx: Pick<Tx, 'query'>, userId: string, address: string): Promise<void> => {
  await tx.query(
    `insert into sign_in_networks(user_id, network) values ($1, $2) on conflict (user_id, network) do update
      set seen_at = now()`,
    [userId, networkOf(address)],
  );
  await tx.query(
    `delete from sign_in_networks where user_id = $1
     and network in (select network from sign_in_networks where user_id = $1
       order by seen_at desc offset ${MAX_NETWORKS_OF_A_USER})`,
    [userId],
  );
};
