import type { Certificates } from './certificates.js';
import { json, startHttpReceiver, textOf, type HttpReceiver, type Received, type Reply } from './http-receiver.js';

type Event = Readonly<{
  time: number;
  host: string;
  source: string;
  sourcetype: string;
  index?: string;
  event: unknown;
  fields: Readonly<Record<string, string>>;
}>;

export type Splunk = HttpReceiver &
  Readonly<{
    /** What is indexed. */
    events: () => readonly Event[];
    /** From now on batches are taken and never indexed. */
    stopIndexing: () => void;
    startIndexing: () => void;
  }>;

export type SplunkToken = Readonly<{ value: string; acknowledge?: boolean; indexes?: readonly string[] }>;

/** JSON values that stand one after another, with white space between them or none. */
const concatenated = (text: string): readonly unknown[] => {
  const values: unknown[] = [];
  let [depth, inText, from] = [0, false, 0];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inText) {
      if (character === '\\') at += 1;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '{') {
      if (depth === 0) from = at;
      depth += 1;
    } else if (character === '}') {
      depth -= 1;
      if (depth === 0) values.push(JSON.parse(text.slice(from, at + 1)));
    }
  }
  return values;
};

const error = (status: number, code: number, text: string, more: object = {}): Reply =>
  json(status, { text, code, ...more });

/**
 * Splunk's HTTP Event Collector as "Format events", "Troubleshoot HEC" and "About HEC indexer acknowledgment" of its
 * documentation describe it: tokens, channels, codes, acknowledgements.
 */
export const startSplunk = async (token: SplunkToken, certificates?: Certificates): Promise<Splunk> => {
  const indexedByAck = new Map<number, boolean>();
  const indexed: Event[] = [];
  let [nextId, isIndexing] = [0, true];

  const take = (request: Received): Reply => {
    const text = textOf(request);
    if (text === '') return error(400, 5, 'No data');
    let events: readonly Event[];
    try {
      events = concatenated(text) as readonly Event[];
    } catch {
      return error(400, 6, 'Invalid data format', { 'invalid-event-number': 0 });
    }
    const blank = events.findIndex(({ event }) => event === undefined || event === '');
    if (events.length === 0 || blank >= 0)
      return error(400, 12, 'Event field is required', { 'invalid-event-number': blank });
    const isPoison = (event: Event): boolean => JSON.stringify(event.event).includes('"poison"');
    const poison = events.findIndex(isPoison);
    if (poison >= 0) return error(400, 6, 'Invalid data format', { 'invalid-event-number': poison });
    const foreign = events.some(({ index }) => index !== undefined && token.indexes?.includes(index) === false);
    if (foreign) return error(400, 7, 'Incorrect index', { 'invalid-event-number': 0 });
    if (isIndexing) indexed.push(...events);
    if (token.acknowledge !== true) return json(200, { text: 'Success', code: 0 });
    const ackId = nextId++;
    indexedByAck.set(ackId, isIndexing);
    return json(200, { text: 'Success', code: 0, ackId });
  };

  const acknowledge = (request: Received): Reply => {
    if (token.acknowledge !== true) return error(400, 14, 'ACK is disabled');
    const { acks } = JSON.parse(textOf(request)) as { acks: number[] };
    const states = acks.map((id) => [id, indexedByAck.get(id) ?? false] as const);
    return json(200, { acks: Object.fromEntries(states) });
  };

  const receiver = await startHttpReceiver((request) => {
    const { authorization } = request.headers;
    if (authorization === undefined) return error(401, 2, 'Token is required');
    if (authorization !== `Splunk ${token.value}`) return error(403, 4, 'Invalid token');
    const channel = request.headers['x-splunk-request-channel'];
    if (token.acknowledge === true && channel === undefined) return error(400, 10, 'Data channel is missing');
    if (token.acknowledge === true && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(channel)))
      return error(400, 11, 'Invalid data channel');
    if (request.path === '/services/collector/event') return take(request);
    return request.path === '/services/collector/ack' ? acknowledge(request) : error(404, 404, 'not found');
  }, certificates);
  return {
    ...receiver,
    events: () => indexed,
    stopIndexing: () => (isIndexing = false),
    startIndexing: () => (isIndexing = true),
  };
};
