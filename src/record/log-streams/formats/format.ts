import type { OutgoingRecord } from './outgoing-record.js';

/** Formats of records. `otlp` is the log record of OpenTelemetry, for streams of the kind `otlp` alone. */
export const FORMAT_NAMES = ['native', 'ocsf', 'ecs', 'cef', 'otlp'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/**
 * One format: pure, and total: a type of event that its mapping does not know becomes the format's generic class, as a
 * record that throws would stop a stream.
 */
export type Format = Readonly<{
  name: FormatName;
  /** Versions of the mapping, oldest first. A stream keeps the one that was the last when it was made. */
  mappingVersions: readonly [string, ...string[]];
  /** Whether a text is a JSON object; else it is a line of text. */
  isJson: boolean;
  /** A record as one line without a line break. `mappingVersion` is one of `mappingVersions`. */
  format: (record: OutgoingRecord, mappingVersion: string) => string;
  /** What the text of `format` holds, for kinds that don't send JSON; only where `isJson`. */
  toObject?: (record: OutgoingRecord, mappingVersion: string) => Readonly<Record<string, unknown>>;
}>;

/** The version of the mapping that a new stream gets. */
export const newestMapping = ({ mappingVersions }: Format): string => mappingVersions.at(-1) ?? mappingVersions[0];
