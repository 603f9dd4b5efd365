import type { UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

/** The events of a channel. `closed` comes once and last, and not after `close`. */
export interface ChannelEvents {
  message(text: string): void;
  closed(failure: UpstreamFailure): void;
}

/**
 * A two-way connection for JSON-RPC messages with one MCP server: the standard streams of a process, or HTTP+SSE. It
 * carries one session.
 */
export interface Channel {
  /**
   * Sends one message with the headers of its request; `failed` is called when the server refused it or can't have got
   * it.
   */
  send(
    message: Buffer,
    request: Pick<UpstreamRequest, 'headers' | 'silenceMs'>,
    failed: (failure: UpstreamFailure) => void,
  ): void;
  /** Stops reading messages from the server until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

/**
 * Opens a channel to the server of a request with the request's credential. Never throws: `closed` reports failures.
 */
export type OpenChannel = (request: UpstreamRequest, events: ChannelEvents) => Channel;
