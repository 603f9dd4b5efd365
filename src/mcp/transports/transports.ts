import type { HttpClient } from '../http-client/http-client.js';
import { LegacyChannels } from './legacy-channels.js';
import type { Forward } from '../upstream/forward.js';
import type { ChannelRules } from './channel-registry.js';
import { ModernChannels } from './modern-channels.js';
import { sseChannels } from './sse-channel.js';
import { stdioChannels, type StdioRules } from './stdio-channel.js';

/** `stop` ends the processes and streams that outlive requests. */
export type Transports = Readonly<{ forward: Forward; stop: () => void }>;

export type TransportRules = ChannelRules & Readonly<{ http: HttpClient; stdio: StdioRules }>;

/** Forwards requests over each server's transport; `http` must use the guarded connections of platform/outbound. */
export const openTransports = ({ http, stdio: stdioRules, isGrantActive }: TransportRules): Transports => {
  const sse = new LegacyChannels(sseChannels(http), { isGrantActive });
  const processes = stdioChannels(stdioRules);
  const stdio = {
    legacy: new LegacyChannels(processes, { isGrantActive }),
    modern: new ModernChannels(processes, { isGrantActive }),
  };
  return {
    forward: (request, sink) => {
      const { transport } = request.server;
      switch (transport.type) {
        case 'streamable-http':
          return http(
            {
              url: transport.url,
              method: request.method,
              headers: request.headers,
              body: request.body,
              silenceMs: request.silenceMs,
              organizationId: request.server.organizationId,
              grantId: request.grantId,
            },
            sink,
          );
        case 'sse':
          return sse.forward(request, sink);
        case 'stdio':
          return stdio[request.era].forward(request, sink);
      }
    },
    stop: () => {
      sse.stop();
      stdio.legacy.stop();
      stdio.modern.stop();
    },
  };
};
