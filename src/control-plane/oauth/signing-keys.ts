import { generateKeyPair, createHash } from 'node:crypto';
import { promisify } from 'node:util';
import type { Database } from '../../platform/postgres/database.js';
import type { Vault } from '../../platform/crypto/vault.js';

const PURPOSE = 'oauth-key';
/** A key signs for so long; its public part is published as long again. */
const KEY_DAYS = 30;
const LOCK = 'toolgate oauth keys';

/** A private key as JWK, the newest first. */
export type SigningKey = Readonly<Record<string, unknown>> & Readonly<{ kid: string }>;

const makePair = promisify(generateKeyPair);

const newKey = async (): Promise<SigningKey> => {
  const { privateKey } = await makePair('ec', { namedCurve: 'P-256' });
  const jwk = privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(`${jwk.x}.${jwk.y}`).digest('base64url').slice(0, 16);
  return { ...jwk, kid, use: 'sig', alg: 'ES256' };
};

type Row = { kid: string; sealed: Buffer; is_current: boolean };

/**
 * The keys of the issuer, the newest first: one that may sign, and those that signed lately. Makes a new one when the
 * newest is 30 days old, on one node only, and forgets those that no one needs.
 */
export const loadSigningKeys = (db: Database, vault: Vault): Promise<readonly SigningKey[]> =>
  db.asWorker(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(hashtext($1))', [LOCK]);
    await tx.query(`delete from oauth_keys where created_at < now() - interval '${2 * KEY_DAYS + 1} days'`);
    const { rows } = await tx.query<Row>(
      `select kid, sealed, created_at > now() - interval '${KEY_DAYS} days' as is_current from oauth_keys
        order by created_at desc`,
    );
    const known = rows.map(
      ({ kid, sealed }) => JSON.parse(vault.openForInstallation(PURPOSE, kid, sealed)) as SigningKey,
    );
    if (rows[0]?.is_current) return known;
    const key = await newKey();
    await tx.query('insert into oauth_keys(kid, sealed) values ($1, $2)', [
      key.kid,
      vault.sealForInstallation(PURPOSE, key.kid, JSON.stringify(key)),
    ]);
    return [key, ...known];
  });
