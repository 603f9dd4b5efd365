import { setTimeout as sleep } from 'node:timers/promises';
import { startTimer } from '../../../platform/runtime/guard.js';
import { Kafka, logLevel, type Admin, type ISocketFactory, type LogEntry, type SASLOptions } from 'kafkajs';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { KafkaConfig } from '../../../platform/settings/config.js';
import { log } from '../../../platform/runtime/log.js';

const KEEP_ALIVE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1500;
const CONNECT_ATTEMPTS = 3;

/**
 * Outlasts the election that follows a broker's death, which brokers notice after nine seconds unless told otherwise.
 */
const ADMIN_TIMEOUT_MS = 20_000;
const RESPONSE_TIMEOUT_MS = 10_000;
const RETRY_DELAY_MS = 100;

/**
 * Bounded everywhere: kafkajs retries for ever where it is told nothing (its `idempotent` producer does, which is why
 * that is never used).
 */
const RETRY = { retries: 5, initialRetryTime: 50, maxRetryTime: 1000 } as const;

/** A hanging broker accepts connections and answers nothing; only this ends a request to it. */
export const REQUEST_TIMEOUT_MS = 5000;

/**
 * Makes a client of the cluster. Every call begins with another broker, so that one that hangs is not asked first for
 * ever.
 */
export type MakeClient = () => Kafka;

/**
 * Without Nagle's algorithm: an append is a small request whose answer somebody waits for, and kafkajs's own factory
 * leaves it on.
 */
const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const servername = net.isIP(host) ? {} : { servername: host };
  const socket = ssl
    ? tls.connect({ host, port, ...servername, ...ssl }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
};

/**
 * kafkajs's own lines go to our log without what it adds to them (stacks, requests), so that no record can slip in. It
 * calls an error what it then tries again. A broker's refusals are told by whoever asked; those of the connection would
 * say each twice, and a heartbeat's every second.
 */
const logCreator =
  () =>
  (entry: LogEntry): void => {
    if (entry.namespace === 'Connection' && entry.log.message.startsWith('Response ')) return;
    const { broker, groupId, error } = entry.log as Readonly<{ broker?: string; groupId?: string; error?: unknown }>;
    const fields = { part: entry.namespace, broker, groupId, ...(typeof error === 'string' ? { error } : {}) };
    log.warn(`kafka: ${entry.log.message}`, fields);
  };

const sslOf = async (config: KafkaConfig): Promise<tls.ConnectionOptions | boolean> => {
  if (!config.ssl) return false;
  return config.caFile ? { ca: [await readFile(config.caFile, 'utf8')] } : true;
};

/** Reads what the configuration points to once. @throws when the certificate authority's file can't be read. */
export const clientMaker = async (config: KafkaConfig): Promise<MakeClient> => {
  const ssl = await sslOf(config);
  let turn = 0;
  return () => {
    const first = turn++ % config.brokers.length;
    return new Kafka({
      clientId: 'toolgate',
      brokers: [...config.brokers.slice(first), ...config.brokers.slice(0, first)],
      ssl,
      ...(config.sasl ? { sasl: config.sasl as SASLOptions } : {}),
      connectionTimeout: 3000,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      socketFactory,
      logLevel: logLevel.WARN,
      logCreator,
    });
  };
};

/** Nobody answered in time; another broker may. */
class ResponseTimeout extends Error {
  readonly retriable = true;
}

/** Waits for `work`, at most `timeoutMs`; what comes later, an error too, is dropped. */
export const rejectAfter = <T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = startTimer('kafka_client', timeoutMs, () =>
      reject(new ResponseTimeout(`${what}: no answer in ${timeoutMs} ms`)),
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/**
 * Connects what `make` gives, by another broker where one hangs: kafkajs goes on to the next only when a connection is
 * refused.
 * @throws after 4.5 s at most.
 */
export const connectAny = async <T extends Readonly<{ connect: () => Promise<void>; disconnect: () => Promise<void> }>>(
  make: () => T,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    const made = make();
    try {
      await rejectAfter(made.connect(), CONNECT_TIMEOUT_MS, 'connecting to Kafka');
      return made;
    } catch (error) {
      made.disconnect().catch(() => undefined);
      if (attempt === CONNECT_ATTEMPTS) throw error;
    }
  }
};

/**
 * What passes by itself: a leader that moved or is not known yet, a coordinator that is loading, a connection that was
 * lost. kafkajs says so of an error, of its cause or of its parts.
 */
const isTransient = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  const {
    retriable,
    cause,
    errors = [],
  } = error as Error & Readonly<{ retriable?: boolean; errors?: readonly unknown[] }>;
  return retriable === true || isTransient(cause) || (errors.length > 0 && errors.every(isTransient));
};

/**
 * Asks the cluster something that may be asked twice, over a connection of its own, so that no earlier trouble clings
 * to it. kafkajs's admin client gives up at the first refusal and goes by the leaders that it knew: here what passes by
 * itself is asked again, by another broker and with new metadata, for `timeoutMs`.
 * @throws at once when no broker can be reached (4.5 s) or the answer is final.
 */
export const asAdmin = async <T>(
  client: MakeClient,
  ask: (admin: Admin) => Promise<T>,
  timeoutMs = ADMIN_TIMEOUT_MS,
): Promise<T> => {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    const admin = await connectAny(() => client().admin());
    try {
      return await rejectAfter(ask(admin), RESPONSE_TIMEOUT_MS, 'asking Kafka');
    } catch (error) {
      if (!isTransient(error) || Date.now() > giveUpAt) throw error;
    } finally {
      admin.disconnect().catch(() => undefined);
    }
    await sleep(RETRY_DELAY_MS);
  }
};
