import type { OutgoingRecord } from '../formats/outgoing-record.js';
import { loudnessOf, timeMsOf, type Loudness } from './record-facts.js';

/** Facility 13, log audit (RFC 5424, table 1). */
const FACILITY = 13;
const SEVERITIES: Readonly<Record<Loudness, number>> = { error: 3, warning: 4, notice: 5, info: 6 };

/** The number that RFC 5612 keeps for documentation: Toolgate has none of its own. */
const ENTERPRISE = 32473;

const HOST_AND_APPLICATION = 'toolgate toolgate';
const MAX_MESSAGE_ID = 32;

/**
 * A value of structured data: `"`, `\` and `]` are escaped (RFC 5424, 6.3.3). An unescaped `]` moves the rest of the
 * value into the message at rsyslog, and breaks the whole record at syslog-ng. Control characters go: a receiver that
 * writes lines would break there.
 */
export const escapeParam = (value: string): string =>
  value.replace(/[\p{Cc}\u2028\u2029]/gu, ' ').replace(/["\\\]]/g, '\\$&');

const messageId = (type: string): string => type.replace(/[^\x21-\x7e]/g, '').slice(0, MAX_MESSAGE_ID) || '-';

const structuredData = (record: OutgoingRecord, streamId: string): string => {
  const params = {
    eventId: record.eventId,
    seq: String(record.seq),
    organizationId: record.organizationId,
    streamId,
    callId: record.callId,
    test: record.isTest ? 'true' : undefined,
  };
  const texts = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escapeParam(value)}"`],
  );
  return `[toolgate@${ENTERPRISE} ${texts.join(' ')}]`;
};

/**
 * A record as one message of RFC 5424, framed by its length in octets (RFC 6587, 3.4.1; RFC 5425, 4.3). No byte order
 * mark: rsyslog keeps it in the message, where it stands before the `{` or `CEF:`.
 */
export const syslogFrame = (record: OutgoingRecord, text: string, streamId: string): Buffer => {
  const priority = FACILITY * 8 + SEVERITIES[loudnessOf(record)];
  const time = new Date(timeMsOf(record)).toISOString();
  const header = `<${priority}>1 ${time} ${HOST_AND_APPLICATION} - ${messageId(record.type)}`;
  const message = Buffer.from(`${header} ${structuredData(record, streamId)} ${text.replace(/[\r\n\0]/g, ' ')}`);
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
};
