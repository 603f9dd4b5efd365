import { Kafka, logLevel, type Message, type Producer, type SASLOptions } from 'kafkajs';
import type { Socket } from 'node:net';
import { inBackground, listenTo, startTimer } from '../../../platform/runtime/guard.js';
import { errorText } from '../../../platform/runtime/log.js';
import type { Outbound, TlsOptions } from '../../../platform/outbound/outbound.js';
import {
  listField,
  objectField,
  oneOfField,
  optional,
  placeField,
  secretField,
  textField,
  type ConfigField,
} from '../config/config-fields.js';
import { socketTlsField } from '../config/outside-fields.js';
import type { Batch, DestinationDeps, Kind, OutgoingItem, SendResult } from '../kind.js';
import { connectionFailure } from '../sending/send-http.js';
import { guardedSockets } from './kafka-socket.js';

type Sasl = Readonly<{ mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }>;
type KafkaConfig = Readonly<{
  brokers: readonly string[];
  topic: string;
  sasl?: Sasl | undefined;
  tls?: TlsOptions | boolean | undefined;
}>;

const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** Of one try: connecting, signing in, metadata and the answer of the leader. */
const SEND_TIMEOUT_MS = 30_000;

/** Within one try kafkajs asks again for a leader that moved; what takes longer is the engine's to try again. */
const RETRY = { retries: 3, initialRetryTime: 100, maxRetryTime: 1000 } as const;

/** TLS with these certificates, `true` for TLS with the system's, or `false` as when it is left out. */
const tlsOrPlain = (): ConfigField<TlsOptions | boolean> => {
  const tls = socketTlsField();
  return {
    optional: true,
    read: (value, at, wrong) => (typeof value === 'boolean' ? value : tls.read(value, at, wrong)),
    show: (value) => (typeof value === 'boolean' ? value : tls.show(value)),
    secrets: (value) => (typeof value === 'boolean' ? [] : tls.secrets(value)),
    place: (value) => (typeof value === 'boolean' ? String(value) : tls.place(value)),
  };
};

const messageOf =
  (organizationId: string, isJson: boolean) =>
  ({ record, text }: OutgoingItem): Message => ({
    key: organizationId,
    value: text,
    headers: {
      ce_id: record.eventId,
      ce_type: record.type,
      'content-type': isJson ? 'application/json' : 'text/plain; charset=utf-8',
      toolgate_seq: String(record.seq),
      ...(record.callId === undefined ? {} : { toolgate_call_id: record.callId }),
      ...(record.isTest ? { toolgate_test: 'true' } : {}),
    },
  });

type Named = Error & Readonly<{ type?: unknown; code?: unknown; errors?: readonly unknown[] }>;

/** An error and what it was made of, however kafkajs wrapped it. */
const chainOf = (error: unknown): readonly Named[] => {
  const found: Named[] = [];
  for (let at = error; at instanceof Error && found.length < 10; at = at.cause) found.push(at as Named);
  return found;
};

const OF_RECORDS = /^(?:MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE|INVALID_RECORD|CORRUPT_MESSAGE)$/;
const OF_AUTHORITY = /_AUTHORIZATION_FAILED$|^(?:SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM)$/;

/** What a failed try means. Brokers answer by the names of errors in Kafka's protocol. */
const failureOf = (error: unknown): SendResult => {
  const chain = chainOf(error);
  const type = String(chain.find((one) => typeof one.type === 'string')?.type ?? '');
  const answer = { httpStatus: null, body: type === '' ? errorText(error) : `${type}: ${errorText(error)}` };
  if (OF_RECORDS.test(type)) return { outcome: 'refused', code: type.toLowerCase(), answer };
  const isSignIn = chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError');
  if (isSignIn || OF_AUTHORITY.test(type))
    return { outcome: 'auth_error', code: type.toLowerCase() || 'sign_in_failed', answer };
  if (type !== '') return { outcome: 'retry', code: type.toLowerCase(), timedOut: false, answer };
  return { outcome: 'retry', timedOut: false, code: connectionFailure(chain.at(-1)).code, answer };
};

/** One client with its connections: made for the first batch and after each failure. */
class Line {
  readonly #producer: Producer;
  readonly #sockets: ReadonlySet<Socket>;
  #connected: Promise<void> | undefined;
  /** What a connection failed with: kafkajs keeps only its text. */
  lastError: Error | undefined;

