import type { Certificates } from './certificates.js';
import { json, startHttpReceiver, textOf, type HttpReceiver } from './http-receiver.js';

type Document = Readonly<Record<string, unknown>>;

export type Elastic = HttpReceiver &
  Readonly<{
    /** The documents in order of their arrival, by `_id`. */
    documents: () => ReadonlyMap<string, Document>;
    /** How many of the next items are answered with 429. */
    rejectNext: (items: number) => void;
  }>;

type Item = Readonly<{
  create: Readonly<{ _index: string; _id: string; status: number; result?: string; error?: unknown }>;
}>;

const failed = (id: string, status: number, type: string, reason: string): Item => ({
  create: { _index: '.ds-logs', _id: id, status, error: { type, reason } },
});

/**
 * Elasticsearch's bulk API on a data stream, as its reference has it: only `create`, `@timestamp` wanted, an answer
 * for each item, and 200 for the whole whatever they say.
 */
export const startElastic = async (authorization: string, certificates?: Certificates): Promise<Elastic> => {
  const documents = new Map<string, Document>();
  let toReject = 0;
  const create = (id: string, document: Document): Item => {
    if (toReject > 0) {
      toReject -= 1;
      return failed(id, 429, 'es_rejected_execution_exception', 'rejected execution of coordinating operation');
    }
    if (documents.has(id))
      return failed(id, 409, 'version_conflict_engine_exception', `[${id}]: document already exists`);
    if (typeof document['@timestamp'] !== 'string')
      return failed(id, 400, 'document_parsing_exception', 'data stream timestamp field [@timestamp] is missing');
    if (JSON.stringify(document).includes('"poison"'))
      return failed(id, 400, 'document_parsing_exception', 'failed to parse field [reason] of type [long]');
    documents.set(id, document);
    return { create: { _index: '.ds-logs', _id: id, status: 201, result: 'created' } };
  };
  const receiver = await startHttpReceiver((request) => {
    if (request.headers.authorization !== authorization)
      return json(401, { error: { type: 'security_exception', reason: 'unable to authenticate' }, status: 401 });
    if (!/^\/[\w.-]+\/_bulk$/.test(request.path)) return json(404, { status: 404 });
    if (!/^application\/(?:x-ndjson|json)/.test(request.headers['content-type'] ?? ''))
      return json(406, { status: 406 });
    const text = textOf(request);
    if (!text.endsWith('\n')) return json(400, { error: { type: 'illegal_argument_exception' }, status: 400 });
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Document);
    const items = lines.flatMap((line, index): Item[] => {
      if (index % 2 === 1) return [];
      const { _id } = line['create'] as { _id: string };
      return [create(_id, lines[index + 1]!)];
    });
    return json(200, { took: 1, errors: items.some((item) => item.create.status > 299), items });
  }, certificates);
  return { ...receiver, documents: () => documents, rejectNext: (items) => (toReject = items) };
};
