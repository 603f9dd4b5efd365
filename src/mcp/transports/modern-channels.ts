import { answerStatus } from './channel-answer.js';
import type { OpenChannel } from './channel.js';
import type { Forward } from '../upstream/forward.js';
import { KeptChannels, type ChannelRules } from './kept-channels.js';
import { ModernChannel } from './modern-channel.js';

/**
 * Modern servers that speak over a channel, as if each spoke Streamable HTTP: one channel for each grant at each
 * server. A DELETE, which no modern client sends, ends the channel of its grant.
 */
export class ModernChannels {
  readonly #channels: KeptChannels<ModernChannel>;
  readonly #open: OpenChannel;

  constructor(open: OpenChannel, rules: ChannelRules) {
    this.#open = open;
    this.#channels = new KeptChannels(rules);
  }

  readonly forward: Forward = (request, sink) => {
    const key = `${request.grantId} ${request.server.id}`;
    switch (request.method) {
      case 'POST':
        return (
          this.#channels.find(key, request) ?? this.#channels.keep(key, new ModernChannel(request, this.#open), request)
        ).post(request, sink);
      case 'GET':
        return answerStatus(sink, 405);
      case 'DELETE':
        this.#channels.end(key);
        return answerStatus(sink, 204);
    }
  };

  stop(): void {
    this.#channels.stop();
  }
}
