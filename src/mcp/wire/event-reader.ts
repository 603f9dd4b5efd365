import { EventSplitter } from './event-splitter.js';
import { SseReader, type SseEvent } from './sse.js';

/**
 * `read` is false once an event was too long or had too many lines. `held` is how many bytes of an unfinished event are
 * kept. `end` reads what is whole once the stream has ended.
 */
export type EventStreamReader = Readonly<{ read: (chunk: Buffer) => boolean; end: () => void; held: () => number }>;

/**
 * Reads an event stream as its bytes arrive: `onEvent` gets each event that has data, `onRetry` how long (ms) to wait
 * before coming back. False once one event is over `most` bytes or has too many lines: nothing more is read.
 */
export const eventStreamReader = (
  onEvent: (event: SseEvent) => void,
  most: number,
  onRetry?: (ms: number) => void,
): EventStreamReader => {
  const splitter = new EventSplitter();
  const reader = new SseReader(onEvent, onRetry);
  let fits = true;
  const read = (chunk: Buffer): boolean => {
    if (!fits) return false;
    for (const bytes of splitter.feed(chunk)) fits &&= reader.read(bytes.toString('utf8'));
    fits &&= splitter.held <= most;
    if (!fits) splitter.take();
    return fits;
  };
  const end = (): void => {
    const last = fits ? splitter.end() : undefined;
    if (last) fits = reader.read(last.toString('utf8'));
  };
  return { read, end, held: () => splitter.held };
};
