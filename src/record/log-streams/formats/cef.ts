import { isIPv4, isIPv6 } from 'node:net';
import { MAX_RECORD_BYTES } from '../../event-log/record-size.js';
import { wellFormed } from './bounded-text.js';
import { countAt, factsOf, objectAt, otherMembers, textAt, type RecordFacts } from './facts.js';
import type { Format } from './format.js';
import type { Level } from '../../event-log/events/meaning.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PRODUCT } from './product.js';

const SEVERITIES: Readonly<Record<Level, number>> = { info: 2, low: 5, medium: 7, high: 8 };

const NUL = /\0/g;

/** A field of the header: `\` and `|` are escaped, and a line break, for which the header has no escape, is a space. */
export const cefHeader = (text: string): string =>
  wellFormed(text)
    .replaceAll(NUL, '\ufffd')
    .replaceAll(/[\\|]/g, String.raw`\$&`)
    .replaceAll(/[\r\n]+/g, ' ');

const VALUE_ESCAPES: Readonly<Record<string, string>> = {
  '\\': String.raw`\\`,
  '=': String.raw`\=`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
};

/**
 * A value of the extension: `\`, `=` and line breaks are escaped. NUL, at which receivers in C end a line, and lone
 * surrogates become U+FFFD.
 */
export const cefValue = (text: string): string =>
  wellFormed(text)
    .replaceAll(NUL, '\ufffd')
    .replaceAll(/[\\=\n\r]/g, (character) => VALUE_ESCAPES[character] ?? character);

type Pair = readonly [key: string, value: string | number | undefined];

const labelled = (key: string, label: string, value: string | number | undefined): readonly Pair[] =>
  value === undefined
    ? []
    : [
        [`${key}Label`, label],
        [key, value],
      ];

const addressOf = (address: string | undefined): readonly Pair[] => {
  if (address === undefined) return [];
  if (isIPv4(address)) return [['src', address]];
  return isIPv6(address) ? labelled('c6a2', 'Source IPv6 Address', address) : [['shost', address]];
};

const targetOf = ({ event, meaning }: RecordFacts): readonly Pair[] =>
  meaning.subject === 'member' || meaning.subject === 'identity' || meaning.subject === 'signIn'
    ? [
        ['duid', textAt(event, 'userId') ?? textAt(event, 'identityId')],
        ['duser', textAt(event, 'email') ?? textAt(event, 'name')],
      ]
    : [];

const clientOf = ({ event }: RecordFacts): string | undefined => {
  const client = objectAt(event, 'client');
  const [name, version] = [client && textAt(client, 'name'), client && textAt(client, 'version')];
  return name === undefined || version === undefined ? name : `${name}/${version}`;
};

const policyOf = ({ event }: RecordFacts): string | undefined => {
  const [id, version] = [textAt(event, 'policyId'), countAt(event, 'policyVersion')];
  return id === undefined || version === undefined ? id : `${id}@${version}`;
};

const pairsOf = (facts: RecordFacts): readonly Pair[] => {
  const { record, event, result, actor } = facts;
  return [
    ['externalId', record.eventId],
    ['rt', facts.timeMs],
    ['cat', record.type],
    ['act', result.action],
    ['outcome', result.outcome],
    ['reason', result.code],
    ['msg', facts.message],
    ['suid', actor?.id],
    ['suser', actor?.name],
    ['spriv', actor?.type],
    ...targetOf(facts),
    ...addressOf(facts.sourceIp),
    ['requestMethod', textAt(event, 'method')],
    ['requestClientApplication', clientOf(facts)],
    ['destinationServiceName', textAt(event, 'serverName') ?? textAt(event, 'serverId')],
    ...labelled('deviceCustomDate1', 'recordedAt', facts.recordedMs),
    ...labelled('cn1', 'seq', record.seq),
    ...labelled('cn2', 'schemaVersion', facts.schemaVersion),
    ...labelled('cn3', 'durationMs', countAt(event, 'durationMs')),
    ...labelled('cs1', 'tool', textAt(event, 'tool')),
    ...labelled('cs2', 'policy', policyOf(facts)),
    ...labelled('cs3', 'rule', textAt(event, 'rule')),
    ...labelled('cs4', 'callId', facts.callId),
    ...labelled('cs5', 'organizationId', record.organizationId),
  ];
};

const written = (pairs: readonly Pair[]): string =>
  pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${cefValue(String(value))}`])).join(' ');

const toText = (record: OutgoingRecord): string => {
  const facts = factsOf(record);
  const { vendor, name, version } = PRODUCT;
  const header = [vendor, name, version, record.type, facts.meaning.title].map(cefHeader).join('|');
  const mark = record.isTest ? labelled('flexString1', 'toolgate.test', 'true') : [];
  const short = `CEF:0|${header}|${SEVERITIES[facts.result.level]}|${written([...pairsOf(facts), ...mark])}`;
  const rest = written(labelled('cs6', 'event', JSON.stringify(otherMembers(facts.event))));
  const whole = `${short} ${rest}`;
  return Buffer.byteLength(whole) <= MAX_RECORD_BYTES ? whole : short;
};

/**
 * CEF 0. `externalId` is the event's id and `cn1` its `seq`; `cs6` holds the other members of the event as JSON, and is
 * left out where the line would be too long with it.
 */
export const cef: Format = { name: 'cef', mappingVersions: ['1'], isJson: false, format: toText };
