import { inBackground } from '../../platform/runtime/guard.js';
import type { Era } from '../protocol/era.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../upstream/forward.js';
import { Attempt, type RetryDecision, type AttemptTarget } from './attempt.js';
import { EraCache } from './era-cache.js';
import { Heartbeat } from './heartbeat.js';
import { LegacyClientAdapter } from './legacy-client-to-modern-server/legacy-client-adapter.js';
import { ModernClientAdapter } from './modern-client-to-legacy-server/modern-client-adapter.js';
import { targetOf } from './upstream-target.js';

/** `stop` ends the upstream sessions of this node. */
export type EraBridge = Readonly<{ forward: Forward; stop: () => Promise<void> }>;

const other = (era: Era): Era => (era === 'legacy' ? 'modern' : 'legacy');

/**
 * Forwards requests of either era to servers of either era: a server that speaks the request's era gets it unchanged,
 * otherwise the request and its response are translated. `transports` sends requests in their own era.
 */
export const openEraBridge = (transports: Forward): EraBridge => {
  const heartbeat = new Heartbeat();
  const eras = new EraCache();
  const legacy = new LegacyClientAdapter(transports, heartbeat);
  const modern = new ModernClientAdapter(transports, heartbeat);

  const attemptTarget = (request: UpstreamRequest, known: readonly Era[]): AttemptTarget => {
    const spoken = known.length === 0 || known.includes(request.era) ? request.era : other(request.era);
    const direct = spoken === request.era;
    const translated = request.era === 'legacy' ? legacy.forward : modern.forward;
    return { request, spoken, translated: !direct, send: (sink) => (direct ? transports : translated)(request, sink) };
  };

  const decideRetry = async (first: AttemptTarget): Promise<RetryDecision> => {
    const { request } = first;
    const second = attemptTarget(request, await eras.find(targetOf(transports, request)));
    if (second.spoken === first.spoken) return 'keep';
    return request.era === 'modern' || request.headers['mcp-session-id'] === undefined ? second : 'session_over';
  };

  const post = (request: UpstreamRequest, sink: Sink): PendingRequest => {
    const attempt = new Attempt(sink, decideRetry);
    const known = eras.of(request.server);
    // The eras of a server that was never reached must be found out first.
    if (known.length > 0) attempt.start(attemptTarget(request, known));
    else
      inBackground(
        'find_eras',
        eras.find(targetOf(transports, request)).then((found) => attempt.start(attemptTarget(request, found))),
        (cause) => attempt.fail({ kind: 'broken', sent: true, cause }),
      );
    return attempt;
  };

  return {
    forward: (request, sink) =>
      request.method === 'POST' ? post(request, sink) : attemptTarget(request, eras.of(request.server)).send(sink),
    stop: async () => {
      heartbeat.stop();
      await modern.stop();
    },
  };
};
