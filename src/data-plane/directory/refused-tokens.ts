import type { Database } from '../../platform/postgres/database.js';
import { within } from '../../platform/runtime/within.js';
import { tokenGrantId, tokenHash, tokenObjectId } from '../../platform/crypto/tokens.js';
import type { Directory } from './directory.js';

/** What became of a token that the directory refuses. `unknown` also stands for what can't be found out in time. */
export type TokenState = 'revoked' | 'expired' | 'rotated' | 'api_key' | 'unknown';

const LOOKUP_TIMEOUT_MS = 1000;
/** All look-ups take turns with each other, so that a flood of refused tokens holds one connection at most. */
const TURN = 'refused grant tokens';

type Row = { revoked: boolean; expired: boolean };

const STATE = `select g.revoked_at is not null as revoked, coalesce(g.expires_at <= now(), false) as expired
  from ended_grant_tokens t join grants g on g.organization_id = t.organization_id and g.id = t.grant_id
  where t.token_hash = $1 and t.grant_id = $2`;

const stateOf = ({ revoked, expired }: Row): TokenState => {
  if (revoked) return 'revoked';
  return expired ? 'expired' : 'rotated';
};

/**
 * Says what became of a refused token to whoever holds its secret, and `unknown` to anybody else. Best effort: under a
 * flood, or with the database away, a token is `unknown`.
 */
export class RefusedTokens {
  readonly #directory: Directory;
  readonly #db: Pick<Database, 'asStranger'>;

  constructor(directory: Directory, db: Pick<Database, 'asStranger'>) {
    this.#directory = directory;
    this.#db = db;
  }

  /** What became of a token that `Directory.authenticate` refused. Never rejects. */
  async stateOf(token: string): Promise<TokenState> {
    if (tokenObjectId('key', token) !== undefined) return 'api_key';
    const grantId = tokenGrantId(token);
    return grantId === undefined ? 'unknown' : this.stateOfHash(grantId, tokenHash(token));
  }

  /** The same for the hash of a token that was good once. Never rejects. */
  async stateOfHash(grantId: string, hash: Buffer): Promise<TokenState> {
    const known = this.#directory.stateOfToken(grantId, hash, Date.now());
    if (known !== undefined) return known;
    const found = this.#db.asStranger(TURN, async (tx) => (await tx.query<Row>(STATE, [hash, grantId])).rows[0]);
    const row = await within(found, LOOKUP_TIMEOUT_MS);
    return row === undefined ? 'unknown' : stateOf(row);
  }
}
