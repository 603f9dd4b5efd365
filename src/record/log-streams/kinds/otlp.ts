import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { oneOfField, optional } from '../config/config-fields.js';
import { headersField, tlsField, urlField } from '../config/outside-fields.js';
import { OTLP_SCOPE, otlpResource } from '../formats/otlp.js';
import type { Answer, DestinationDeps, Kind, OutgoingItem, SendResult } from '../kind.js';
import { makeHttpSender, resultOf, type HttpExchange, type HttpResponse } from '../sending/send-http.js';
import { decodeExportResponse, encodeExportRequest, type PartialSuccess } from './otlp-protobuf.js';

type OtlpConfig = Readonly<{
  url: string;
  headers?: Readonly<Record<string, string>> | undefined;
  encoding?: 'protobuf' | 'json' | undefined;
  tls?: TlsOptions | undefined;
}>;

const PATH = '/v1/logs';

/** Who speaks: the same for all records of a stream. */
const originOf = ({ organizationId }: DestinationDeps): Readonly<{ resource: Json; scope: Json }> => ({
  resource: otlpResource(organizationId),
  scope: OTLP_SCOPE,
});

/** The request in JSON, of records that are JSON already. */
const jsonBody = (items: readonly OutgoingItem[], { resource, scope }: ReturnType<typeof originOf>): string =>
  `{"resourceLogs":[{"resource":${JSON.stringify(resource)},"scopeLogs":[{"scope":${JSON.stringify(scope)},` +
  `"logRecords":[${items.map(({ text }) => text).join(',')}]}]}]}`;

const protobufBody = (items: readonly OutgoingItem[], deps: DestinationDeps): Buffer => {
  const { resource, scope } = originOf(deps);
  const { toObject = (record) => record.event } = deps.format;
  const logRecords = items.map(({ record }) => toObject(record, deps.mappingVersion));
  return encodeExportRequest({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] });
};

/** `partialSuccess` of a JSON response; 64-bit numbers are texts in it, or numbers. */
const readJson = (body: string): PartialSuccess | undefined => {
  if (body.trim() === '') return { rejected: 0, message: '' };
  const response = parseObject(body);
  if (response === undefined) return undefined;
  const partial = response['partialSuccess'];
  if (!isObject(partial)) return { rejected: 0, message: '' };
  const { rejectedLogRecords = 0, errorMessage = '' } = partial;
  return { rejected: Number(rejectedLogRecords), message: String(errorMessage) };
};

/**
 * By `partial_success`, which counts what was rejected and does not say which: a batch of which a part was rejected is
 * split down to the records at fault. The specification says that a rejected record must not be sent again as it is;
 * those that were taken come again under the same `log.record.uid`.
 */
const resultOfTaken = (
  items: readonly OutgoingItem[],
  { rejected, message }: PartialSuccess,
  status: number,
): SendResult => {
  const answer: Answer = { httpStatus: status, body: rejected > 0 ? `${rejected} rejected: ${message}` : message };
  if (!(rejected > 0)) return { outcome: 'accepted', answer };
  if (rejected < items.length) return { outcome: 'refused', code: 'partial_success', answer };
  return {
    outcome: 'accepted_except',
    answer,
    refused: items.map(({ record }) => ({ seq: record.seq, answer })),
  };
};

/** What a 2xx response says; undefined for half of one. A body that is not OTLP says nothing more than its status. */
const partialSuccessOf = ({ headers, body, bytes }: HttpResponse): PartialSuccess | undefined => {
  const type = headers['content-type'] ?? '';
  if (type.includes('json')) return readJson(body);
  return type.includes('protobuf') ? decodeExportResponse(bytes) : { rejected: 0, message: '' };
};

const resultOfExport = (items: readonly OutgoingItem[], exchange: HttpExchange): SendResult => {
  const result = resultOf(exchange);
  if (!exchange.ok || result.outcome !== 'accepted') return result;
  const partial = partialSuccessOf(exchange.response);
  return partial === undefined
    ? { outcome: 'retry', code: 'half_answer', timedOut: false, answer: result.answer }
    : resultOfTaken(items, partial, exchange.response.status);
};

/** OpenTelemetry's logs over HTTP, to a collector or whatever else takes OTLP. */
export const otlp: Kind<OtlpConfig> = {
  name: 'otlp',
  formats: ['otlp'],
  fields: {
    url: urlField(),
    headers: headersField(),
    encoding: optional(oneOfField('protobuf', 'json')),
    tls: tlsField(),
  },
  open: (config, deps) => {
    const sender = makeHttpSender({ outbound: deps.outbound, tls: config.tls });
    const isJson = config.encoding === 'json';
    const url = `${config.url.replace(/(?:\/v1\/logs)?\/?$/, '')}${PATH}`;
    const headers = { ...config.headers, 'content-type': isJson ? 'application/json' : 'application/x-protobuf' };
    const origin = originOf(deps);
    return {
      send: async ({ items }, signal) => {
        const body = isJson ? jsonBody(items, origin) : protobufBody(items, deps);
        return resultOfExport(items, await sender.request({ method: 'POST', url, headers, body }, signal));
      },
      close: sender.close,
    };
  },
};
