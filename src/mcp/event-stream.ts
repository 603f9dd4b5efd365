import { createParser, type EventSourceMessage } from 'eventsource-parser';

export type EventStreamReader = (chunk: Buffer) => boolean;

/**
 * Reads an event stream as its bytes arrive: `onEvent` gets each event that has data, `onRetry` how long (ms) to wait before coming back. False once one event
 * is over `most` characters: nothing more is read.
 */
export const eventStreamReader = (onEvent: (event: EventSourceMessage) => void, most: number, onRetry: (ms: number) => void = () => undefined): EventStreamReader => {
  const decoder = new TextDecoder();
  let fits = true;
  const parser = createParser({
    onEvent,
    onRetry,
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') fits = false;
    },
    maxBufferSize: most,
  });
  return (chunk) => {
    if (fits) parser.feed(decoder.decode(chunk, { stream: true }));
    return fits;
  };
};
