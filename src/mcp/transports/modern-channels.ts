import { respondWithStatus } from './channel-response.js';
import type { OpenChannel } from './channel.js';
import type { Forward } from '../upstream/forward.js';
import { ChannelRegistry, type ChannelRules } from './channel-registry.js';
import { ModernChannel } from './modern-channel.js';

/**
 * Modern servers that speak over a channel, as if each spoke Streamable HTTP: one channel for each grant at each
 * server. A DELETE, which no modern client sends, ends the channel of its grant.
 */
export class ModernChannels {
  readonly #channels: ChannelRegistry<ModernChannel>;
  readonly #open: OpenChannel;

  constructor(open: OpenChannel, rules: ChannelRules) {
    this.#open = open;
    this.#channels = new ChannelRegistry(rules);
  }

  readonly forward: Forward = (request, sink) => {
    const key = `${request.grantId} ${request.server.id}`;
    switch (request.method) {
      case 'POST':
        return (
          this.#channels.find(key, request) ?? this.#channels.add(key, new ModernChannel(request, this.#open), request)
        ).post(request, sink);
      case 'GET':
        return respondWithStatus(sink, 405);
      case 'DELETE':
        this.#channels.end(key);
        return respondWithStatus(sink, 204);
    }
  };

  stop(): void {
    this.#channels.stop();
  }
}
