import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { optional, secretField, textField } from '../config/config-fields.js';
import { tlsField, urlField } from '../config/outside-fields.js';
import type { Answer, Kind, OutgoingItem, SendResult } from '../kind.js';
import { answerOf, failedExchange, makeHttpSender, resultOf, type HttpExchange } from '../sending/send-http.js';
import type { Format } from '../formats/format.js';
import { timeMsOf } from './record-facts.js';

type ElasticConfig = Readonly<{
  url: string;
  dataStream: string;
  apiKey?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  tls?: TlsOptions | undefined;
}>;

/** An answer names every item, some 200 bytes each; errors are longer. */
const MAX_ANSWER_BYTES = 4 * 2 ** 20;

/** A data stream takes no document without `@timestamp`, which ECS alone has of itself. */
const documentOf =
  (format: Format) =>
  ({ record, text }: OutgoingItem): string => {
    if (format.name === 'ecs') return text;
    const stamp = `"@timestamp":${JSON.stringify(new Date(timeMsOf(record)).toISOString())}`;
    if (format.isJson) return `{${stamp},${text.slice(1)}`;
    const event = { id: record.eventId, sequence: record.seq };
    return `{${stamp},"event":${JSON.stringify(event)},"message":${JSON.stringify(text)}}`;
  };

const bulkBody = (items: readonly OutgoingItem[], format: Format): string => {
  const document = documentOf(format);
  return items.map((item) => `{"create":{"_id":${JSON.stringify(item.record.eventId)}}}\n${document(item)}\n`).join('');
};

/** What became of one document: 2xx or, as it is there already, 409 took it. */
const itemStatus = (item: unknown): Readonly<{ status: number; text: string }> => {
  const action = isObject(item) ? item['create'] : undefined;
  const given = isObject(action) ? action['status'] : undefined;
  const status = Number.isInteger(given) ? Number(given) : Number.NaN;
  return { status, text: isObject(action) ? JSON.stringify(action['error'] ?? action) : '' };
};

const hasIt = (status: number): boolean => (status >= 200 && status < 300) || status === 409;

type ItemResult = ReturnType<typeof itemStatus>;

const answerOfItem = ({ status, text }: ItemResult): Answer => ({ httpStatus: status, body: text });

/** The first item that is a reason to send all of them again. */
const toComeAgain = ({ status }: ItemResult): boolean =>
  !(status >= 400 && status < 500) || status === 404 || status === 408 || status === 429;

/**
 * By the statuses of the items: all have to be there or be refused for good. One that is to come again (429, 5xx, or
 * none) has the whole batch sent again, where `create` answers 409 for those that are there.
 */
const resultOfItems = (items: readonly OutgoingItem[], body: Json | undefined, whole: Answer): SendResult => {
  const listed = body?.['items'];
  const found = Array.isArray(listed) ? listed.map(itemStatus) : [];
  // A whole answer would be the list of all that went well.
  const allThere = { httpStatus: whole.httpStatus, body: `{"errors":false,"items":${found.length}}` };
  if (body?.['errors'] === false) return { outcome: 'accepted', answer: allThere };
  if (found.length !== items.length) return { outcome: 'retry', code: 'half_answer', timedOut: false, answer: whole };
  const failed = found.filter(({ status }) => !hasIt(status));
  const [first] = failed;
  if (first === undefined) return { outcome: 'accepted', answer: allThere };
  const auth = failed.find(({ status }) => status === 401 || status === 403);
  if (auth) return { outcome: 'auth_error', code: `item_${auth.status}`, answer: answerOfItem(auth) };
  const later = failed.find(toComeAgain);
  if (later) return { outcome: 'retry', code: `item_${later.status}`, timedOut: false, answer: answerOfItem(later) };
  const refused = items.flatMap(({ record }, index) => {
    const { status, text } = found[index] ?? { status: 0, text: '' };
    return hasIt(status) ? [] : [{ seq: record.seq, answer: { httpStatus: status, body: text } }];
  });
  return { outcome: 'accepted_except', answer: answerOfItem(first), refused };
};

const resultOfBulk = (items: readonly OutgoingItem[], exchange: HttpExchange): SendResult => {
  if (!exchange.ok) return failedExchange(exchange);
  if (exchange.response.status !== 200) return resultOf(exchange);
  return resultOfItems(items, parseObject(exchange.response.body), answerOf(exchange.response));
};

const authorizationOf = ({ apiKey, username = '', password = '' }: ElasticConfig): string =>
  apiKey === undefined ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` : `ApiKey ${apiKey}`;

/** The bulk API of Elasticsearch and OpenSearch. `_id` is the event id: a record sent again is there once. */
export const elastic: Kind<ElasticConfig> = {
  name: 'elastic',
  formats: ['ecs', 'native', 'ocsf', 'cef'],
  fields: {
    url: urlField(),
    dataStream: textField({
      max: 200,
      pattern: /^(?![-_+.])[^A-Z\\/*?"<>| ,#:]+$/,
      takes: 'takes the name of a data stream or index, in lower case',
    }),
    apiKey: optional(secretField()),
    username: optional(textField()),
    password: optional(secretField()),
    tls: tlsField(),
  },
  check: ({ apiKey, username, password }) => {
    const isByPassword = username !== undefined && password !== undefined;
    const hasOneWay = apiKey === undefined ? isByPassword : username === undefined && password === undefined;
    return hasOneWay
      ? []
      : [{ pointer: '/config/apiKey', code: 'invalid', message: 'give apiKey, or username and password' }];
  },
  open: (config, { outbound, format }) => {
    const sender = makeHttpSender({ outbound, tls: config.tls, maxBodyBytes: MAX_ANSWER_BYTES });
    const url = `${config.url.replace(/\/$/, '')}/${encodeURIComponent(config.dataStream)}/_bulk`;
    const headers = { authorization: authorizationOf(config), 'content-type': 'application/x-ndjson' };
    return {
      send: async ({ items }, signal) =>
        resultOfBulk(
          items,
          await sender.request({ method: 'POST', url, headers, body: bulkBody(items, format) }, signal),
        ),
      close: sender.close,
    };
  },
};
