import { refuseWithReason, respondWithStatus } from './channel-response.js';
import type { OpenChannel } from './channel.js';
import type { Forward, PendingRequest, Sink, UpstreamRequest } from '../upstream/forward.js';
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
        return this.#post(key, request, sink);
      case 'GET':
        return respondWithStatus(sink, 405);
      case 'DELETE':
        this.#channels.end(key);
        return respondWithStatus(sink, 204);
    }
  };

  #post(key: string, request: UpstreamRequest, sink: Sink): PendingRequest {
    const known = this.#channels.find(key, request);
    if (known) return known.post(request, sink);
    const reason = this.#channels.reasonWhyFull(request);
    if (reason !== undefined) return refuseWithReason(sink, request, reason);
    return this.#channels.add(key, new ModernChannel(request, this.#open), request).post(request, sink);
  }

  stop(): void {
    this.#channels.stop();
  }
}
