import { createParser, type EventSourceMessage } from 'eventsource-parser';

export type EventStreamReader = (chunk: Buffer) => boolean;

/** Reads an event stream as its bytes arrive: `onEvent` gets each event that has data. False once one event is over `most` characters: nothing more is read. */
export const eventStreamReader = (onEvent: (event: EventSourceMessage) => void, most: number): EventStreamReader => {
  const decoder = new TextDecoder();
  let fits = true;
  const parser = createParser({
    onEvent,
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