  constructor({ brokers, sasl, tls }: KafkaConfig, outbound: Outbound) {
    const options = tls === true ? {} : tls === false ? undefined : tls;
    const { factory, sockets } = guardedSockets(outbound, options);
    this.#sockets = sockets;
    const kafka = new Kafka({
      clientId: 'toolgate',
      brokers: [...brokers],
      ssl: options !== undefined,
      ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      authenticationTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      logLevel: logLevel.NOTHING,
      socketFactory: (arguments_) => {
        const socket = factory(arguments_);
        const keep = (error: Error): void => {
          this.lastError = error;
        };
        listenTo(socket, 'error', keep, { where: 'kafka_stream' });
        return socket;
      },
    });
    this.#producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: false });
  }

  async send(topic: string, messages: Message[]): Promise<void> {
    await (this.#connected ??= this.#producer.connect());
    await this.#producer.send({ topic, messages, acks: -1, timeout: REQUEST_TIMEOUT_MS });
  }

  /** kafkajs waits for answers before it ends a connection, for ever where none comes: the connections end first. */
  end(): void {
    for (const socket of this.#sockets) socket.destroy(new Error('the connection was ended'));
    this.#connected?.catch(() => undefined);
    inBackground(
      'kafka_stream',
      this.#producer.disconnect().catch(() => undefined),
    );
  }
}

class KafkaDestination {
  readonly #config: KafkaConfig;
  readonly #deps: DestinationDeps;
  #line: Line | undefined;

  constructor(config: KafkaConfig, deps: DestinationDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  async send({ items }: Batch, signal: AbortSignal): Promise<SendResult> {
    const line = (this.#line ??= new Line(this.#config, this.#deps.outbound));
    const { organizationId, format } = this.#deps;
    const messages = items.map(messageOf(organizationId, format.isJson));
    try {
      await orGiveUp(line.send(this.#config.topic, messages), signal);
      return { outcome: 'accepted', answer: null };
    } catch (error) {
      const result = error instanceof GaveUp ? error.result : failureOf(withCause(error, line.lastError));
      // A refusal leaves the connection as it was; after anything else the next try has new ones.
      if (result.outcome !== 'refused') await this.close();
      return result;
    }
  }

  close(): Promise<void> {
    this.#line?.end();
    this.#line = undefined;
    return Promise.resolve();
  }
}

/** kafkajs's error, with the error of the connection as the end of its chain. */
const withCause = (error: unknown, cause: Error | undefined): unknown =>
  cause === undefined || chainOf(error).some(({ type }) => typeof type === 'string')
    ? error
    : new Error(errorText(cause), { cause });

class GaveUp extends Error {
  constructor(readonly result: SendResult) {
    super('the send was given up');
  }
}

const gaveUp = (code: string, body: string): GaveUp =>
  new GaveUp({ outcome: 'retry', code, timedOut: code === 'timed_out', answer: { httpStatus: null, body } });

/** Waits for a send until it takes too long or is stopped; what it comes to later is dropped. */
const orGiveUp = (sent: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => reject(gaveUp('stopped', 'sending was stopped'));
    const timer = startTimer('kafka_stream', SEND_TIMEOUT_MS, () =>
      reject(gaveUp('timed_out', `no answer in ${SEND_TIMEOUT_MS / 1000} s`)),
    );
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    sent.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
  });

const BROKER = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):\d{1,5}$/;

/**
 * A topic of a customer's Kafka. All of an organization's records have the same key, and so stand in one partition, in
 * order; the header `ce_id` tells repeats.
 */
export const kafka: Kind<KafkaConfig> = {
  name: 'kafka',
  formats: ['native', 'ocsf', 'ecs', 'cef'],
  fields: {
    brokers: listField(placeField({ max: 260, pattern: BROKER, takes: 'takes host:port' }), 20),
    topic: textField({ max: 249, pattern: /^[A-Za-z0-9._-]+$/, takes: 'takes the name of a topic' }),
    sasl: optional(
      objectField<Sasl>({
        mechanism: oneOfField('plain', 'scram-sha-256', 'scram-sha-512'),
        username: textField(),
        password: secretField(),
      }),
    ),
    tls: tlsOrPlain(),
  },
  check: ({ topic }) =>
    topic === '.' || topic === '..'
      ? [{ pointer: '/config/topic', code: 'invalid', message: 'takes the name of a topic' }]
      : [],
  open: (config, deps) => new KafkaDestination(config, deps),
};
