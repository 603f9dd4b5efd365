import type { Vault } from '../../../platform/crypto/vault.js';
import type { Change } from '../../../record/event-store/event-store.js';
import { saveConnection, type ConnectionSecrets } from '../../servers/connections.store.js';
import { loadSecrets, saveSecrets } from '../../servers/server-secrets.js';
import { decideServerChange } from '../../servers/servers.js';
import { serverStream } from '../../servers/servers.store.js';
import { refreshTime, type UpstreamTokens } from './tokens.js';

type Of = Readonly<{ vault: Vault; serverId: string; secrets: ConnectionSecrets; scopes: readonly string[] }>;

/** Puts a server's sign-in on record, which every gateway reads its credential by. */
const setStatus = (change: Change, serverId: string, status: 'connected' | 'needs_sign_in'): Promise<unknown> =>
  change.apply(serverStream, serverId, (state) =>
    state?.auth.type === 'oauth' && !state.deleted
      ? decideServerChange(serverId, state, { auth: { ...state.auth, status } })
      : [],
  );

/** Keeps new tokens of a server: the access token as the header that goes upstream, the refresh token sealed. */
export const keepTokens = async (
  change: Change,
  { vault, serverId, secrets, scopes }: Of,
  tokens: UpstreamTokens,
): Promise<void> => {
  const where = { tx: change.tx, vault, organizationId: change.caller.organizationId, serverId };
  const { accessToken, refreshToken = secrets.refreshToken, seconds } = tokens;
  const expiresAt = seconds === undefined ? null : new Date(change.now.getTime() + seconds * 1000);
  const canRefresh = seconds !== undefined && refreshToken !== undefined;
  await saveConnection(where, {
    secrets: { ...secrets, ...(refreshToken === undefined ? {} : { refreshToken }) },
    scopes: tokens.scopes ?? scopes,
    expiresAt,
    refreshAt: canRefresh ? refreshTime(change.now, seconds) : expiresAt,
  });
  await saveSecrets(where, { ...(await loadSecrets(where)), Authorization: `Bearer ${accessToken}` });
  await setStatus(change, serverId, 'connected');
};

/** Marks a server whose authorization server gives no tokens any more: an admin must sign in again. */
export const loseTokens = async (change: Change, { vault, serverId, secrets, scopes }: Of): Promise<void> => {
  const where = { tx: change.tx, vault, organizationId: change.caller.organizationId, serverId };
  const { refreshToken: _refused, ...kept } = secrets;
  await saveConnection(where, { secrets: kept, scopes, expiresAt: null, refreshAt: null });
  const { Authorization: _ended, ...others } = await loadSecrets(where);
  await saveSecrets(where, others);
  await setStatus(change, serverId, 'needs_sign_in');
};
