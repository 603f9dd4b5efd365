import { inBackground } from '../../platform/runtime/guard.js';
import type { Era } from '../protocol/era.js';
import type { Forward, Running, Sink, UpstreamRequest } from '../upstream/forward.js';
import { Attempt, type RetryDecision, type AttemptTarget } from './attempt.js';
import { EraCache } from './era-cache.js';
import { Heartbeat } from './heartbeat.js';
import { LegacyClientAdapter } from './legacy-client-to-modern-server/legacy-client-adapter.js';
import { ModernClientAdapter } from './modern-client-to-legacy-server/modern-client-adapter.js';
import { targetOf } from './upstream-target.js';

/** `stop` ends the sessions that this node holds at servers. */
export type EraBridge = Readonly<{ forward: Forward; stop: () => Promise<void> }>;

const other = (era: Era): Era => (era === 'legacy' ? 'modern' : 'legacy');

/**
 * The way to every server for clients of either era: a server that speaks the era of a request gets it as it is, for
 * any other the request and its answer are translated. `transports` reaches servers in the era that a request is
 * written in.
 */
export const openEraBridge = (transports: Forward): EraBridge => {
  const heartbeat = new Heartbeat();
  const eras = new EraCache();
  const legacy = new LegacyClientAdapter(transports, heartbeat);
  const modern = new ModernClientAdapter(transports, heartbeat);

  const tryOf = (request: UpstreamRequest, known: readonly Era[]): AttemptTarget => {
    const spoken = known.length === 0 || known.includes(request.era) ? request.era : other(request.era);
    const direct = spoken === request.era;
    const translated = request.era === 'legacy' ? legacy.forward : modern.forward;
    return { request, spoken, translated: !direct, send: (sink) => (direct ? transports : translated)(request, sink) };
  };

  const again = async (first: AttemptTarget): Promise<RetryDecision> => {
    const { request } = first;
    const second = tryOf(request, await eras.find(targetOf(transports, request)));
    if (second.spoken === first.spoken) return 'keep';
    return request.era === 'modern' || request.headers['mcp-session-id'] === undefined ? second : 'session_over';
  };

  const post = (request: UpstreamRequest, sink: Sink): Running => {
    const attempt = new Attempt(sink, again);
    const known = eras.of(request.server);
    // A server that was never reached is asked first: what it speaks can't be guessed.
    if (known.length > 0) attempt.start(tryOf(request, known));
    else
      inBackground(
        'find_eras',
        eras.find(targetOf(transports, request)).then((found) => attempt.start(tryOf(request, found))),
        (cause) => attempt.fail({ kind: 'broken', sent: true, cause }),
      );
    return attempt;
  };

  return {
    forward: (request, sink) =>
      request.method === 'POST' ? post(request, sink) : tryOf(request, eras.of(request.server)).send(sink),
    stop: async () => {
      heartbeat.stop();
      await modern.stop();
    },
  };
};
