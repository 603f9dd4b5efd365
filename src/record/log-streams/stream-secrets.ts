import { randomBytes } from 'node:crypto';
import type { SecretPlace, Vault } from '../../platform/crypto/vault.js';
import { parseObject } from '../../platform/json/json-object.js';
import { organizationKey } from '../../platform/postgres/organization-key.js';
import type { Tx } from '../../platform/postgres/database.js';

/** A secret that signs, until a time (RFC 3339) or for good. */
export type SigningSecret = Readonly<{ secret: string; until: string | null }>;

type Config = Readonly<Record<string, unknown>>;

/**
 * What of a stream is sealed: its whole config as it was given, and its signing secrets, newest first. `previous` is
 * the config with the secrets before, which are good until a time (RFC 3339).
 */
export type StreamSecrets = Readonly<{
  config: Config;
  previous?: Readonly<{ config: Config; until: string }>;
  signing: readonly SigningSecret[];
}>;

/** The config with the secrets before, while they are good. */
export const activePrevious = ({ previous }: StreamSecrets, now = Date.now()): Config | undefined =>
  previous && Date.parse(previous.until) > now ? previous.config : undefined;

/** The secrets after a change of the config: those before are good for the grace. */
export const withChangedConfig = (
  { config: before, signing }: StreamSecrets,
  config: Config,
  { graceSeconds, now }: Readonly<{ graceSeconds: number; now: Date }>,
): StreamSecrets => {
  if (graceSeconds === 0) return { config, signing };
  const until = new Date(now.getTime() + graceSeconds * 1000).toISOString();
  return { config, previous: { config: before, until }, signing };
};

type Where = Readonly<{ tx: Tx; vault: Vault; organizationId: string; streamId: string }>;

const placeOf = ({ organizationId, streamId }: Where): SecretPlace => ({
  organizationId,
  table: 'log_stream_secrets',
  column: 'sealed',
  row: streamId,
});

/** A new signing secret, as Standard Webhooks writes it. */
export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** The secrets that sign at a time, newest first: at most two. */
export const activeSecrets = (signing: readonly SigningSecret[], now = Date.now()): readonly string[] =>
  signing.filter(({ until }) => until === null || Date.parse(until) > now).map(({ secret }) => secret);

/** The secrets after a rotation: the newest one signs beside the new one for the grace, older ones end. */
export const rotated = (
  signing: readonly SigningSecret[],
  { secret, graceSeconds, now }: Readonly<{ secret: string; graceSeconds: number; now: Date }>,
): readonly SigningSecret[] => {
  const [newest] = signing;
  const until = new Date(now.getTime() + graceSeconds * 1000).toISOString();
  const kept = newest && graceSeconds > 0 ? [{ secret: newest.secret, until }] : [];
  return [{ secret, until: null }, ...kept];
};

/** Undefined when there are none, or they can't be opened: the stream can't run, and that is told. */
export const loadStreamSecrets = async (where: Where): Promise<StreamSecrets | undefined> => {
  const { tx, vault, organizationId, streamId } = where;
  const { rows } = await tx.query<{ sealed: Buffer }>(
    'select sealed from log_stream_secrets where organization_id = $1 and stream_id = $2',
    [organizationId, streamId],
  );
  if (!rows[0]) return undefined;
  const wrapped = await organizationKey(tx, organizationId);
  try {
    return parseObject(vault.open(wrapped, placeOf(where), rows[0].sealed)) as StreamSecrets | undefined;
  } catch {
    return undefined;
  }
};

/** Keeps a stream's secrets, sealed. */
export const saveStreamSecrets = async (where: Where, secrets: StreamSecrets): Promise<void> => {
  const { tx, vault, organizationId, streamId } = where;
  const wrapped = await organizationKey(tx, organizationId);
  await tx.query(
    `insert into log_stream_secrets(organization_id, stream_id, sealed) values ($1, $2, $3)
     on conflict (organization_id, stream_id) do update set sealed = excluded.sealed`,
    [organizationId, streamId, vault.seal(wrapped, placeOf(where), JSON.stringify(secrets))],
  );
};
