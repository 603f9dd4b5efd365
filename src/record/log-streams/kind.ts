import type { Outbound } from '../../platform/outbound/outbound.js';
import type { ConfigFields } from './config/config-fields.js';
import type { Format, FormatName } from './formats/format.js';
import type { OutgoingRecord } from './formats/outgoing-record.js';

export const KIND_NAMES = [
  'webhook',
  'http',
  'splunk_hec',
  'syslog',
  'otlp',
  'elastic',
  'datadog',
  's3',
  'kafka',
] as const;
export type KindName = (typeof KIND_NAMES)[number];

/** A record and its text in the stream's format: one line without a line break. */
export type OutgoingItem = Readonly<{ record: OutgoingRecord; text: string }>;

/**
 * Records that are sent together, in order of `seq`, at least one. The same records sent again have the same `id`,
 * also after a restart; halves of a batch that was split have ids of their own.
 */
export type Batch = Readonly<{ id: string; items: readonly OutgoingItem[] }>;

/**
 * What a receiver answered. `body` may be as long as the sender read it: the engine cuts it to 2 KiB and takes the
 * stream's secrets out before it keeps it.
 */
export type Answer = Readonly<{ httpStatus: number | null; body: string }>;

/** Why a batch was not taken. `code` is a stable word, `answer` what the receiver said, if it said anything. */
type Failure = Readonly<{ code: string; answer: Answer | null }>;

/**
 * What came of one try to send a batch:
 *
 * - `accepted`: the receiver has every record.
 * - `accepted_except`: it has every record but those in `refused`, which it will never take: they become dead letters.
 *   Records that it may take later are a reason to answer `retry`: all are sent again.
 * - `retry`: lost connections, time-outs, 408, 429, 5xx, and whatever a kind can't tell. `retryAfterMs` is the
 *   receiver's wish. After a time-out (`timedOut`) the engine halves the batch.
 * - `auth_error`: 401 and 403.
 * - `refused`: 400, 413, 422, and what says that a record is at fault: the engine splits the batch down to the record,
 *   which becomes a dead letter with this answer.
 */
export type SendResult =
  | Readonly<{ outcome: 'accepted'; answer: Answer | null }>
  | Readonly<{
      outcome: 'accepted_except';
      answer: Answer | null;
      refused: readonly Readonly<{ seq: number; answer: Answer }>[];
    }>
  | (Failure & Readonly<{ outcome: 'retry'; timedOut: boolean; retryAfterMs?: number | undefined }>)
  | (Failure & Readonly<{ outcome: 'auth_error' }>)
  | (Failure & Readonly<{ outcome: 'refused' }>);

/**
 * An open stream's way to its receiver. `send` is never called while another call runs. It ends soon after `signal` is
 * aborted, and answers rather than rejects: a rejection counts as `retry` with code `internal`, and is reported.
 */
export type Destination = Readonly<{
  send: (batch: Batch, signal: AbortSignal) => Promise<SendResult>;
  /** Ends connections and timers. Never rejects; `send` is not called afterwards. */
  close: () => Promise<void>;
}>;

export type DestinationDeps = Readonly<{
  /** The guard: every connection is made through it. */
  outbound: Outbound;
  streamId: string;
  organizationId: string;
  format: Format;
  mappingVersion: string;
  /** What signs a batch, newest first; more than one while an older one is still good. Empty but for `webhook`. */
  signingSecrets: () => readonly string[];
}>;

/**
 * A kind of destination. `Config` is what its fields read. A new kind is one file in `kinds/` with such an object, a
 * line in `kinds/kinds.ts`, its members in docs/log-streams.md and a page in docs/siem.
 */
export type Kind<Config> = Readonly<{
  name: KindName;
  /** The formats that it takes; the first is the default. */
  formats: readonly [FormatName, ...FormatName[]];
  /** The members of `config`: how each is read, shown and hidden. Others are refused. */
  fields: ConfigFields<Config>;
  /** What is wrong with members together, as `errors[]`; the pointers begin with `/config`. */
  check?: (config: Config) => readonly Readonly<{ pointer: string; code: string; message: string }>[];
  /** How a member contradicts the stream's format, told as `check` does. */
  checkFormat?: (
    config: Config,
    format: FormatName,
  ) => readonly Readonly<{ pointer: string; code: string; message: string }>[];
  /** Whether it signs with a secret that is made here. */
  makesSecret?: true;
  /** How long a batch waits to be filled; by default it does not. */
  maxWaitMs?: (config: Config) => number;
  open: (config: Config, deps: DestinationDeps) => Destination;
}>;
