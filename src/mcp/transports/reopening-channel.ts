import { guarded } from '../../platform/runtime/guard.js';
import { Backoff } from './backoff.js';
import type { Channel, ChannelEvents } from './channel.js';
import type { UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

/** A message to send. One that had to wait is dropped unless `wanted` still returns true. */
export type OutgoingMessage = Readonly<{
  body: Buffer;
  headers: UpstreamRequest['headers'];
  failed: (failure: UpstreamFailure) => void;
  wanted?: () => boolean;
}>;

const outgoing = ({ headers }: OutgoingMessage): Parameters<Channel['send']>[1] => ({ headers, silenceMs: 0 });

/** The messages that may wait for the handshake of a reopened channel. */
const MAX_WAITING_MESSAGES = 100;
const MAX_WAITING_BYTES = 8 * 2 ** 20;

/**
 * A channel that opens when a message is to be sent, and reopens after it closed by itself, with a delay that doubles
 * from crash to crash. The handshake message goes first on a new channel; others wait until `ready` is called: at most
 * 100 messages with 8 MiB, more fail.
 */
export class ReopeningChannel {
  readonly #open: (events: ChannelEvents) => Channel;
  readonly #events: ChannelEvents;
  readonly #holders = new Set<object>();
  #channel: Channel | undefined;
  readonly #backoff: Backoff;
  #waiting: OutgoingMessage[] | undefined;
  #ended = false;

  constructor(open: (events: ChannelEvents) => Channel, events: ChannelEvents, backoff: Backoff) {
    this.#open = open;
    this.#backoff = backoff;
    this.#events = events;
  }

  /** Whether the handshake is still unanswered. */
  get isHandshaking(): boolean {
    return this.#waiting !== undefined;
  }

  /** Sends a message, on a new channel after the handshake message that `handshake` returns. */
  send(sending: OutgoingMessage, handshake: () => OutgoingMessage | undefined): void {
    if (this.#ended) return sending.failed({ kind: 'broken', sent: false });
    if (!this.#channel && !this.#backoff.mayOpen) return sending.failed({ kind: 'unreachable', sent: false });
    if (!this.#channel) this.#begin(handshake());
    if (this.#waiting) this.#wait(this.#waiting, sending);
    else this.#channel?.send(sending.body, outgoing(sending), sending.failed);
  }

  /** Sends a message that only concerns a server that got the earlier ones. */
  notify(body: Buffer, headers: UpstreamRequest['headers']): void {
    if (!this.#waiting) this.#channel?.send(body, { headers, silenceMs: 0 }, () => undefined);
  }

  /** The handshake succeeded: sends `last`, then the waiting messages. */
  ready(...last: readonly OutgoingMessage[]): void {
    const waiting = [...last, ...(this.#waiting ?? [])];
    this.#waiting = undefined;
    for (const one of waiting) if (one.wanted?.() !== false) this.#channel?.send(one.body, outgoing(one), one.failed);
  }

  /** Pauses the server's messages while any holder wants that. */
  hold(by: object, held: boolean): void {
    const before = this.#holders.size > 0;
    if (held) this.#holders.add(by);
    else this.#holders.delete(by);
    const now = this.#holders.size > 0;
    if (now !== before) this.#channel?.[now ? 'pause' : 'resume']();
  }

  /** Drops the channel as if it had closed by itself. */
  fail(failure: UpstreamFailure): void {
    if (this.#channel) this.#closed(this.#channel, failure);
  }

  /** Closes the channel for good. */
  end(): void {
    this.#ended = true;
    this.#channel?.close();
    this.#channel = undefined;
  }

  #wait(waiting: OutgoingMessage[], sending: OutgoingMessage): void {
    const bytes = waiting.reduce((sum, { body }) => sum + body.length, sending.body.length);
    if (waiting.length < MAX_WAITING_MESSAGES && bytes <= MAX_WAITING_BYTES) waiting.push(sending);
    else sending.failed({ kind: 'unreachable', sent: false });
  }

  #begin(handshake: OutgoingMessage | undefined): void {
    this.#backoff.opened();
    const channel = this.#open({
      message: guarded('channel', (text: string) => void (this.#channel === channel && this.#events.message(text))),
      closed: guarded('channel', (failure: UpstreamFailure) => this.#closed(channel, failure)),
    });
    this.#channel = channel;
    if (!handshake) return;
    this.#waiting = [];
    channel.send(handshake.body, outgoing(handshake), handshake.failed);
  }

  #closed(channel: Channel, failure: UpstreamFailure): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    channel.close();
    this.#backoff.closed(failure);
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const one of waiting) one.failed({ ...failure, sent: false });
    this.#holders.clear();
    this.#events.closed(failure);
  }
}
