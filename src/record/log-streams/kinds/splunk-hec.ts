import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, parseObject, type Json } from '../../../platform/json/json-object.js';
import type { TlsOptions } from '../../../platform/outbound/outbound.js';
import { flagField, optional, secretField, textField } from '../config/config-fields.js';
import { tlsField, urlField } from '../config/outside-fields.js';
import type { Answer, Batch, DestinationDeps, Kind, OutgoingItem, SendResult } from '../kind.js';
import { answerOf, failedExchange, makeHttpSender, resultOf, type HttpSender } from '../sending/send-http.js';
import { timeMsOf } from './record-facts.js';

type SplunkConfig = Readonly<{
  url: string;
  token: string;
  index?: string | undefined;
  source?: string | undefined;
  sourcetype?: string | undefined;
  acknowledge?: boolean | undefined;
  tls?: TlsOptions | undefined;
}>;

const ACKNOWLEDGE_WITHIN_MS = 30_000;
const FIRST_POLL_MS = 200;
const MAX_POLL_MS = 2_000;

/**
 * Codes of HEC's 400 that are about the token or the channel, never about a record: incorrect index, channel missing or
 * invalid, acknowledgement disabled, sign-in in the query not enabled. No record is lost for them.
 */
const NOT_OF_RECORDS: ReadonlySet<unknown> = new Set([7, 10, 11, 14, 16]);

/** A base URL, or one that was copied with the endpoint on it. */
const baseOf = (url: string): string => url.replace(/\/(?:services\/collector(?:\/event(?:\/1\.0)?)?\/?)?$/, '');

/** The stream's channel: a GUID that is the same on every node and after a restart. */
const channelOf = (streamId: string): string => {
  const hex = createHash('sha256').update(`splunk channel ${streamId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const eventText = ({ index, source, sourcetype }: SplunkConfig, isJson: boolean) => {
  const place = { host: 'toolgate', source: source ?? 'toolgate', ...(index === undefined ? {} : { index }) };
  return ({ record, text }: OutgoingItem): string => {
    const fields = {
      event_id: record.eventId,
      seq: String(record.seq),
      type: record.type,
      ...(record.callId === undefined ? {} : { call_id: record.callId }),
      ...(record.isTest ? { 'toolgate.test': 'true' } : {}),
    };
    const envelope = {
      time: timeMsOf(record) / 1000,
      ...place,
      sourcetype: sourcetype ?? (isJson ? '_json' : 'cef'),
      fields,
    };
    return `${JSON.stringify(envelope).slice(0, -1)},"event":${isJson ? text : JSON.stringify(text)}}`;
  };
};

const notAcknowledged = (answer: Answer | null, body: string): SendResult => ({
  outcome: 'retry',
  code: 'not_acknowledged',
  timedOut: false,
  answer: { httpStatus: answer?.httpStatus ?? null, body: answer?.body ? `${body}: ${answer.body}` : body },
});

/** The result of the request with the events; 400 for what no record can be blamed for is tried again. */
const resultOfEvents = (result: SendResult): SendResult => {
  if (result.outcome !== 'refused' || result.answer === null) return result;
  const code = parseObject(result.answer.body)?.['code'];
  return NOT_OF_RECORDS.has(code)
    ? { ...result, outcome: 'retry', code: `hec_${String(code)}`, timedOut: false }
    : result;
};

const ackIdIn = (answer: Answer | null): number | undefined => {
  const id = answer === null ? undefined : parseObject(answer.body)?.['ackId'];
  return Number.isSafeInteger(id) ? Number(id) : undefined;
};

class SplunkDestination {
  readonly #config: SplunkConfig;
  readonly #deps: DestinationDeps;
  readonly #sender: HttpSender;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #base: string;

  constructor(config: SplunkConfig, deps: DestinationDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#sender = makeHttpSender({ outbound: deps.outbound, tls: config.tls });
    this.#base = baseOf(config.url);
    this.#headers = {
      authorization: `Splunk ${config.token}`,
      'content-type': 'application/json',
      ...(config.acknowledge === true ? { 'x-splunk-request-channel': channelOf(deps.streamId) } : {}),
    };
  }

  async send({ items }: Batch, signal: AbortSignal): Promise<SendResult> {
    const body = items.map(eventText(this.#config, this.#deps.format.isJson)).join('\n');
    const exchange = await this.#post('/services/collector/event', body, signal);
    const result = resultOfEvents(resultOf(exchange));
    if (this.#config.acknowledge !== true || result.outcome !== 'accepted') return result;
    const ackId = ackIdIn(result.answer);
    if (ackId === undefined)
      return notAcknowledged(result.answer, 'no ackId: acknowledgement is not enabled for this token');
    return this.#acknowledged(ackId, signal);
  }

  close(): Promise<void> {
    return this.#sender.close();
  }

  #post(path: string, body: string, signal: AbortSignal): ReturnType<HttpSender['request']> {
    return this.#sender.request({ method: 'POST', url: `${this.#base}${path}`, headers: this.#headers, body }, signal);
  }

  /** Asks until the batch is indexed. What is not in 30 s is sent again, under the same event ids. */
  async #acknowledged(ackId: number, signal: AbortSignal): Promise<SendResult> {
    const giveUpAt = performance.now() + ACKNOWLEDGE_WITHIN_MS;
    let last: Answer | null = null;
    for (let wait = FIRST_POLL_MS; performance.now() < giveUpAt; wait = Math.min(wait * 2, MAX_POLL_MS)) {
      try {
        await sleep(wait, undefined, { signal });
      } catch {
        break;
      }
      const exchange = await this.#post('/services/collector/ack', JSON.stringify({ acks: [ackId] }), signal);
      if (!exchange.ok) {
        last = failedExchange(exchange).answer;
        continue;
      }
      last = answerOf(exchange.response);
      const { status } = exchange.response;
      if (status === 401 || status === 403) return { outcome: 'auth_error', code: `http_${status}`, answer: last };
      if (status === 200 && isIndexed(parseObject(exchange.response.body), ackId))
        return { outcome: 'accepted', answer: last };
    }
    return notAcknowledged(last, 'not acknowledged in 30 s');
  }
}

const isIndexed = (body: Json | undefined, ackId: number): boolean => {
  const acks = body?.['acks'];
  return isObject(acks) && acks[String(ackId)] === true;
};

/** Splunk's HTTP Event Collector. Indexed fields `event_id`, `seq` and `call_id` find records and their repeats. */
export const splunkHec: Kind<SplunkConfig> = {
  name: 'splunk_hec',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    url: urlField(),
    token: secretField(),
    index: optional(textField()),
    source: optional(textField()),
    sourcetype: optional(textField()),
    acknowledge: optional(flagField()),
    tls: tlsField(),
  },
  open: (config, deps) => new SplunkDestination(config, deps),
};
