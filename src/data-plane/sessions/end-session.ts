import { sendStatus } from '../../mcp/protocol/answers.js';
import { upstreamHeaders } from '../../mcp/protocol/headers.js';
import { collectAnswer } from '../relay/collect-answer.js';
import type { AuthenticatedRequest } from '../relay/exchange.js';
import type { SessionContent } from './sealed-session.js';
import type { SessionDeps } from './session-deps.js';

const MAX_ANSWER_BYTES = 64 * 1024;
const ANSWER_TIMEOUT_MS = 5000;

type EndRequest = AuthenticatedRequest & Readonly<{ session: SessionContent }>;

const endUpstream = (deps: SessionDeps, { who, session }: EndRequest): ReturnType<typeof collectAnswer> =>
  collectAnswer(
    deps,
    {
      server: who.server,
      grantId: who.grant.id,
      era: 'legacy',
      method: 'DELETE',
      headers: upstreamHeaders(who.server.headers, session),
      body: undefined,
      silenceMs: ANSWER_TIMEOUT_MS,
      cookies: session.cookies,
    },
    { maxBytes: MAX_ANSWER_BYTES },
  );

/**
 * DELETE: ends the session on this gateway before the client is answered, on every other gateway within a second, and
 * upstream if the upstream can be reached. The end is recorded as an event.
 */
export const endSession = async (deps: SessionDeps, exchange: EndRequest): Promise<void> => {
  const { who, session, response } = exchange;
  const expiresAt = new Date(session.expiresAt).toISOString();
  await deps.store.change(
    { organizationId: who.organization.id, actor: { type: 'grant', id: who.grant.id } },
    async (change) => {
      await change.tx.query(
        `insert into ended_sessions(organization_id, session_id, expires_at) values ($1, $2, $3)
          on conflict do nothing`,
        [who.organization.id, session.sessionId, expiresAt],
      );
      await change.appendFact(session.sessionId, {
        type: 'session.ended',
        sessionId: session.sessionId,
        grantId: who.grant.id,
        serverId: who.server.id,
        expiresAt,
      });
    },
  );
  if (session.upstreamSession !== undefined) await endUpstream(deps, exchange);
  sendStatus(response, 204);
};
