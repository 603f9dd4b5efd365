import { EventSplitter } from './event-splitter.js';
import { SseReader, type SseEvent } from './sse.js';

export type EventStreamReader = (chunk: Buffer) => boolean;

/**
 * Reads an event stream as its bytes arrive: `onEvent` gets each event that has data, `onRetry` how long (ms) to wait before coming back. False once one event
 * is over `most` bytes: nothing more is read.
 */
export const eventStreamReader = (onEvent: (event: SseEvent) => void, most: number, onRetry?: (ms: number) => void): EventStreamReader => {
  const splitter = new EventSplitter();
  const reader = new SseReader(onRetry);
  let fits = true;
  return (chunk) => {
    if (!fits) return false;
    for (const bytes of splitter.feed(chunk)) for (const event of reader.read(bytes.toString('utf8'))) onEvent(event);
    fits = splitter.held <= most;
    if (!fits) splitter.take();
    return fits;
  };
};
