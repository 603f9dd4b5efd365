import type { UpstreamFailure, UpstreamRequest } from '../upstream/forward.js';

/** What a channel tells. `closed` comes once, last, and unasked: not after `close`. */
export interface ChannelEvents {
  message(text: string): void;
  closed(failure: UpstreamFailure): void;
}

/**
 * A two-way line of JSON-RPC messages to one MCP server: the standard streams of a process, or HTTP+SSE. It carries one
 * session.
 */
export interface Channel {
  /** Sends one message with the headers of its request; `failed` is called when the server did not take it. */
  send(message: Buffer, headers: UpstreamRequest['headers'], failed: (failure: UpstreamFailure) => void): void;
  /** Messages are held back at their source until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
}

/**
 * Opens a channel to the server of a request, with that request's credential. Never throws: what fails is told by
 * `closed`.
 */
export type OpenChannel = (request: UpstreamRequest, events: ChannelEvents) => Channel;
