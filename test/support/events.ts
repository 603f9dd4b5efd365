import { parseSse } from '../../src/mcp/wire/sse.js';

type Json = Record<string, unknown>;

/** An open event stream, read as it comes: the messages so far, the bytes as text, and when it was over. */
export type OpenStream = Readonly<{
  status: number;
  messages: readonly Json[];
  text: () => string;
  methods: () => readonly unknown[];
  over: Promise<void>;
  leave: () => void;
}>;

/** Opens a stream and reads it in the background. */
export const openStream = async (open: (signal: AbortSignal) => Promise<Response>): Promise<OpenStream> => {
  const leave = new AbortController();
  const response = await open(leave.signal);
  const messages: Json[] = [];
  let text = '';
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let seen = 0;
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const events = parseSse(text) ?? [];
      for (const { data } of events.slice(seen)) messages.push(JSON.parse(data) as Json);
      seen = events.length;
    }
  };
  return {
    status: response.status,
    messages,
    text: () => text,
    methods: () => messages.map(({ method }) => method),
    over: read().catch(() => undefined),
    leave: () => leave.abort(),
  };
};
