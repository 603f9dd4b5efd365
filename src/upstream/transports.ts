import type { Dispatcher } from 'undici';
import { ChannelServers, type ChannelRules } from './channel-servers.js';
import { forwardHttp, type Forward } from './forward.js';
import { sseChannels } from './sse-channel.js';
import { stdioChannels } from './stdio-channel.js';

/** `stop` ends what lives longer than a request: processes and streams. */
export type Transports = Readonly<{ forward: Forward; stop: () => void }>;

export type TransportRules = ChannelRules & Readonly<{ agent: Dispatcher; allowStdio: readonly string[]; environment: NodeJS.ProcessEnv }>;

/** The way to every server by its transport; `agent` must be the guarded one of platform/outbound. */
export const openTransports = ({ agent, allowStdio, environment, stillGood }: TransportRules): Transports => {
  const sse = new ChannelServers(sseChannels(agent), { stillGood });
  const stdio = new ChannelServers(stdioChannels(allowStdio, environment), { stillGood });
  return {
    forward: (request, sink) => {
      const { transport } = request.server;
      switch (transport.type) {
        case 'streamable-http':
          return forwardHttp(agent, transport.url, request, sink);
        case 'sse':
          return sse.forward(request, sink);
        case 'stdio':
          return stdio.forward(request, sink);
      }
    },
    stop: () => {
      sse.stop();
      stdio.stop();
    },
  };
};
