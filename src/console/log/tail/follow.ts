import { readJson } from '../../policies/text/json-tree.js';
import { EventSplitter, type StreamEvent } from './event-stream.js';
import type { LogRecord } from '../records.js';
import type { Gap } from './log-buffer.js';

export type StreamState = 'connecting' | 'live' | 'retrying' | 'refused';

type Following = Readonly<{
  /** The events to follow, with their filters. */
  url: string;
  /** Where to go on: the last `seq` that was taken. Asked for at each connection. */
  lastSeq: () => number;
  signal: AbortSignal;
  onItems: (items: readonly (LogRecord | Gap)[]) => void;
  onState: (state: StreamState) => void;
}>;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
const FORBIDDEN: readonly number[] = [400, 401, 403];

/**
 * Follows the log by server-sent events until the signal ends it. A connection that breaks is made again, behind the
 * last record that was taken, after 0.5 s to 10 s. One that the caller may not have is not tried again.
 */
export async function follow(of: Following): Promise<void> {
  const { signal, onState } = of;
  let delay = FIRST_DELAY_MS;
  onState('connecting');
  while (!signal.aborted) {
    let wait = delay;
    try {
      const response = await connect(of);
      if (FORBIDDEN.includes(response.status)) return onState('refused');
      if (response.ok && response.body !== null) {
        onState('live');
        delay = FIRST_DELAY_MS;
        wait = delay;
        await readAll(response.body, of);
      } else wait = Math.max(delay, Number(response.headers.get('retry-after') ?? 0) * 1000);
    } catch {
      // The connection broke, or a record could not be read: go on behind what was taken.
    }
    if (signal.aborted) return;
    onState('retrying');
    await pause(wait, signal);
    delay = Math.min(MAX_DELAY_MS, delay * 2);
  }
}

const connect = ({ url, lastSeq, signal }: Following): Promise<Response> => {
  const seq = lastSeq();
  return fetch(url, {
    signal,
    headers: {
      accept: 'text/event-stream',
      'x-toolgate-console': '1',
      ...(seq > 0 && { 'last-event-id': String(seq) }),
    },
  });
};

async function readAll(body: ReadableStream<Uint8Array>, { onItems }: Following): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const splitter = new EventSplitter();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const items = splitter.push(decoder.decode(piece.value, { stream: true })).map((event) => itemOf(event));
      if (items.length > 0) onItems(items);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** @throws Error for data that is no JSON */
function itemOf({ data }: StreamEvent): LogRecord | Gap {
  const read = readJson(data);
  if (!read.ok) throw new Error('a record of the log stream can not be read');
  return read.value as unknown as LogRecord | Gap;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
